import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import type { Verdict } from './world.js';

/** Seeds that a worker gets at a time. Fewer: it waits more often. More: the last worker works alone for longer. */
const PORTION = 50;
/** Between two lines of progress. */
const PROGRESS_MS = 5_000;
/** Failing seeds that are printed. The others are counted. */
const MOST_SHOWN = 20;

/** What a worker is asked for, and what it answers. */
export interface Portion {
  readonly from: number;
  readonly count: number;
}
export type Report = readonly Verdict[];

/** Simulates the schedules of `count` seeds in worker processes, one for each core. @returns how many have failed */
export async function simulateAll(first: number, count: number): Promise<number> {
  const tally = new Tally(count);
  let next = first;
  const end = first + count;
  const work = async (): Promise<void> => {
    const worker = fork(new URL('./main.js', import.meta.url), ['--worker'], { serialization: 'advanced' });
    while (next < end) {
      const portion: Portion = { from: next, count: Math.min(PORTION, end - next) };
      next += portion.count;
      tally.add(await ask(worker, portion));
    }
    worker.disconnect();
  };
  const showing = setInterval(() => { tally.showProgress(); }, PROGRESS_MS);
  await Promise.all(Array.from({ length: availableParallelism() }, work)).finally(() => { clearInterval(showing); });
  tally.showEnd();
  return tally.failed;
}

async function ask(worker: ChildProcess, portion: Portion): Promise<Report> {
  const ended = once(worker, 'exit').then(() => {
    throw new Error(`a worker has ended among the seeds ${portion.from} to ${portion.from + portion.count - 1}`);
  });
  const answer = once(worker, 'message') as Promise<[Report]>;
  worker.send(portion);
  const [report] = await Promise.race([answer, ended]);
  return report;
}

class Tally {
  readonly #started = performance.now();
  readonly #latencies: number[] = [];
  #done = 0;
  #virtualMs = 0;
  failed = 0;

  constructor(private readonly count: number) {}

  add(report: Report): void {
    for (const { seed, violations, latencies, virtualMs } of report) {
      this.#done += 1;
      this.#virtualMs += virtualMs;
      if (violations.length === 0) this.#latencies.push(...latencies);
      else this.#fail(seed, violations);
    }
  }

  showProgress(): void {
    process.stdout.write(`${this.#done} of ${this.count} schedules, ${this.failed} failed, ${this.#seconds} s\n`);
  }

  showEnd(): void {
    const sorted = this.#latencies.sort((a, b) => a - b);
    const at = (part: number): string => `${((sorted[Math.floor(part * (sorted.length - 1))] ?? 0) / 1000).toFixed(1)} s`;
    process.stdout.write(
      `${this.#done} schedules in ${this.#seconds} s, ${(this.#virtualMs / 3_600_000).toFixed(1)} hours of virtual time. `
      + `${sorted.length} requests took ${at(0.5)} in the median, 99 in 100 at most ${at(0.99)}, the slowest ${at(1)}\n`,
    );
    process.stdout.write(this.failed === 0 ? 'All schedules hold\n' : `${this.failed} schedules FAILED\n`);
  }

  get #seconds(): string {
    return ((performance.now() - this.#started) / 1000).toFixed(0);
  }

  #fail(seed: string, violations: readonly string[]): void {
    this.failed += 1;
    if (this.failed > MOST_SHOWN) return;
    process.stdout.write(`seed ${seed} FAILED: ${violations.join('; ')}\n  npm run simulate -- --seed ${seed} --trace\n`);
  }
}
