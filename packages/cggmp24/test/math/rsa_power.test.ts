import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bigintBackend } from '../../src/math/bigint_backend.js';
import { agreesWithModulus, rsaPower, selfPower, viaRsa, type SelfPower } from '../../src/math/rsa_power.js';
import { odd } from '../util/odd.js';

describe('a power', () => {
  it.each([16, 64, 255, 512, 1000])('by RSA is that of bigint modulo odd n of %i bits', (bits) => {
    fc.assert(
      fc.property(odd(bits), fc.bigInt({ min: 1n, max: 1n << 1000n }), fc.bigInt({ min: 3n, max: 1n << 1000n }), (n, base, exponent) => {
        const [b, e] = [base % n, 3n + (exponent % (n - 3n))];
        expect(rsaPower(n, e)(b)).toBe(bigintBackend.modulus(n).pow(b, e));
      }),
      { numRuns: 40 },
    );
  });
});

describe('z^n mod n', () => {
  it.each([
    { bits: 256, runs: 40 },
    { bits: 1024, runs: 5 },
    { bits: 3071, runs: 1 },
    { bits: 3072, runs: 1 },
    { bits: 3073, runs: 1 },
  ])('is that of bigint for n of $bits bits', ({ bits, runs }) => {
    fc.assert(
      fc.property(odd(bits), fc.bigInt({ min: 1n, max: (1n << BigInt(bits - 1)) - 1n }), (n, z) => {
        const expected = bigintBackend.modulus(n).pow(z, n);
        for (const base of [z, n - z]) expect(selfPower(n)(base)).toBe(base === z ? expected : (n - expected) % n);
      }),
      { numRuns: runs },
    );
  });

  it('is computed by RSA as far as OpenSSL does it', () => {
    expect([512, 3072, 3073].map((bits) => agreesWithModulus(viaRsa, bits))).toEqual([true, true, false]);
  });

  it.each<{ what: string; candidate: (n: bigint) => SelfPower }>([
    { what: 'throws', candidate: () => { throw new Error('unsupported'); } },
    { what: 'answers the base', candidate: () => (z) => z },
    { what: 'is right for 2 alone', candidate: (n) => (z) => (z === 2n ? viaRsa(n)(z) : 1n) },
    { what: 'is right for one n alone', candidate: (n) => ((n & 0xffn) === 0xffn ? viaRsa(n) : (z) => z) },
  ])('is not computed in a way that $what', ({ candidate }) => {
    expect(agreesWithModulus(candidate, 512)).toBe(false);
  });
});
