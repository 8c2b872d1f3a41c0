import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bitLength } from '../../src/math/integer.js';
import { generateSafePrime, isSafePrime } from '../../src/math/primes.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { seededRng } from '../../src/testing/seeded_rng.js';

describe('isSafePrime', () => {
  it('finds the safe primes below 1000', () => {
    const prime = (n: number): boolean => n > 1 && Array.from({ length: n }, (_, d) => d).slice(2).every((d) => n % d !== 0);
    const naive = Array.from({ length: 1000 }, (_, n) => n).filter((n) => prime(n) && prime((n - 1) / 2));
    const found = Array.from({ length: 1000 }, (_, n) => n).filter((n) => isSafePrime(BigInt(n)));
    expect(found).toEqual(naive);
    expect(found.slice(0, 6)).toEqual([5, 7, 11, 23, 47, 59]);
  });

  it.each([
    { what: 'a negative number', p: -23n },
    { what: 'an even number above twice a prime', p: 2n * 11n },
    { what: 'a prime whose half is composite', p: (1n << 127n) - 1n },
    { what: 'a prime whose half is a Fermat pseudoprime, 341', p: 683n },
    { what: 'a composite whose half is prime', p: (1n << 128n) - 1n },
    { what: 'a Carmichael number', p: 561n },
  ])('refuses $what', ({ p }) => {
    expect(isSafePrime(p)).toBe(false);
  });
});

describe('generateSafePrime', () => {
  const generate = (bits: number, seed: string): bigint => generateSafePrime(bits, { rng: seededRng(seed) });

  it.each([64, 65, 128, 255, 256, 384, 512])('makes safe primes of exactly %i bits, the top two set', (bits) => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const p = generate(bits, seed);
        expect(bitLength(p)).toBe(bits);
        expect(p >> BigInt(bits - 2)).toBe(3n);
        expect(p % 12n).toBe(11n);
        expect(isSafePrime(p)).toBe(true);
      }),
      { numRuns: bits < 256 ? 20 : 5 },
    );
  });

  it('depends on the generator alone', () => {
    expect(generate(256, 'one')).toBe(generate(256, 'one'));
    expect(generate(256, 'one')).not.toBe(generate(256, 'two'));
  });

  it('covers its range', () => {
    // Sixteenths of [3/4, 1): each is missed with probability below 10^-11.
    const sixteenths = new Set(Array.from({ length: 400 }, (_, k) => generate(64, `part ${k}`) >> 58n));
    expect([...sixteenths].sort()).toEqual(Array.from({ length: 16 }, (_, k) => 48n + BigInt(k)));
  });

  it('goes on to another window when one has no safe prime', () => {
    let draws = 0;
    const rng = seededRng('windows');
    const counting = (length: number): Uint8Array => {
      draws++;
      return rng(length);
    };
    for (let k = 0; k < 20; k++) expect(isSafePrime(generateSafePrime(64, { rng: counting }))).toBe(true);
    expect(draws).toBeGreaterThan(20);
  });

  it('reports each candidate it tests', () => {
    const reports: number[] = [];
    generateSafePrime(256, { rng: seededRng('progress'), onProgress: (tested) => reports.push(tested) });
    expect(reports.length).toBeGreaterThan(1);
    expect(reports).toEqual(Array.from(reports, (_, k) => k));
  });

  it.each([63, 0, -512, 512.5, NaN, Infinity])('refuses %d bits', (bits) => {
    expect(() => generate(bits, 'x')).toThrow(InvalidArgument);
  });
});
