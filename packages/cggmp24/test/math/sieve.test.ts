import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSafePrime } from '../../src/math/primes.js';
import { primesFrom5, sieveSafePrimes } from '../../src/math/sieve.js';

function isPrimeNaive(n: number): boolean {
  if (n < 2) return false;
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
}

describe('primesFrom5', () => {
  it.each([0, 4, 5, 6, 25, 121, 1000, 1009, 1010])('finds what trial division finds up to %i', (limit) => {
    const naive = Array.from({ length: limit + 1 }, (_, n) => n).filter((n) => n >= 5 && isPrimeNaive(n));
    expect([...primesFrom5(limit)]).toEqual(naive);
  });

  it('counts right up to 10^6', () => {
    // 78,498 primes, without 2 and 3.
    expect(primesFrom5(1_000_000)).toHaveLength(78_496);
  });
});

describe('sieveSafePrimes', () => {
  it('strikes exactly where a small prime divides q or 2q + 1', () => {
    const largeStart = fc.bigInt({ min: 3001n, max: 1n << 1600n });
    fc.assert(
      fc.property(largeStart, fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 3000 }), (start, count, limit) => {
        const primes = primesFrom5(limit);
        const naive = Array.from({ length: count }, (_, k) => {
          const q = start + 6n * BigInt(k);
          return Array.from(primes, BigInt).some((r) => q % r === 0n || (2n * q + 1n) % r === 0n) ? 1 : 0;
        });
        expect([...sieveSafePrimes(start, count, primes)]).toEqual(naive);
      }),
      { numRuns: 30 },
    );
  });

  it('leaves exactly the safe primes when it knows all primes up to the square root', () => {
    const start = 1_000_001n; // 5 (mod 6)
    const struck = sieveSafePrimes(start, 5000, primesFrom5(1500));
    const left = Array.from(struck, (mark) => mark === 0);
    const safe = Array.from(struck, (_, k) => isSafePrime(2n * (start + 6n * BigInt(k)) + 1n));
    expect(left).toEqual(safe);
    expect(left.filter(Boolean).length).toBeGreaterThan(100);
  });

  it('is exact for the largest primes it is given', () => {
    const r = 4_718_569; // prime; r * r / 3 is far beyond 32 bits
    for (const k of [0, 1, 77, 99_999]) {
      const multiple = BigInt(r) * 1_000_003n;
      const q = sieveSafePrimes(multiple - 6n * BigInt(k), 100_000, Uint32Array.of(r));
      expect(q[k]).toBe(1);
      const p = sieveSafePrimes((multiple - 1n) / 2n - 6n * BigInt(k), 100_000, Uint32Array.of(r));
      expect(p[k]).toBe(1);
    }
  });
});
