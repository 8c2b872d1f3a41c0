import { describe, expect, it } from '@jest/globals';
import { invert } from '@noble/curves/abstract/modular.js';
import fc from 'fast-check';
import { gcdLehmer, invertLehmer } from '../../src/math/lehmer.js';
import { randomBelow } from '../../src/math/random.js';
import { seededRng } from '../../src/testing/seeded_rng.js';

function gcdEuclid(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** Any length up to 6200 bits, even or not. */
const uniform = fc.integer({ min: 0, max: 6200 }).chain((bits) => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n }));
/** Sums of a few signed powers of two: long runs of zeros and ones, where leading parts mislead. */
const sparse = fc
  .array(fc.tuple(fc.nat(6000), fc.boolean()), { maxLength: 6 })
  .map((terms) => terms.reduce((sum, [bit, minus]) => (minus ? sum - (1n << BigInt(bit)) : sum + (1n << BigInt(bit))), 0n))
  .map((x) => (x < 0n ? -x : x));
/** Euclid's algorithm backwards over given quotients: from all ones (Fibonacci, the most steps) to huge ones. */
const quotients = fc.array(fc.oneof(fc.constant(1n), fc.bigInt(1n, 3n), fc.bigInt(1n, 1n << 70n)), { maxLength: 300 });
const fromQuotients = quotients.map((list) => list.reduce<[bigint, bigint]>(([x, y], quotient) => [quotient * x + y, x], [1n, 0n]));

const anyNumber = fc.oneof(uniform, sparse);
/** A number and one a few bits longer. */
const near = fc
  .tuple(anyNumber, fc.bigInt(0n, 5000n), anyNumber)
  .map(([x, times, rest]): [bigint, bigint] => [x * times + (rest % (x + 1n)), x]);
const pair = fc.oneof(fc.tuple(anyNumber, anyNumber), near, fromQuotients);

describe('gcd', () => {
  it("is Euclid's, whatever the shape, the order and the common factor", () => {
    fc.assert(
      fc.property(pair, fc.oneof(fc.constant(1n), anyNumber), ([a, b], factor) => {
        const expected = gcdEuclid(a, b) * factor;
        expect(gcdLehmer(a * factor, b * factor)).toBe(expected);
        expect(gcdLehmer(b * factor, a * factor)).toBe(expected);
      }),
      { numRuns: 1500 },
    );
  });

  it("is Euclid's for many short pairs, the rare wrong quotient included", () => {
    const rng = seededRng('short pairs');
    const random = (bits: number): bigint => randomBelow(1n << BigInt(bits), rng);
    const pairs = Array.from({ length: 8_000 }, (_, k) => [random(100), random(100 + (k % 32))] as const);
    expect(pairs.filter(([a, b]) => gcdLehmer(a, b) !== gcdEuclid(a, b))).toEqual([]);
  });

  it.each([
    [0n, 0n, 0n],
    [0n, 7n, 7n],
    [7n, 0n, 7n],
    [1n, 1n, 1n],
    [12n, 18n, 6n],
    [1n << 3000n, 1n << 52n, 1n << 52n],
    [(1n << 3000n) - 1n, (1n << 3000n) + 1n, 1n],
    [(1n << 53n) - 1n, (1n << 53n) - 2n, 1n],
  ])('of %# is right', (a, b, expected) => {
    expect(gcdLehmer(a, b)).toBe(expected);
    expect(gcdLehmer(b, a)).toBe(expected);
  });
});

describe('invert', () => {
  it('gives what noble gives, or null where that throws', () => {
    fc.assert(
      fc.property(pair, ([x, y]) => {
        const [n, a] = [y + 2n, x % (y + 2n)];
        const inverse = invertLehmer(a, n);
        if (gcdEuclid(a, n) === 1n) expect(inverse).toBe(invert(a, n));
        else expect(inverse).toBeNull();
      }),
      { numRuns: 700 },
    );
  });

  it('of each residue of small moduli is right', () => {
    for (let n = 1n; n < 60n; n++) {
      for (let a = 0n; a < n; a++) {
        const naive = Array.from({ length: Number(n) }, (_, k) => BigInt(k)).find((k) => (a * k) % n === 1n % n);
        expect(invertLehmer(a, n)).toBe(naive ?? null);
      }
    }
  });
});
