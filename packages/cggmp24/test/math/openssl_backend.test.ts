import { describe, expect, it } from '@jest/globals';
import { bigintBackend } from '../../src/math/bigint_backend.js';
import { bitLength } from '../../src/math/integer.js';
import { arithmeticBackend, chooseBackend, modulus, powSigned } from '../../src/math/modular.js';
import type { Modulus } from '../../src/math/modulus.js';
import { opensslBackend, opensslSelfTest } from '../../src/math/openssl_backend.js';
import { randomBelow, type Rng } from '../../src/math/random.js';
import { fullSafePrimes } from '../../src/testing/fixtures.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { smallPrime } from '../util/small.js';

/** Square and multiply, least significant bit first: as short as it can be, and shared with nothing under test. */
function naivePow(base: bigint, exponent: bigint, m: bigint): bigint {
  let result = 1n % m;
  let square = ((base % m) + m) % m;
  for (let e = exponent; e > 0n; e >>= 1n) {
    if ((e & 1n) === 1n) result = (result * square) % m;
    square = (square * square) % m;
  }
  return result;
}

function randomBits(bits: number, rng: Rng): bigint {
  return (1n << BigInt(bits - 1)) | randomBelow(1n << BigInt(bits - 1), rng);
}

const [p, q] = [smallPrime(0), smallPrime(1)];

/** Bases and exponents around every edge that Node's Diffie-Hellman is known to stumble over. */
function edges(m: bigint): { bases: bigint[]; exponents: bigint[] } {
  return {
    bases: [0n, 1n, 2n, 3n, m - 2n, m - 1n, m, m + 1n, m + 5n, -1n, -2n, 7n * m - 1n, m >> 1n, (m * 2n) / 3n],
    exponents: [0n, 1n, 2n, 3n, 4n, (1n << 64n) - 1n, 1n << 64n, m - 2n, m - 1n, m, m + 1n, m << 70n],
  };
}

function expectAgreement(ring: Modulus, bases: readonly bigint[], exponents: readonly bigint[]): void {
  const differing = exponents.flatMap((exponent) => {
    const powers = [(base: bigint) => ring.pow(base, exponent), ...(exponent > 0n ? [ring.powWith(exponent)] : [])];
    return bases
      .filter((base) => powers.some((power) => power(base) !== naivePow(base, exponent, ring.value)))
      .map((base) => ({ base, exponent }));
  });
  expect(differing).toEqual([]);
}

describe.each([
  { backend: opensslBackend, name: 'OpenSSL' },
  { backend: bigintBackend, name: 'bigint' },
])('$name', ({ backend }) => {
  it.each([
    { what: '3', m: 3n },
    { what: '64 bits', m: (1n << 64n) - 59n },
    { what: '511 bits: below what OpenSSL takes', m: (1n << 511n) - 187n },
    { what: '512 bits', m: (1n << 511n) + 111n },
    { what: '512 bits, nearly 513', m: (1n << 512n) - 569n },
    { what: '513 bits', m: (1n << 512n) + 75n },
    { what: 'a prime', m: p },
    { what: 'the square of a prime', m: p * p },
    { what: 'a product of two primes', m: p * q },
    { what: 'a multiple of small primes', m: p * 3n * 5n * 7n },
    { what: 'even', m: 2n * p },
    { what: 'a power of two', m: 1n << 600n },
  ])('agrees at the edges modulo $what', ({ m }) => {
    const { bases, exponents } = edges(m);
    expectAgreement(backend.modulus(m), bases, exponents);
  });

  it.each([
    { what: 'p^2', m: p * p },
    { what: 'p q', m: p * q },
    { what: '(p q)^2', m: p * q * p * q },
  ])('agrees for bases that share a factor with $what, powers of 0 included', ({ m }) => {
    expectAgreement(backend.modulus(m), [p, 2n * p, m - p, p * p, p * q, q * q * 3n], [1n, 2n, 3n, 4n, p, p - 1n, m]);
  });

  it('finds the powers 1 and -1 that Diffie-Hellman does not give', () => {
    const ring = backend.modulus(p);
    for (const base of [2n, 3n, 5n, p - 2n]) {
      expect(ring.pow(base, p - 1n)).toBe(1n);
      expect(ring.pow(base, 2n * (p - 1n))).toBe(1n);
      expect(ring.pow(base, p)).toBe(base);
      const half = ring.pow(base, (p - 1n) / 2n);
      expect(half === 1n || half === p - 1n).toBe(true);
      expect(half).toBe(naivePow(base, (p - 1n) / 2n, p));
    }
    // A square root of 1 other than +-1, and one of order 2 modulo p q.
    const n = p * q;
    const root = (naivePow(p, q - 2n, q) * 2n * p - 1n) % n;
    expect((root * root) % n).toBe(1n);
    expectAgreement(backend.modulus(n), [root, n - root], [2n, 3n, 4n, 5n]);
  });
});

