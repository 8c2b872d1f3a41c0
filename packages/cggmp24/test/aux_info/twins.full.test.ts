import { expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { SECURITY_128 } from '../../src/params.js';
import { auxInfo } from '../../src/sessions.js';
import { fixturePrimes } from '../../src/testing/parties.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { ending } from '../util/blame.js';
import { simulateJudged } from '../util/evidence.js';

const executionId = utf8ToBytes('twins');

it('two parties with the same primes and randomness are both named, by the third and by a judge', () => {
  const sessions = [0, 1, 1].map((drawnBy, index) =>
    auxInfo({ executionId, index, parties: 3, primes: fixturePrimes(drawnBy, SECURITY_128), rng: seededRng(`twins ${drawnBy}`) }),
  );
  const setting = { kind: 'aux_info', executionId, parties: 3, prmFirstWordOnly: false, reliableBroadcast: true } as const;
  const outcomes = simulateJudged(SECURITY_128, setting, [0], sessions);
  expect(outcomes.map(ending)).toEqual(['invalid_modulus:1,2', 'invalid_modulus:2', 'invalid_modulus:1']);
});
