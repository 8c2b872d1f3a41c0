import { checkPrimeSync } from 'node:crypto';
import { Callback, checkArgument, fields, integerBetween } from '../base/arguments.js';
import { bigintPowerOfTwo, powerOfTwo, type PowerOfTwo } from './fermat.js';
import { checkedRng, randomBelow, type Rng } from './random.js';
import { primesFrom5, sieveSafePrimes } from './sieve.js';

/** Below this, candidates could be as small as the primes of the sieve. */
const MIN_BITS = 64;
/** Beyond this, the primes of the sieve would be longer than it can take. */
const MAX_BITS = 4096;

export interface SafePrimeOptions {
  /** Where the search starts: the only randomness. */
  readonly rng: Rng;
  /**
   * Called before each candidate that is tested, hundreds of times a second, with the number of candidates tested before it.
   * What it throws ends the search.
   */
  readonly onProgress?: (candidatesTested: number) => void;
}

const OptionsShape = fields({ rng: Callback, onProgress: Callback.optional() });

/**
 * Is p = 2q + 1 with p and q prime? 64 Miller-Rabin rounds for q, whatever its size, and then a proof for p (Pocklington): when
 * q is prime and 2^(p-1) = 1 (mod p), then modulo a prime factor r > 3 of p the order of 2 is q or 2q, so r is at least 2q + 1;
 * and p is no power of 3, for 9 divides 2^2q - 1 with q = 3 alone.
 */
export function isSafePrime(p: bigint, power: PowerOfTwo = bigintPowerOfTwo): boolean {
  return p >= 5n && (p & 1n) === 1n && power(p) === 1n && checkPrimeSync(p >> 1n);
}

interface Tools {
  readonly bits: number;
  /** Divisors of the sieve. At 1536 bits, half or twice as many make a search neither faster nor slower. */
  readonly primes: Uint32Array;
  readonly power: PowerOfTwo;
}

/** The tools for the last size. Making them takes a twentieth of the time of a search, and one generation makes four searches. */
let tools: Tools | null = null;

function toolsFor(bits: number): Tools {
  if (tools?.bits !== bits) tools = { bits, primes: primesFrom5(4 * bits ** 2), power: powerOfTwo(bits) };
  return tools;
}

/**
 * Searches for a safe prime p = 2q + 1 of exactly `bits` bits whose top two are set, so that a product of two has 2 `bits`.
 *
 * Draws a random start and takes the first safe prime of a window of candidates q = 5 (mod 6) in steps of 6 from it;
 * without one, draws another start. A prime after a long gap is thus likelier than one that closely follows another.
 * But the starts that lead to one prime span one window at most, and a window has about twice as many candidates as
 * there are for each safe prime. So no prime has more than 2.3 times its fair share, which costs at most 1.2 bits of
 * entropy. (Primes within a window of the lower bound are rarer.) Nothing here is constant-time.
 *
 * Yields before each candidate, hundreds of times a second: the number of candidates tested before it.
 *
 * @param bits from 64 to 4096
 */
export function* searchSafePrime(bits: number, rng: Rng): Generator<number, bigint, void> {
  // One of about 0.06 bits^2 candidates is a safe prime.
  const count = Math.ceil(bits ** 2 / 8);
  const { primes, power } = toolsFor(bits);

  // q in [3/4, 1) of 2^(bits-1) and q = 5 (mod 6), the whole window.
  const quarter = 1n << BigInt(bits - 3);
  const least = 3n * quarter + (5n - ((3n * quarter) % 6n));
  const starts = quarter / 6n - BigInt(count);
  for (let tested = 0; ; ) {
    const start = least + 6n * randomBelow(starts, rng);
    for (const [k, struck] of sieveSafePrimes(start, count, primes).entries()) {
      if (struck === 1) continue;
      yield tested++;
      const q = start + 6n * BigInt(k);
      const p = 2n * q + 1n;
      if (power(q) === 1n && isSafePrime(p, power)) return p;
    }
  }
}

/**
 * A safe prime of exactly `bits` bits whose top two are set, as {@link searchSafePrime} finds it. Blocks the thread: about
 * 1.4 seconds on average for 1536 bits, sometimes several times as long. `generatePrimes` does not block.
 *
 * @param bits from 64 to 4096
 * @throws InvalidArgument
 */
export function generateSafePrime(bits: number, options: SafePrimeOptions): bigint {
  checkArgument('bits', integerBetween(MIN_BITS, MAX_BITS), bits);
  checkArgument('', OptionsShape, options);
  const search = searchSafePrime(bits, checkedRng(options.rng));
  for (let next = search.next(); ; next = search.next()) {
    if (next.done === true) return next.value;
    options.onProgress?.(next.value);
  }
}
