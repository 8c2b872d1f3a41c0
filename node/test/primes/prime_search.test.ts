import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { smallSafePrimes } from 'cggmp24/testing';
import { sleep } from 'service/clock';
import { present } from 'testkit/present';
import { VirtualClock } from 'testkit/virtual_clock';
import { WorkerFailed } from '../../src/base/errors.js';
import { searchForPrimes, type PrimeSearch, type SearchProgress } from '../../src/primes/prime_search.js';
import { FakeRunner } from './fake_runner.js';

/** Progress is said this often. */
const REPORT_MS = 10_000;
/** A search that failed is followed by another one after this time. */
const RETRY_MS = 1_000;

let clock: VirtualClock;
let fake: FakeRunner;
let kept: string[];
let reports: SearchProgress[];
let failures: unknown[];
beforeEach(() => {
  clock = new VirtualClock();
  fake = new FakeRunner();
  [kept, reports, failures] = [[], [], []];
});

/** Searches for four primes on two workers. @returns what has become of it: null while it goes on, then `found` or the error */
function search(signal = new AbortController().signal, other: Partial<PrimeSearch> = {}): () => unknown {
  const options: PrimeSearch = {
    clock,
    runner: fake.runner,
    workers: 2,
    wanted: 4,
    keep: (prime) => {
      kept.push(prime);
      return Promise.resolve();
    },
    onProgress: (progress) => void reports.push(progress),
    onFailure: (error) => void failures.push(error),
    ...other,
  };
  let end: unknown = null;
  searchForPrimes(options, signal).then(
    () => {
      end = 'found';
    },
    (error: unknown) => {
      end = error;
    },
  );
  return () => end;
}

/** The oldest search finds a prime, and what follows happens. */
async function find(): Promise<void> {
  fake.find();
  await clock.advance(0);
}

describe('a search for primes', () => {
  it('goes on, on every worker, until there are as many as wanted', async () => {
    const end = search();
    for (let count = 0; count < 4; count++) {
      expect([kept.length, fake.searches.length, end()]).toEqual([count, 2, null]);
      await find();
    }
    expect(end()).toBe('found');
    expect(kept).toEqual(smallSafePrimes.slice(0, 4));
    expect([fake.searches.length, fake.aborted, clock.pending]).toEqual([1, 1, 0]);
  });

  it('reports at the beginning, after each prime and every ten seconds, and not after its end', async () => {
    search();
    expect(reports).toEqual([{ found: 0, candidates: 0, seconds: 0 }]);
    for (const candidates of [300, 400]) present(fake.searches[0]).tested(candidates);
    present(fake.searches[1]).tested(50);
    await clock.advance(REPORT_MS - 1);
    expect(reports).toHaveLength(1);
    await clock.advance(1);
    expect(reports.at(-1)).toEqual({ found: 0, candidates: 750, seconds: 10 });
    await clock.advance(2_500);
    await find();
    expect(reports.at(-1)).toEqual({ found: 1, candidates: 750, seconds: 13 });
    await clock.advance(REPORT_MS - 2_500);
    expect(reports.at(-1)).toEqual({ found: 1, candidates: 750, seconds: 20 });
    for (let count = 2; count <= 4; count++) await find();
    const atEnd = reports.length;
    await clock.advance(2 * REPORT_MS);
    expect(reports.slice(3).map(({ found }) => found)).toEqual([1, 2, 3, 4]);
    expect(reports).toHaveLength(atEnd);
  });

  it('counts a prime once it is kept', async () => {
    search(undefined, { keep: () => sleep(clock, 2) });
    await clock.advance(REPORT_MS - 1);
    await find();
    await clock.advance(1);
    expect(reports.at(-1)).toEqual({ found: 0, candidates: 0, seconds: 10 });
    await clock.advance(1);
    expect(reports.at(-1)).toEqual({ found: 1, candidates: 0, seconds: 10 });
  });

  it('says when a search fails, and begins another one after a second', async () => {
    search();
    const failure = new WorkerFailed('the worker thread crashed');
    fake.fail(failure);
    await clock.advance(RETRY_MS - 1);
    expect(failures).toEqual([failure]);
    expect(fake.searches).toHaveLength(1);
    await clock.advance(1);
    expect(fake.searches).toHaveLength(2);
  });

  it('does not wait for that second when there are enough meanwhile', async () => {
    const end = search(undefined, { wanted: 1 });
    fake.fail(new WorkerFailed('the worker thread crashed'));
    await clock.advance(1);
    await find();
    expect(end()).toBe('found');
    expect(clock.pending).toBe(0);
  });

  it('keeps no more than are wanted, when two are found at the same time', async () => {
    const end = search(undefined, { wanted: 1 });
    fake.find();
    fake.find();
    await clock.advance(0);
    expect(end()).toBe('found');
    expect(kept).toEqual(smallSafePrimes.slice(0, 1));
  });

  it('ends with the reason of its signal, and leaves nothing behind', async () => {
    const stopping = new AbortController();
    const end = search(stopping.signal);
    await find();
    const reason = new Error('the node is stopping');
    stopping.abort(reason);
    await clock.advance(0);
    expect(end()).toBe(reason);
    expect([kept.length, fake.aborted, clock.pending]).toEqual([1, 2, 0]);
    expect(failures).toEqual([]);
    expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  });

  it('begins nothing when its signal has aborted before', async () => {
    const reason = new Error('the node is stopping');
    const end = search(AbortSignal.abort(reason));
    await clock.advance(0);
    expect(end()).toBe(reason);
    expect([fake.searches.length, clock.pending]).toEqual([0, 0]);
  });

  it('ends, and stops the others, when a prime cannot be kept', async () => {
    const full = new Error('ENOSPC');
    const end = search(undefined, { keep: () => Promise.reject(full) });
    await find();
    expect(end()).toBe(full);
    expect([fake.aborted, clock.pending]).toEqual([1, 0]);
  });
});
