import { every, sleep, type Clock } from 'service/clock';
import type { ProtocolRunner } from '../workers/jobs.js';

/** Progress is reported this often. */
const REPORT_MS = 10_000;
/** Pause after a search that failed. */
const RETRY_MS = 1_000;

/** Progress of a search. */
export interface SearchProgress {
  readonly found: number;
  readonly candidates: number;
  readonly seconds: number;
}

export interface PrimeSearch {
  readonly clock: Clock;
  readonly runner: ProtocolRunner;
  /** Number of searches at the same time. */
  readonly workers: number;
  /** How many primes are to be found. */
  readonly wanted: number;
  /** Called with each prime that is found, hexadecimal. */
  readonly keep: (prime: string) => Promise<void>;
  /** Called at the beginning, after each prime that was kept, and every ten seconds. */
  readonly onProgress: (progress: SearchProgress) => void;
  /** Called when a search fails. It is tried again. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Searches for safe primes on all workers until as many are found as are wanted. Then it stops the searches that still go on.
 * @throws the signal's reason when it aborts; what `keep` throws
 */
export async function searchForPrimes(search: PrimeSearch, signal: AbortSignal): Promise<void> {
  const { clock, runner, workers, wanted, keep, onProgress, onFailure } = search;
  const started = clock.monotonic();
  let [found, kept, candidates] = [0, 0, 0];
  const report = (): void => {
    onProgress({ found: kept, candidates, seconds: Math.round((clock.monotonic() - started) / 1000) });
  };
  const enough = new AbortController();
  const stop = (): void => {
    enough.abort(signal.reason);
  };

  /** null when the search was stopped, or failed. */
  const findOne = async (): Promise<string | null> => {
    const job = runner.run({ kind: 'safe_prime' }, { onProgress: (tested) => { candidates += Number(tested); } });
    const abort = (): void => {
      job.abort(enough.signal.reason);
    };
    enough.signal.addEventListener('abort', abort);
    try {
      return await job.result;
    } catch (error) {
      if (enough.signal.aborted) return null;
      onFailure(error);
      await sleep(clock, RETRY_MS, enough.signal);
      return null;
    } finally {
      enough.signal.removeEventListener('abort', abort);
    }
  };
  const searchOn = async (): Promise<void> => {
    while (!enough.signal.aborted) {
      const prime = await findOne();
      if (prime === null || found >= wanted) continue;
      found += 1;
      if (found >= wanted) enough.abort();
      await keep(prime);
      kept += 1;
      report();
    }
  };

  report();
  const reporting = every(clock, REPORT_MS, report);
  signal.addEventListener('abort', stop);
  try {
    if (signal.aborted) stop();
    await Promise.all(Array.from({ length: workers }, searchOn));
  } finally {
    reporting.stop();
    signal.removeEventListener('abort', stop);
    enough.abort();
  }
  signal.throwIfAborted();
}
