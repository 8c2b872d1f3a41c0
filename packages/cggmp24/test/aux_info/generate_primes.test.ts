import { describe, expect, it } from '@jest/globals';
import { generatePrimes, type PrimesProgress } from '../../src/aux_info/generate_primes.js';
import { bitLength } from '../../src/math/integer.js';
import { isSafePrime } from '../../src/math/primes.js';
import { SECURITY_128, SMALL_FOR_TESTS as params } from '../../src/params.js';
import { seededRng } from '../../src/testing/seeded_rng.js';

describe('generatePrimes', () => {
  it('finds four safe primes of the size, and says how far it is', async () => {
    const told: PrimesProgress[] = [];
    const primes = await generatePrimes({ params, rng: seededRng('primes'), onProgress: (progress) => told.push(progress) });
    const all = Object.values(primes.reveal()) as bigint[];
    expect(all.every((p) => bitLength(p) === params.primeBits && isSafePrime(p))).toBe(true);
    expect(new Set(all).size).toBe(4);
    expect(primes.params).toBe(params);
    expect(told.at(0)).toEqual({ found: 0, tested: 0 });
    expect(told.at(-1)).toEqual({ found: 4, tested: told.length - 1 });
    // One call for each candidate, and one at the end.
    expect(told.map(({ tested }) => tested)).toEqual(told.map((_, k) => k));
    expect(new Set(told.map(({ found }) => found))).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(told.filter(({ found }) => found === 4)).toHaveLength(1);
  });

  it('finds the same with the same randomness', async () => {
    const one = await generatePrimes({ params, rng: seededRng('a') });
    const other = await generatePrimes({ params, rng: seededRng('a') });
    expect(one.reveal()).toEqual(other.reveal());
  });

  it('searches once more when it finds a prime twice', async () => {
    const rest = seededRng('primes');
    let draws = 0;
    let first: Uint8Array = new Uint8Array();
    const repeating = (length: number): Uint8Array => {
      draws += 1;
      // The second search starts where the first one did.
      if (draws === 2) return first;
      const drawn = rest(length);
      if (draws === 1) first = drawn;
      return drawn;
    };
    const told: PrimesProgress[] = [];
    const primes = await generatePrimes({ params, rng: repeating, onProgress: (progress) => told.push(progress) });
    expect(new Set(Object.values(primes.reveal())).size).toBe(4);
    expect(draws).toBeGreaterThan(4);
    const [searching, searched] = [0, 1].map((n) => told.filter(({ found }) => found === n).length);
    expect(searched).toBeGreaterThan(searching ?? 0);
  });

  it('is of the size of SECURITY_128 by default', async () => {
    const asked: number[] = [];
    const rng = (length: number): never => {
      asked.push(length);
      throw new Error('asked');
    };
    await expect(generatePrimes({ rng })).rejects.toThrow('asked');
    expect(asked).toEqual([SECURITY_128.primeBits / 8]);
  });

  it('refuses a generator that gives less than it is asked for', async () => {
    await expect(generatePrimes({ params, rng: () => new Uint8Array(1) })).rejects.toThrow(/^rng: must give a Uint8Array of the \d+ bytes/);
  });

  it('finds others the next time', async () => {
    const [one, other] = [await generatePrimes({ params }), await generatePrimes({ params })];
    expect(one.reveal()).not.toEqual(other.reveal());
  });

  it('lets others have their turn meanwhile', async () => {
    let [turns, told] = [0, 0];
    const timer = setInterval(() => (turns += 1), 0);
    await generatePrimes({ params, rng: seededRng('primes'), onProgress: () => (told += 1) });
    clearInterval(timer);
    expect(told).toBeGreaterThan(4);
    expect(turns).toBeGreaterThan(0);
  });

  it('ends with what onProgress throws', async () => {
    const onProgress = ({ tested }: PrimesProgress): void => {
      if (tested === 2) throw new Error('enough');
    };
    await expect(generatePrimes({ params, onProgress })).rejects.toThrow('enough');
  });
});
