import { fork, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { Counts } from './counts.js';
import type { Verdict } from './world.js';

/** A schedule that takes longer, in real time, never ends. Smaller: a busy machine is mistaken for that. Larger: it is noticed later. */
const LONGEST_MS = 300_000;
/** Between two lines of progress. */
const PROGRESS_MS = 5_000;
/** Failing seeds that are printed. The others are counted. */
const MOST_SHOWN = 20;

/** Simulates the schedules of `count` seeds in worker processes, one for each core. @returns how many have failed */
export async function simulateAll(first: number, count: number): Promise<number> {
  const tally = new Tally(count);
  let next = first;
  const work = async (): Promise<void> => {
    let worker = start();
    while (next < first + count) {
      const seed = String(next++);
      const verdict = await ask(worker, seed);
      tally.add(verdict);
      if (!worker.connected) worker = start();
    }
    worker.disconnect();
  };
  const showing = setInterval(() => { tally.showProgress(); }, PROGRESS_MS);
  await Promise.all(Array.from({ length: availableParallelism() }, work)).finally(() => { clearInterval(showing); });
  tally.showEnd();
  return tally.failed;
}

function start(): ChildProcess {
  return fork(new URL('./main.js', import.meta.url), ['--worker']);
}

/** @returns what the worker finds; if it has ended, or does not come to an end, that is a violation, and the worker is gone */
function ask(worker: ChildProcess, seed: string): Promise<Verdict> {
  return new Promise((resolve) => {
    const failed = (why: string): void => {
      end({ seed, violations: [why], events: 0, virtualMs: 0, latencies: [], traits: {} });
    };
    const onExit = (code: number | null): void => {
      failed(`its process has ended with code ${code}`);
    };
    const timer = setTimeout(() => {
      worker.kill('SIGKILL');
      worker.disconnect();
      failed(`it has not ended after ${LONGEST_MS / 1000} s of real time`);
    }, LONGEST_MS);
    const end = (verdict: Verdict): void => {
      clearTimeout(timer);
      worker.off('message', end).off('exit', onExit);
      resolve(verdict);
    };
    worker.once('message', end).once('exit', onExit);
    worker.send(seed);
  });
}

class Tally {
  readonly #started = performance.now();
  readonly #latencies: number[] = [];
  readonly #counts = new Counts();
  #done = 0;
  #virtualMs = 0;
  failed = 0;

  constructor(private readonly count: number) {}

  add({ seed, violations, latencies, virtualMs, traits }: Verdict): void {
    this.#done += 1;
    this.#virtualMs += virtualMs;
    this.#counts.add(traits);
    if (violations.length === 0) this.#latencies.push(...latencies);
    else this.#fail(seed, violations);
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
    process.stdout.write(this.#counts.text);
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
