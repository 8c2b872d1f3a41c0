import { setImmediate as nextTurn } from 'node:timers/promises';
import { Callback, checkArgument, fields } from '../base/arguments.js';
import { searchSafePrime } from '../math/primes.js';
import { checkedRng, systemRng, type Rng } from '../math/random.js';
import { ParamsShape, SECURITY_128, type SecurityParams } from '../params.js';
import { PregeneratedPrimes } from './primes.js';

/** How far a search is. */
export interface PrimesProgress {
  /** Primes found so far, 0 to 4. */
  readonly found: number;
  /** Candidates tested so far, in all searches. At full size about one in 1,000 is a safe prime; the number varies widely. */
  readonly tested: number;
}

export interface PrimesOptions {
  /** Called before each candidate that is tested, hundreds of times a second. What it throws ends the search. */
  readonly onProgress?: (progress: PrimesProgress) => void;
  /** The sizes, `SECURITY_128` by default. */
  readonly params?: SecurityParams;
  /** Randomness, the operating system's by default. */
  readonly rng?: Rng;
}

const OptionsShape = fields({ onProgress: Callback.optional(), params: ParamsShape.optional(), rng: Callback.optional() });

/**
 * Searches for four fresh safe primes, for one aux info generation. At full size this takes one core about six seconds on
 * average, and sometimes several times as long. The event loop gets a turn before each candidate.
 *
 * @returns four different primes of `params.primeBits` bits each
 * @throws InvalidArgument, also when `rng` gives something else than the bytes that it was asked for; what `onProgress` throws
 */
export async function generatePrimes(options: PrimesOptions = {}): Promise<PregeneratedPrimes> {
  checkArgument('', OptionsShape, options);
  const { params = SECURITY_128, onProgress } = options;
  const rng = options.rng === undefined ? systemRng : checkedRng(options.rng);
  const primes: bigint[] = [];
  let testedBefore = 0;
  while (primes.length < 4) {
    const search = searchSafePrime(params.primeBits, rng);
    let next = search.next();
    let tested = 0;
    for (; next.done !== true; next = search.next()) {
      tested = next.value;
      onProgress?.({ found: primes.length, tested: testedBefore + tested });
      await nextTurn();
    }
    testedBefore += tested + 1;
    // Only among small primes does a search ever find the same one twice.
    if (!primes.includes(next.value)) primes.push(next.value);
  }
  onProgress?.({ found: 4, tested: testedBefore });
  const [p = 0n, q = 0n, pHat = 0n, qHat = 0n] = primes;
  return new PregeneratedPrimes({ p, q, pHat, qHat }, params);
}