describe('OpenSSL against square and multiply, at random', () => {
  it.each([
    { bits: 512, rounds: 1500 },
    { bits: 768, rounds: 600 },
    { bits: 1024, rounds: 100 },
    { bits: 2048, rounds: 8 },
    { bits: 3072, rounds: 3 },
  ])('$bits bits', ({ bits, rounds }) => {
    const rng = seededRng(`random ${bits}`);
    for (let k = 0; k < rounds; k += 3) {
      // Three powers for each modulus: what the object keeps from one must not show in the next.
      const m = randomBits(bits, rng) | 1n;
      const ring = opensslBackend.modulus(m);
      const bases = [randomBelow(m, rng), randomBits(bits + 40, rng), -randomBelow(m, rng)];
      const exponents = [randomBits(1 + (k % bits), rng), randomBits(bits, rng), randomBits(256, rng)];
      const wrong = bases.filter((base, i) => ring.pow(base, exponents[i] ?? 0n) !== naivePow(base, exponents[i] ?? 0n, m));
      expect({ m, wrong }).toEqual({ m, wrong: [] });
    }
  });

  it('at the full size, N^2 for N of 3072 bits', () => {
    const [P, Q] = fullSafePrimes.map((hex) => BigInt(`0x${hex}`));
    if (P === undefined || Q === undefined) throw new Error('no primes');
    const nn = (P * Q) ** 2n;
    const rng = seededRng('N^2');
    expectAgreement(opensslBackend.modulus(nn), [randomBelow(nn, rng)], [randomBits(768, rng)]);
  });

  it('around 10,000 bits, where OpenSSL ends', () => {
    for (const bits of [9999, 10_000, 10_001, 10_100]) {
      const m = (1n << BigInt(bits)) - 1n - (1n << 77n) * 2n;
      expect(bitLength(m)).toBe(bits);
      expectAgreement(opensslBackend.modulus(m), [3n ** 700n, m - 2n], [2n, 65537n, (1n << 90n) + 12345n]);
    }
  });
});

it('moduli that some versions of Node get wrong without an error are left to bigint', () => {
  const computesItself = (m: bigint): boolean => !Object.hasOwn(opensslBackend.modulus(m), 'pow');
  const odd = [511, 512, 10_000, 10_001].map((bits) => computesItself((1n << BigInt(bits - 1)) + 1n));
  expect(odd).toEqual([false, true, true, false]);
  expect(computesItself(1n << 600n)).toBe(false);
});

describe('exponents below zero', () => {
  it('are refused by OpenSSL instead of losing their sign', () => {
    expect(() => opensslBackend.modulus(p).pow(2n, -1n)).toThrow(RangeError);
    expect(() => opensslBackend.modulus(p).powWith(-1n)).toThrow(RangeError);
  });

  it('go through the inverse that the caller supplies', () => {
    const ring = modulus(p);
    const inverse = naivePow(5n, p - 2n, p);
    expect((powSigned(ring, 5n, inverse, -77n) * naivePow(5n, 77n, p)) % p).toBe(1n);
    expect(powSigned(ring, 5n, inverse, 77n)).toBe(naivePow(5n, 77n, p));
    expect(powSigned(ring, 5n, inverse, 0n)).toBe(1n);
  });
});

function withPowers(m: bigint): Modulus {
  const ring = opensslBackend.modulus(m);
  return { value: m, pow: (base, exponent) => ring.pow(base, exponent), powWith: (exponent) => ring.powWith(exponent) };
}

describe('the choice between them', () => {
  it('passes the self-test here, and says so', () => {
    expect(opensslSelfTest()).toBeNull();
    expect(arithmeticBackend().backend).toBe(opensslBackend);
    expect(arithmeticBackend().reason).toContain('self-test');
    expect(modulus(p * q).pow(3n, 5n)).toBe(243n);
  });

  it.each<{ what: string; wrong: (base: bigint, exponent: bigint, m: bigint) => bigint | undefined }>([
    { what: 'answers nothing', wrong: () => 0n },
    { what: 'answers nothing for long exponents', wrong: (_, e, m) => (e > m ? 0n : undefined) },
    { what: 'forgets to reduce the base', wrong: (b, e, m) => (b > m && e === 1n ? b : undefined) },
    { what: 'is wrong for the exponent 0', wrong: (_, e) => (e === 0n ? 0n : undefined) },
    { what: 'is wrong for the base 0', wrong: (b) => (b === 0n ? 1n : undefined) },
    { what: 'is wrong for the base -1', wrong: (b, _, m) => (b === m - 1n ? 1n : undefined) },
    { what: 'misses the power 1', wrong: (b, e, m) => (b === 2n && e > 0n && naivePow(b, e, m) === 1n ? 0n : undefined) },
    { what: 'misses the power -1', wrong: (b, e, m) => (b === 2n && naivePow(b, e, m) === m - 1n ? 0n : undefined) },
    { what: 'is wrong for 1024 bits', wrong: (b, e, m) => (bitLength(m) === 1024 && e > 2n ? b : undefined) },
  ])('falls back to bigint when OpenSSL $what', ({ wrong }) => {
    const failure = opensslSelfTest({
      name: 'openssl',
      modulus: (m) => ({
        ...withPowers(m),
        pow: (base, exponent) => wrong(base, exponent, m) ?? opensslBackend.modulus(m).pow(base, exponent),
      }),
    });
    expect(failure).toMatch(/-bit modulus, base \d, exponent \d/);
    const choice = chooseBackend(failure);
    expect(choice.backend).toBe(bigintBackend);
    expect(choice.reason).toContain(failure);
  });

  it.each<{ what: string; powWith: (exponent: bigint, m: bigint) => (base: bigint) => bigint }>([
    { what: 'answers the base', powWith: () => (base) => base },
    { what: 'is wrong for long exponents', powWith: (exponent, m) => (base) => (exponent > m ? 1n : naivePow(base, exponent, m)) },
    { what: 'is wrong for the base -1', powWith: (exponent, m) => (base) => (base === m - 1n ? base : naivePow(base, exponent, m)) },
  ])('falls back to bigint when OpenSSL, with one exponent for many bases, $what', ({ powWith }) => {
    const failure = opensslSelfTest({
      name: 'openssl',
      modulus: (m) => ({ ...withPowers(m), powWith: (exponent) => powWith(exponent, m) }),
    });
    expect(failure).toMatch(/-bit modulus, base \d, exponent \d/);
  });
});
