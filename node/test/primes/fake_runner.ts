import { smallSafePrimes } from 'cggmp24/testing';
import type { JobEvents, ProtocolRunner } from '../../src/workers/jobs.js';

/** A search that is under way. */
interface Search {
  /** Ends it with a prime or with a failure. */
  readonly end: (found: string | Error) => void;
  /** Says that it has tested so many more candidates. */
  readonly tested: (candidates: number) => void;
}

/** Finds the fixture primes, one search at a time, when it is told to. */
export class FakeRunner {
  /** The searches that have not ended by themselves, the oldest first. */
  readonly searches: Search[] = [];
  aborted = 0;
  #next = 0;

  get runner(): ProtocolRunner {
    const run = (_job: unknown, { onProgress }: JobEvents) => {
      let abort: (reason: Error) => void = () => undefined;
      const result = new Promise<string>((resolve, reject) => {
        let ended = false;
        this.searches.push({
          end: (found) => {
            ended = true;
            if (found instanceof Error) reject(found);
            else resolve(found);
          },
          tested: (candidates) => onProgress?.(String(candidates)),
        });
        abort = (reason) => {
          if (!ended) this.aborted += 1;
          reject(reason);
        };
      });
      result.catch(() => undefined);
      return { result, abort, receive: () => undefined };
    };
    return { run: run as unknown as ProtocolRunner['run'] };
  }

  /** The oldest search finds the next of the primes. */
  find(): void {
    this.searches.shift()?.end(smallSafePrimes[this.#next++] ?? '');
  }

  /** The oldest search fails. */
  fail(error: Error): void {
    this.searches.shift()?.end(error);
  }
}
