import { describe, expect, it } from '@jest/globals';
import { SECURITY_128 } from '../../src/params.js';
import { simulate } from '../../src/testing/simulate.js';
import { expectBlame, reasonsOf } from '../util/blame.js';
import { presigners, wrongDelta, wrongS, type Group } from '../util/identification.js';
import { recordedShares } from '../util/signing_vectors.js';

describe('2 of 3 at 128-bit security', () => {
  const group: Group = { shares: recordedShares('key_shares_2of3'), signers: [1, 0], m: SECURITY_128.m };

  it.each([
    ['delta', wrongDelta(0), 'delta: z_k G = C_k + e_k X'],
    ['S', wrongS(0), 'S: z_k G = C_k + e_k X'],
  ])('whoever lies about %s is named', (_, lies, reason) => {
    const outcomes = simulate(presigners(group, new Map([[1, lies]])));
    expectBlame(outcomes, [0], 'inconsistent_presignature', [1]);
    expect(reasonsOf(outcomes[0])).toEqual([reason]);
  });
});
