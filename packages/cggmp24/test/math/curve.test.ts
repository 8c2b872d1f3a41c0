import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { GROUP_ORDER as q } from '../../src/math/curve.js';
import * as curve from '../../src/math/curve.js';
import { evaluate, evaluateCommitment, evaluateInExponent, lagrange } from '../../src/math/polynomial.js';
import { PointJson } from '../../src/wire/json.js';
import { loadVectors } from '../util/vectors.js';

const hexScalar = z.string().transform((hex) => BigInt(`0x${hex}`));
const hexPoint = z.string().transform((hex) => curve.decodePoint(hexToBytes(hex)));
const signedHex = z.string().transform((s) => (s.startsWith('-') ? -BigInt(`0x${s.slice(1)}`) : BigInt(`0x${s}`)));

const scalar = fc.oneof(fc.constantFrom(0n, 1n, 2n, q - 1n, q / 2n, q / 2n + 1n), fc.bigInt({ min: 0n, max: q - 1n }));
const point = fc.oneof(
  fc.constantFrom(curve.G, curve.G.negate(), curve.INFINITY),
  fc.bigInt({ min: 1n, max: q - 1n }).map((x) => naiveMultiple(curve.G, x)),
);

/** Double and add. */
function naiveMultiple(P: curve.Point, x: bigint): curve.Point {
  let [sum, power] = [curve.INFINITY, P];
  for (let e = x; e > 0n; e >>= 1n) {
    if ((e & 1n) === 1n) sum = sum.add(power);
    power = power.add(power);
  }
  return sum;
}

describe('scalars', () => {
  const serde = loadVectors(
    'unit_serde',
    z.object({
      scalar_to_pm_integer: z.array(z.object({ scalar: hexScalar, integer: signedHex })).min(4),
      integer_to_scalar: z.array(z.object({ integer: signedHex, scalar: hexScalar })).min(4),
    }),
  );

  it.each(serde.scalar_to_pm_integer)('of the crate, as signed integers: $scalar', ({ scalar: x, integer }) => {
    expect(curve.toSigned(x)).toBe(integer);
    expect(curve.toScalar(integer)).toBe(x);
  });

  it.each(serde.integer_to_scalar)('of the crate, from integers of any size: $integer', ({ integer, scalar: x }) => {
    expect(curve.toScalar(integer)).toBe(x);
  });

  it('have one signed form, at most (q - 1) / 2 in size', () => {
    expect(curve.toSigned((q - 1n) / 2n)).toBe((q - 1n) / 2n);
    expect(curve.toSigned((q + 1n) / 2n)).toBe(-(q - 1n) / 2n);
    fc.assert(
      fc.property(scalar, (x) => {
        const signed = curve.toSigned(x);
        expect(2n * (signed < 0n ? -signed : signed) < q).toBe(true);
        expect(curve.toScalar(signed)).toBe(x);
      }),
    );
  });

  it('are inverted, 0 is not', () => {
    fc.assert(
      fc.property(scalar.filter((x) => x !== 0n), (x) => {
        expect(curve.toScalar(x * curve.invertScalar(x))).toBe(1n);
      }),
    );
    expect(() => curve.invertScalar(0n)).toThrow();
  });

  it('are summed modulo q', () => {
    expect(curve.sumScalars([q - 1n, 1n])).toBe(0n);
    expect(curve.sumScalars([q - 1n, q - 1n, 5n])).toBe(3n);
    expect(curve.sumScalars([])).toBe(0n);
  });
});

