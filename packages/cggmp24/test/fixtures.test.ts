import { describe, expect, it } from '@jest/globals';
import { bitLength } from '../src/math/integer.js';
import { isSafePrime } from '../src/math/primes.js';
import { SECURITY_128, SMALL_FOR_TESTS } from '../src/params.js';
import { fullSafePrimes, smallSafePrimes } from '../src/testing/fixtures.js';
import { seededRng } from '../src/testing/seeded_rng.js';

describe.each([
  { name: 'small', primes: smallSafePrimes, count: 32, bits: SMALL_FOR_TESTS.primeBits },
  { name: 'full', primes: fullSafePrimes, count: 28, bits: SECURITY_128.primeBits },
])('the $name safe primes', ({ primes, count, bits }) => {
  it(`are ${count}, all different`, () => {
    expect(new Set(primes).size).toBe(count);
    expect(primes).toHaveLength(count);
  });

  it(`have ${bits} bits, the top two set, and are safe`, () => {
    for (const hex of primes) {
      const p = BigInt(`0x${hex}`);
      expect(bitLength(p)).toBe(bits);
      expect(p >> BigInt(bits - 2)).toBe(3n);
      expect(isSafePrime(p)).toBe(true);
    }
  });
});

describe('seededRng', () => {
  it('repeats itself for one seed, whatever the pieces', () => {
    const [a, b] = [seededRng('x'), seededRng('x')];
    const whole = a(100);
    expect(Buffer.concat([b(1), b(0), b(64), b(35)])).toEqual(Buffer.from(whole));
  });

  it('goes on instead of starting again', () => {
    const rng = seededRng('x');
    expect(rng(32)).not.toEqual(rng(32));
  });

  it('differs between seeds', () => {
    expect(seededRng('x')(32)).not.toEqual(seededRng('y')(32));
  });
});
