import { PregeneratedPrimes, serializePrimes } from 'cggmp24';
import type { Logger } from 'pino';
import type { ProtocolRunner } from '../workers/jobs.js';
import { PrimeFolder, type PrimeFolderOptions } from './prime_folder.js';
import { searchForPrimes, type SearchProgress } from './prime_search.js';

/** Number of primes for one key: two for N, two for N-hat. */
export const NEEDED = 4;

/** The primes of one aux info generation. */
export interface PrimeSource {
  /** Resolves when there are four. */
  prepare(signal: AbortSignal): Promise<void>;
  /** Hands out four primes. They are in no file any more when this resolves. @returns `serializePrimes` */
  take(): Promise<string>;
}

export interface PrimeSupplyOptions extends PrimeFolderOptions {
  readonly runner: ProtocolRunner;
  /** Number of searches at the same time. */
  readonly workers: number;
  readonly logger: Logger;
}

/** The primes in the node's folder, which were made ahead or found before a restart. It searches for those that are missing. */
export class PrimeSupply implements PrimeSource {
  readonly #options: PrimeSupplyOptions;
  readonly #folder: PrimeFolder;
  /** Hexadecimal. They were taken when there were too few in the folder, and are in no file any more. */
  #taken: string[] = [];
  #search: Promise<void> | null = null;

  private constructor(options: PrimeSupplyOptions) {
    this.#options = options;
    this.#folder = new PrimeFolder(options);
  }

  /** @throws DamagedFile when one of the files cannot be used */
  static async open(options: PrimeSupplyOptions): Promise<PrimeSupply> {
    const supply = new PrimeSupply(options);
    await supply.#folder.check();
    return supply;
  }

  /** Begins the search unless it is under way. @throws the signal's reason when it aborts */
  async prepare(signal: AbortSignal): Promise<void> {
    this.#search ??= this.#find(signal).finally(() => {
      this.#search = null;
    });
    await this.#search;
  }

  /** @throws DamagedFile; Error when there are fewer than four */
  async take(): Promise<string> {
    while (this.#taken.length < NEEDED) {
      const prime = await this.#folder.take();
      if (prime === null) throw new Error('there are not four primes');
      this.#taken.push(prime);
    }
    const [p = 0n, q = 0n, pHat = 0n, qHat = 0n] = this.#taken.map((hex) => BigInt(`0x${hex}`));
    this.#taken = [];
    return serializePrimes(new PregeneratedPrimes({ p, q, pHat, qHat }, this.#options.params));
  }

  async #find(signal: AbortSignal): Promise<void> {
    const { clock, runner, workers, logger } = this.#options;
    const before = this.#taken.length + (await this.#folder.size());
    if (before >= NEEDED) return;
    const report = (message: string, { found, candidates, seconds }: SearchProgress): void => {
      logger.info({ event: 'safe_primes', found: before + found, needed: NEEDED, candidates, seconds, workers }, message);
    };
    const search = {
      clock,
      runner,
      workers,
      wanted: NEEDED - before,
      keep: (prime: string) => this.#folder.add(prime),
      onProgress: (progress: SearchProgress) => {
        report(before + progress.found < NEEDED ? 'Generating safe primes' : 'Safe primes generated', progress);
      },
      onFailure: (error: unknown) => {
        logger.warn({ event: 'safe_prime_failed', err: error }, 'A search for a safe prime failed, trying again');
      },
    };
    await searchForPrimes(search, signal);
  }
}
