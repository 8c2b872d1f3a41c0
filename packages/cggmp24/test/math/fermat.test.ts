import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { agreesWithBigint, bigintPowerOfTwo, opensslPowerOfTwo, powerOfTwo } from '../../src/math/fermat.js';
import { fullSafePrimes, smallSafePrimes } from '../../src/testing/fixtures.js';
import { odd } from '../util/odd.js';

describe('2^(n-1) mod n', () => {
  it.each([16, 63, 64, 65, 255, 511, 512, 1000])('is the same by OpenSSL and by bigint for odd n of %i bits', (bits) => {
    fc.assert(
      fc.property(odd(bits), (n) => {
        expect(opensslPowerOfTwo(n)).toBe(bigintPowerOfTwo(n));
      }),
      { numRuns: 50 },
    );
  });

  it.each([1535, 1536, 3071, 3072])('is the same for odd n of %i bits', (bits) => {
    fc.assert(
      fc.property(odd(bits), (n) => {
        expect(opensslPowerOfTwo(n)).toBe(bigintPowerOfTwo(n));
      }),
      { numRuns: 2 },
    );
  });

  it('is 1 for primes', () => {
    for (const hex of [...smallSafePrimes, ...fullSafePrimes.slice(0, 4)]) {
      const p = BigInt(`0x${hex}`);
      expect(opensslPowerOfTwo(p)).toBe(1n);
      expect(opensslPowerOfTwo(p >> 1n)).toBe(1n);
    }
    expect(bigintPowerOfTwo(0xfffffffbn)).toBe(1n);
  });
});

describe('the choice between them', () => {
  it('is OpenSSL here', () => {
    expect(powerOfTwo(64)).toBe(opensslPowerOfTwo);
    expect(powerOfTwo(1536)).toBe(opensslPowerOfTwo);
  });

  it('is bigint beyond what OpenSSL accepts', () => {
    expect(() => opensslPowerOfTwo((1n << 3072n) + 1n)).toThrow();
    expect(powerOfTwo(3073)).toBe(bigintPowerOfTwo);
  });

  it.each([
    { what: 'throws', fast: () => { throw new Error('unsupported'); } },
    { what: 'answers 1', fast: () => 1n },
    { what: 'answers 0', fast: () => 0n },
    { what: 'is wrong for primes alone', fast: (n: bigint) => (opensslPowerOfTwo(n) === 1n ? 0n : opensslPowerOfTwo(n)) },
    { what: 'is right for primes alone', fast: (n: bigint) => (opensslPowerOfTwo(n) === 1n ? 1n : 2n) },
  ])('is bigint when the fast way $what', ({ fast }) => {
    expect(agreesWithBigint(fast, 512)).toBe(false);
    expect(powerOfTwo(512, fast)).toBe(bigintPowerOfTwo);
  });
});
