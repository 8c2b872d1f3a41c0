import { join } from 'node:path';
import { PregeneratedPrimes, serializePrimes, type SecurityParams } from 'cggmp24';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import type { SealKey } from 'sealing/seal_key';
import { openText, sealText, type Label } from 'sealing/sealed_file';
import { z } from 'zod';
import { DamagedFile } from './errors.js';
import { readIfThere, removeDurably, writeAtomically } from './files.js';
import type { ProtocolRunner } from './jobs.js';
import { sleepUntilAborted } from './reading.js';

const NEEDED = 4;
const REPORT_MS = 10_000;
const RETRY_MS = 1_000;

/** The primes of one aux info generation. */
export interface PrimeSource {
  /** Resolves when there are four. */
  prepare(signal: AbortSignal): Promise<void>;
  /** Hands the four out, once: they are in no file any more when it resolves. @returns `serializePrimes` */
  take(): Promise<string>;
}

export interface PrimeSupplyOptions {
  readonly folder: string;
  readonly nodeId: string;
  /** Under which they are kept. */
  readonly sealKey: SealKey;
  readonly params: SecurityParams;
  readonly runner: ProtocolRunner;
  /** Searches at a time. */
  readonly workers: number;
  readonly logger: Logger;
}

const FileSchema = z.strictObject({ primes: z.array(z.string().regex(/^[0-9a-f]{1,1024}$/)).max(NEEDED) });

/** Searches for safe primes on all workers, and keeps what it has found in a file, so that a restart does not lose it. */
export class PrimeSupply implements PrimeSource {
  readonly #options: PrimeSupplyOptions;
  /** Hexadecimal. */
  #found: string[];
  #search: Promise<void> | null = null;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: PrimeSupplyOptions, found: string[]) {
    this.#options = options;
    this.#found = found;
  }

  /** @throws DamagedFile */
  static async open(options: PrimeSupplyOptions): Promise<PrimeSupply> {
    const path = fileOf(options);
    const sealed = await readIfThere(path);
    if (sealed === null) return new PrimeSupply(options, []);
    const text = await openText(options.sealKey, labelOf(options), sealed).catch((error: unknown) => {
      if (error instanceof Refused) throw new DamagedFile(`${path} cannot be used: ${error.message}.`);
      throw error;
    });
    const file = parseFile(text);
    if (file === null || file.primes.some((hex) => BigInt(`0x${hex}`).toString(2).length !== options.params.primeBits)) {
      throw new DamagedFile(`${path} cannot be used: it does not hold safe primes as this node writes them. Remove it; others will be searched for.`);
    }
    return new PrimeSupply(options, file.primes);
  }

  /** Begins the search unless it is under way. */
  async prepare(signal: AbortSignal): Promise<void> {
    this.#search ??= this.#find(signal).finally(() => {
      this.#search = null;
    });
    await this.#search;
  }

  async take(): Promise<string> {
    const [p, q, pHat, qHat] = this.#found.map((hex) => BigInt(`0x${hex}`));
    if (p === undefined || q === undefined || pHat === undefined || qHat === undefined) throw new Error('there are not four primes');
    this.#found = [];
    await removeDurably(fileOf(this.#options));
    return serializePrimes(new PregeneratedPrimes({ p, q, pHat, qHat }, this.#options.params));
  }

  async #find(signal: AbortSignal): Promise<void> {
    const { workers, logger } = this.#options;
    if (this.#found.length >= NEEDED) return;
    const started = performance.now();
    let candidates = 0;
    const report = (message: string): void => {
      const seconds = Math.round((performance.now() - started) / 1000);
      logger.info({ event: 'safe_primes', found: this.#found.length, needed: NEEDED, candidates, seconds, workers }, message);
    };
    report('Generating safe primes');
    const reporting = setInterval(report, REPORT_MS, 'Generating safe primes');
    const enough = new AbortController();
    const stop = (): void => {
      enough.abort(signal.reason);
    };
    signal.addEventListener('abort', stop);
    const searchOn = async (): Promise<void> => {
      while (!enough.signal.aborted) {
        await this.#findOne(enough, (tested) => {
          candidates += tested;
        });
      }
    };
    try {
      if (signal.aborted) stop();
      await Promise.all(Array.from({ length: workers }, searchOn));
    } finally {
      clearInterval(reporting);
      signal.removeEventListener('abort', stop);
    }
    signal.throwIfAborted();
    report('Safe primes generated');
  }

  async #findOne(enough: AbortController, onTested: (candidates: number) => void): Promise<void> {
    const { runner, logger } = this.#options;
    const onProgress = (tested: string): void => {
      onTested(Number(tested));
    };
    const job = runner.run({ kind: 'safe_prime' }, { onProgress });
    const abort = (): void => {
      job.abort(enough.signal.reason);
    };
    enough.signal.addEventListener('abort', abort);
    try {
      const prime = await job.result;
      if (this.#found.length < NEEDED && !this.#found.includes(prime)) await this.#keep(prime);
      if (this.#found.length >= NEEDED) enough.abort();
    } catch (error) {
      if (enough.signal.aborted) return;
      logger.warn({ event: 'safe_prime_failed', err: error }, 'A search for a safe prime failed, trying again');
      await sleepUntilAborted(RETRY_MS, enough.signal);
    } finally {
      enough.signal.removeEventListener('abort', abort);
    }
  }

  async #keep(prime: string): Promise<void> {
    this.#found.push(prime);
    const text = JSON.stringify({ primes: this.#found });
    const { sealKey } = this.#options;
    const written = this.#writing.then(async () => writeAtomically(fileOf(this.#options), await sealText(sealKey, labelOf(this.#options), text)));
    this.#writing = written.catch(() => undefined);
    await written;
  }
}

function fileOf({ folder, nodeId }: PrimeSupplyOptions): string {
  return join(folder, `primes_${nodeId}.json`);
}

function labelOf({ nodeId }: PrimeSupplyOptions): Label {
  return { purpose: 'primes', owner: nodeId };
}

function parseFile(text: string): z.infer<typeof FileSchema> | null {
  try {
    return FileSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
