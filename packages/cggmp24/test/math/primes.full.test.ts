import { expect, it } from '@jest/globals';
import { bitLength } from '../../src/math/integer.js';
import { generateSafePrime, isSafePrime } from '../../src/math/primes.js';
import { systemRng } from '../../src/math/random.js';
import { SECURITY_128, minModulusBits } from '../../src/params.js';

it('makes two different safe primes of full size, whose product is long enough', () => {
  const [p, q] = [1, 2].map(() => generateSafePrime(SECURITY_128.primeBits, { rng: systemRng }));
  if (p === undefined || q === undefined) throw new Error('unreachable');
  expect(p).not.toBe(q);
  for (const prime of [p, q]) {
    expect(bitLength(prime)).toBe(1536);
    expect(isSafePrime(prime)).toBe(true);
  }
  expect(bitLength(p * q)).toBe(3072);
  expect(bitLength(p * q)).toBeGreaterThanOrEqual(minModulusBits(SECURITY_128));
});