describe('multiples of a point', () => {
  it('are double-and-add, in either time', () => {
    fc.assert(
      fc.property(point, scalar, (P, x) => {
        const expected = naiveMultiple(P, x);
        expect(curve.multiply(P, x).equals(expected)).toBe(true);
        expect(curve.multiplyPublic(P, x).equals(expected)).toBe(true);
        expect(curve.multiplyPublic(P, -x).equals(expected.negate())).toBe(true);
        expect(curve.multiplyPublic(P, x + 5n * q).equals(expected)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each([1n, 2n, 3n, q / 2n, q / 2n + 1n, q - 2n, q - 1n, 1n << 255n, (1n << 128n) - 1n])('of G are double-and-add: %s', (x) => {
    const expected = naiveMultiple(curve.G, x);
    expect(curve.multiply(curve.G, x).equals(expected)).toBe(true);
    expect(curve.multiplyPublic(curve.G, x).equals(expected)).toBe(true);
    expect(curve.multiplyPublic(curve.G, -x).equals(expected.negate())).toBe(true);
  });

  it('are added to multiples of G, whether or not the logarithm is known', () => {
    fc.assert(
      fc.property(scalar.filter((log) => log !== 0n), scalar, scalar, (log, x, y) => {
        const P = naiveMultiple(curve.G, log);
        const expected = naiveMultiple(P, x).add(naiveMultiple(curve.G, y));
        expect(curve.multiplyAdd(P, x, y).equals(expected)).toBe(true);
        expect(curve.multiplyAdd(P, x, y, log).equals(expected)).toBe(true);
      }),
      { numRuns: 30, examples: [[5n, 1n, q - 5n]] },
    );
  });

  it('are infinity for 0, for q, and of infinity', () => {
    for (const multiply of [curve.multiply, curve.multiplyPublic]) {
      expect(multiply(curve.G, 0n).is0()).toBe(true);
      expect(multiply(curve.INFINITY, 5n).is0()).toBe(true);
      expect(multiply(curve.INFINITY, 0n).is0()).toBe(true);
    }
    expect(curve.multiplyPublic(curve.G, q).is0()).toBe(true);
    expect(curve.multiplyPublic(curve.G, -3n * q).is0()).toBe(true);
  });

  it('add up', () => {
    const points = [1n, 2n, q - 3n].map((x) => curve.multiply(curve.G, x));
    expect(curve.sumPoints(points).is0()).toBe(true);
    expect(curve.sumPoints([]).is0()).toBe(true);
  });
});

describe('encoded points', () => {
  it('are read back, compressed or not', () => {
    fc.assert(
      fc.property(fc.oneof(point, fc.constant(curve.INFINITY)), fc.boolean(), (P, compressed) => {
        const bytes = curve.encodePoint(P, compressed);
        expect(bytes).toHaveLength(compressed ? 33 : 65);
        expect(curve.decodePoint(bytes).equals(P)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  const uncompressed = bytesToHex(curve.encodePoint(curve.G, false));
  const fieldPrime = 'fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f';
  it.each([
    ['no bytes', ''],
    ['a zero byte, SEC1 for infinity', '00'],
    ['32 zero bytes', '00'.repeat(32)],
    ['64 zero bytes', '00'.repeat(64)],
    ['an x without y', `02${'00'.repeat(31)}05`],
    ['x = 0', `02${'00'.repeat(32)}`],
    ['x of the field prime plus one, for 1', `02${(BigInt(`0x${fieldPrime}`) + 1n).toString(16)}`],
    ['x = 2^256 - 1', `03${'ff'.repeat(32)}`],
    ['another y', `${uncompressed.slice(0, -2)}00`],
    ['the hybrid form', `06${uncompressed.slice(2)}`],
    ['the hybrid form, odd', `07${uncompressed.slice(2)}`],
    ['a wrong first byte', `05${uncompressed.slice(2)}`],
    ['infinity with a first byte', `04${'00'.repeat(64)}`],
    ['a byte too few', uncompressed.slice(0, -2)],
    ['a byte too many', `${uncompressed}00`],
    ['a compressed length with an uncompressed first byte', `04${'11'.repeat(32)}`],
  ])('refuses %s', (_, hex) => {
    expect(() => curve.decodePoint(hexToBytes(hex))).toThrow();
  });
});

describe("polynomials, against the crate's", () => {
  const { cases } = loadVectors(
    'unit_vss',
    z.object({
      cases: z
        .array(
          z.object({
            t: z.number(),
            n: z.number(),
            f: z.array(hexScalar),
            F: z.array(hexPoint),
            F_json: z.array(z.unknown()),
            shares_f_of_j_plus_1: z.array(hexScalar),
            public_shares: z.array(hexPoint),
            lagrange: z
              .array(z.object({ indexes_zero_based: z.array(z.number()), at_zero: z.array(hexScalar), at_n_plus_5: z.array(hexScalar) }))
              .min(1),
          }),
        )
        .min(3),
    }),
  );

  describe.each(cases)('$t of $n', ({ n, f, F, F_json, shares_f_of_j_plus_1, public_shares, lagrange: recorded }) => {
    it('commitments are multiples of G, on the wire too', () => {
      expect(f.map((c) => curve.multiply(curve.G, c).toHex())).toEqual(F.map((C) => C.toHex()));
      expect(F.map((C) => z.encode(PointJson, C))).toEqual(F_json);
    });

    it('shares are values at 1 to n, in the exponent too', () => {
      const nodes = Array.from({ length: n }, (_, j) => BigInt(j + 1));
      expect(nodes.map((x) => evaluate(f, x))).toEqual(shares_f_of_j_plus_1);
      expect(nodes.map((x) => evaluateCommitment(F, x).toHex())).toEqual(public_shares.map((P) => P.toHex()));
    });

    it.each(recorded)('Lagrange coefficients for $indexes_zero_based', ({ indexes_zero_based, at_zero, at_n_plus_5 }) => {
      const xs = indexes_zero_based.map((j) => BigInt(j + 1));
      expect(lagrange(xs, 0n)).toEqual(at_zero);
      expect(lagrange(xs, BigInt(n + 5))).toEqual(at_n_plus_5);
      const shares = indexes_zero_based.map((j) => shares_f_of_j_plus_1[j] ?? 0n);
      expect(curve.sumScalars(at_zero.map((lambda, k) => lambda * (shares[k] ?? 0n)))).toBe(f[0]);
      const points = indexes_zero_based.map((j) => public_shares[j] ?? curve.INFINITY);
      expect(evaluateInExponent(xs, points, 0n).toHex()).toBe(F[0]?.toHex());
    });
  });

  it('nodes must be distinct, and each have a value', () => {
    expect(() => lagrange([1n, 2n, 1n], 0n)).toThrow(RangeError);
    expect(() => evaluateInExponent([1n, 2n], [curve.G], 0n)).toThrow(RangeError);
  });

  it('the empty polynomial is zero', () => {
    expect(evaluate([], 5n)).toBe(0n);
    expect(evaluateCommitment([], 5n).is0()).toBe(true);
  });
});
