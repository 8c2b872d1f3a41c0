import { inspectSymbol } from '../base/inspect.js';
import { z } from 'zod';
import { checkArgument, fields, instanceOf, Natural } from '../base/arguments.js';
import { bitLength } from '../math/integer.js';
import { checkParams, type SecurityParams } from '../params.js';
import { InvalidArgument } from '../base/errors.js';
import { NonNegativeIntegerJson } from '../wire/json.js';
import { parseWith } from '../wire/parse.js';

/** N = p q is the Paillier modulus, N-hat = pHat qHat the ring-Pedersen one. All four are safe primes. */
export interface FourPrimes {
  readonly p: bigint;
  readonly q: bigint;
  readonly pHat: bigint;
  readonly qHat: bigint;
}

const FourPrimesShape = fields({ p: Natural, q: Natural, pHat: Natural, qHat: Natural });

/** The four primes of one aux info generation. Prints as `[secret]`; used for one generation only. */
export class PregeneratedPrimes {
  readonly #primes: FourPrimes;

  /** @throws InvalidArgument when a prime is too short or two are equal; primality is the generator's promise */
  constructor(
    primes: FourPrimes,
    /** The sizes that they were made for. */
    readonly params: SecurityParams,
  ) {
    checkArgument('primes', FourPrimesShape, primes);
    checkParams(params);
    const all = [primes.p, primes.q, primes.pHat, primes.qHat];
    if (all.some((prime) => bitLength(prime) < params.primeBits)) {
      throw new InvalidArgument('primes', `each must have at least ${params.primeBits} bits`);
    }
    if (new Set(all).size !== all.length) throw new InvalidArgument('primes', 'must be distinct');
    if (all.some((prime) => (prime & 3n) !== 3n)) throw new InvalidArgument('primes', 'must be 3 modulo 4');
    this.#primes = primes;
  }

  reveal(): FourPrimes {
    return this.#primes;
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspectSymbol](): string {
    return '[secret]';
  }
}

const PrimesJson = z.object({ primes: z.array(NonNegativeIntegerJson).length(4) });

/**
 * Reads the crate's JSON of pregenerated primes.
 * @throws InvalidArgument naming what is wrong
 */
export function parsePrimes(text: string, params: SecurityParams): PregeneratedPrimes {
  checkParams(params);
  const [p = 0n, q = 0n, pHat = 0n, qHat = 0n] = parseWith(PrimesJson, text, 'primes').primes;
  return new PregeneratedPrimes({ p, q, pHat, qHat }, params);
}

export const PregeneratedPrimesShape = instanceOf(PregeneratedPrimes, 'four primes of generatePrimes or parsePrimes');

/** The crate's JSON, in clear: for encrypted or access-controlled storage only. @throws InvalidArgument */
export function serializePrimes(primes: PregeneratedPrimes): string {
  checkArgument('primes', PregeneratedPrimesShape, primes);
  const { p, q, pHat, qHat } = primes.reveal();
  return JSON.stringify({ ...z.encode(PrimesJson, { primes: [p, q, pHat, qHat] }), _phantom: null });
}
