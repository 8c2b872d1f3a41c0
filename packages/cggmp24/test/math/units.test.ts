import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gcd } from '../../src/math/integer.js';
import { checkUnits } from '../../src/math/units.js';
import { failedCheck } from '../util/proofs.js';

const n = 7n * 11n * 13n;

describe('checkUnits', () => {
  it('agrees with the definition, element by element, and names the first that fails', () => {
    const elements = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.bigInt({ min: -2000n, max: 2n * n * n }));
    fc.assert(
      fc.property(elements, fc.constantFrom(n, n * n), (named, bound) => {
        const outside = Object.entries(named).filter(([, x]) => x <= 0n || x >= bound);
        const common = Object.entries(named).filter(([, x]) => gcd(x, n) !== 1n);
        const [[culprit] = []] = outside.length > 0 ? outside : common;
        expect(failedCheck(checkUnits, 'Z*', n, bound, named)).toBe(culprit === undefined ? 'accepted' : `${culprit} in Z*`);
      }),
    );
  });

  it('is not deceived by factors that make up n only together', () => {
    expect(failedCheck(checkUnits, 'Z*', n, n, { ok: 2n, seven: 7n, rest: 143n })).toBe('seven in Z*');
  });
});
