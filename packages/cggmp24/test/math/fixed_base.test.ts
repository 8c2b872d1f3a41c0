import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bigintBackend } from '../../src/math/bigint_backend.js';
import { FixedBases } from '../../src/math/fixed_base.js';
import { invert } from '../../src/math/integer.js';
import { modulus } from '../../src/math/modular.js';
import { randomUnit } from '../../src/math/random.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { smallPrime } from '../util/small.js';

const ring = modulus(smallPrime(0) * smallPrime(1));
const n = ring.value;
const reference = bigintBackend.modulus(n);
const [b1, b2] = [randomUnit(n, seededRng('b1')), randomUnit(n, seededRng('b2'))];
const [bits1, bits2] = [700, 1600];

function power(base: bigint, e: bigint): bigint {
  return e < 0n ? reference.pow(invert(base, n), -e) : reference.pow(base, e);
}

/** Exponents of either sign up to `bits` bits; on both sides of where another group of rows is needed; the longest. */
function exponentsOf(bits: number): fc.Arbitrary<bigint> {
  const longest = (1n << BigInt(bits)) - 1n;
  const ofLength = fc
    .integer({ min: 1, max: bits })
    .chain((length) => fc.bigInt({ min: 1n << BigInt(length - 1), max: (1n << BigInt(length)) - 1n }));
  const positive = fc.oneof(
    ofLength,
    fc.bigInt({ min: 0n, max: longest }),
    fc.constantFrom(0n, 1n, 2n, longest, longest - 1n, 1n << BigInt(bits - 1)),
  );
  return fc.tuple(positive, fc.boolean()).map(([e, negative]) => (negative ? -e : e));
}

/** With its tables built. */
function built(...bases: readonly { base: bigint; bits: number }[]): FixedBases {
  const powers = new FixedBases(ring, bases);
  for (let k = 0; k < 25; k++) powers.product(bases.map(() => 1n));
  return powers;
}

describe('a product of powers of fixed bases', () => {
  const both = built({ base: b1, bits: bits1 }, { base: b2, bits: bits2 });

  it('is what the powers one by one are', () => {
    fc.assert(
      fc.property(exponentsOf(bits1), exponentsOf(bits2), (e1, e2) => {
        expect(both.product([e1, e2])).toBe((power(b1, e1) * power(b2, e2)) % n);
      }),
      { numRuns: 150 },
    );
  });

  it('is right for every length of an exponent', () => {
    for (let length = 0; length < bits2; length += 7) {
      const e = (1n << BigInt(length)) - 1n;
      expect(both.product([0n, e])).toBe(power(b2, e));
      expect(both.product([0n, -e - 1n])).toBe(power(b2, -e - 1n));
    }
  });

  it('is right for exponents beyond the tables', () => {
    const [e1, e2] = [1n << BigInt(bits1), 1n << BigInt(bits2 + 900)];
    expect(both.product([e1, 5n])).toBe((power(b1, e1) * power(b2, 5n)) % n);
    expect(both.product([-5n, -e2])).toBe((power(b1, -5n) * power(b2, -e2)) % n);
  });

  it('is the same before and after the tables are built', () => {
    const powers = new FixedBases(ring, [{ base: b1, bits: bits1 }]);
    const [e, expected] = [-(1n << 600n) + 12345n, power(b1, -(1n << 600n) + 12345n)];
    for (let k = 0; k < 30; k++) expect(powers.product([e])).toBe(expected);
  });

  it.each([
    ['1', 1n],
    ['2', 2n],
    ['-1', n - 1n],
    ['n + 2', n + 2n],
  ])('has %s as a base too', (_, base) => {
    const powers = built({ base, bits: 512 });
    for (const e of [0n, 1n, -1n, 3n, (1n << 512n) - 1n]) expect(powers.product([e])).toBe(power(base, e));
  });

  it('has units for bases', () => {
    const powers = new FixedBases(ring, [{ base: smallPrime(0), bits: 512 }]);
    expect(() => powers.product([1n])).toThrow(RangeError);
  });
});

describe('the multiplications', () => {
  /** A modulus that counts the exponentiations asked of it. */
  function counting(buildAfter?: number): { powers: FixedBases; count: () => number } {
    let asked = 0;
    const pow = (base: bigint, e: bigint): bigint => {
      asked++;
      return ring.pow(base, e);
    };
    const powers = new FixedBases({ value: n, pow, powWith: (e) => (base) => pow(base, e) }, [{ base: b1, bits: bits1 }], buildAfter);
    return { powers, count: () => asked };
  }

  it('take the place of exponentiations after 20 products, and only of those within the tables', () => {
    const { powers, count } = counting();
    for (let k = 0; k < 20; k++) powers.product([5n]);
    expect(count()).toBe(20);
    powers.product([5n]);
    const atBuilding = count();
    for (let k = 0; k < 20; k++) powers.product([-(1n << 699n)]);
    expect(count()).toBe(atBuilding);
    powers.product([1n << 700n]);
    expect(count()).toBe(atBuilding + 1);
  });

  it('do so at once where it is told to', () => {
    const { powers, count } = counting(0);
    expect(powers.product([5n])).toBe(power(b1, 5n));
    const atBuilding = count();
    expect(atBuilding).toBeGreaterThan(1);
    for (let k = 0; k < 20; k++) powers.product([-(1n << 699n)]);
    expect(count()).toBe(atBuilding);
  });
});
