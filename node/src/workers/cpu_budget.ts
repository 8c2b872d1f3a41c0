import type { Clock } from 'service/clock';

/** What was not used is kept for so long, ms: a computation takes a thread for some hundred ms at a time. */
const KEPT_MS = 1_000;

/** An amount of CPU time that may be spent by and by: `cores` CPU-seconds a second. What was spent beyond it is waited for. */
export class CpuBudget {
  #balanceMs: number;
  #at: number;

  /** @param cores above 0, fractions too */
  constructor(
    private readonly cores: number,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#balanceMs = KEPT_MS * cores;
    this.#at = clock.monotonic();
  }

  /** @param cpuMs CPU time that was spent, of all threads */
  spend(cpuMs: number): void {
    this.#settle();
    this.#balanceMs -= cpuMs;
  }

  /** Milliseconds until something may be spent again; 0: now. */
  get waitMs(): number {
    this.#settle();
    return Math.max(0, Math.ceil(-this.#balanceMs / this.cores));
  }

  #settle(): void {
    const now = this.clock.monotonic();
    this.#balanceMs = Math.min(KEPT_MS * this.cores, this.#balanceMs + (now - this.#at) * this.cores);
    this.#at = now;
  }
}
