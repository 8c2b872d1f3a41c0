import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { invert, mod } from '../../src/math/integer.js';
import { modulus } from '../../src/math/modular.js';
import { equalTimesPowers, powUnit } from '../../src/math/powers.js';
import { randomUnit } from '../../src/math/random.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { smallPrime } from '../util/small.js';

const ring = modulus(smallPrime(0) * smallPrime(1));
const n = ring.value;
const exponent = fc.bigInt({ min: -(1n << 300n), max: 1n << 300n });
const unit = fc.string().map((seed) => randomUnit(n, seededRng(seed)));

describe('powers of units by public exponents of either sign', () => {
  it('powUnit: a negative exponent is the power of the inverse', () => {
    fc.assert(
      fc.property(unit, exponent, (base, e) => {
        expect((powUnit(ring, [base, e]) * powUnit(ring, [base, -e])) % n).toBe(1n);
        expect(powUnit(ring, [base, -1n])).toBe(invert(base, n));
        expect(powUnit(ring, [base, 3n])).toBe(base ** 3n % n);
      }),
      { numRuns: 30 },
    );
  });

  it('equalTimesPowers: holds for the product, for any signs and forms of the sides, and for nothing else', () => {
    fc.assert(
      fc.property(unit, unit, unit, exponent, exponent, (right, b1, b2, e1, e2) => {
        const left = (((right * powUnit(ring, [b1, e1])) % n) * powUnit(ring, [b2, e2])) % n;
        expect(equalTimesPowers(ring, left, right, [b1, e1], [b2, e2])).toBe(true);
        expect(equalTimesPowers(ring, left - n, right + n, [b1, e1], [b2, e2])).toBe(true);
        expect(equalTimesPowers(ring, mod(left + 1n, n), right, [b1, e1], [b2, e2])).toBe(false);
        expect(equalTimesPowers(ring, left, right, [b1, e1 + 1n], [b2, e2])).toBe(b1 === 1n);
      }),
      { numRuns: 30 },
    );
  });
});
