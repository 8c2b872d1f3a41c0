import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bigintBackend } from '../../src/math/bigint_backend.js';
import { CrtModulus, powReduced, primeField, primeSquare } from '../../src/math/crt.js';
import { smallPrime } from '../util/small.js';

const [p, q] = [smallPrime(0), smallPrime(1)];
const exponent = fc.oneof(
  fc.bigInt({ min: 0n, max: 1n << 600n }),
  fc.constantFrom(0n, 1n, 2n, p - 1n, p, q - 1n, p * (p - 1n), (p - 1n) * (q - 1n), 2n * (p - 1n) + 1n),
);

describe.each([
  { what: 'Z_N', ring: new CrtModulus(primeField(p), primeField(q)), n: p * q },
  { what: 'Z_N^2', ring: new CrtModulus(primeSquare(p), primeSquare(q)), n: (p * q) ** 2n },
])('$what by its factors', ({ ring, n }) => {
  const plain = bigintBackend.modulus(n);
  const base = fc.oneof(
    fc.bigInt({ min: -n, max: 2n * n }),
    fc.bigInt({ min: -9n, max: 9n }),
    // No units: exponents may not be reduced.
    fc.bigInt({ min: -9n, max: 9n }).chain((k) => fc.constantFrom(k * p, k * q, k * p * p, k * q * q, k * p * q, n, n + k)),
  );

  it('has the right modulus', () => {
    expect(ring.value).toBe(n);
  });

  it('exponentiates as plain arithmetic does', () => {
    fc.assert(
      fc.property(base, exponent, (b, e) => {
        expect(ring.pow(b, e)).toBe(plain.pow(b, e));
        if (e > 0n) expect(ring.powWith(e)(b)).toBe(plain.pow(b, e));
      }),
      { numRuns: 150 },
    );
  });

  it('joins two residues to the one number below n', () => {
    const halves = n === p * q ? [p, q] : [p * p, q * q];
    const [m1 = 1n, m2 = 1n] = halves;
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: m1 - 1n }), fc.bigInt({ min: 0n, max: m2 - 1n }), (a, b) => {
        const joined = ring.join(a, b);
        expect(joined >= 0n && joined < n).toBe(true);
        expect([joined % m1, joined % m2]).toEqual([a, b]);
      }),
    );
  });
});

describe('powReduced', () => {
  it.each([
    { what: 'p', power: primeField(p) },
    { what: 'p^2', power: primeSquare(p) },
  ])('modulo $what takes exponents of either sign for units', ({ power }) => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: p - 1n }), fc.bigInt({ min: 1n, max: 1n << 1100n }), (b, e) => {
        const m = power.modulus.value;
        expect((powReduced(power, b, e) * powReduced(power, b, -e)) % m).toBe(1n);
        expect(powReduced(power, b, e + 3n * power.order)).toBe(powReduced(power, b, e));
      }),
      { numRuns: 30 },
    );
  });
});

it('refuses one prime twice, whose halves determine no number', () => {
  expect(() => new CrtModulus(primeField(p), primeField(p))).toThrow(RangeError);
});
