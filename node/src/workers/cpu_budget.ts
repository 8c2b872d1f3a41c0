import type { Clock } from 'service/clock';

/**
 * CPU time that was not used within this time is lost, ms. Smaller: a computation, which takes a thread for some hundred ms at a time,
 * would always exceed the budget. Larger: after a pause more CPU time is spent at once.
 */
const KEPT_MS = 1_000;

/** CPU time that may be spent: `cores` CPU-seconds each second. After more was spent, nothing may be spent for a while. */
export class CpuBudget {
  #balanceMs: number;
  #at: number;

  /** @param cores above 0, also a fraction */
  constructor(
    private readonly cores: number,
    private readonly clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#balanceMs = KEPT_MS * cores;
    this.#at = clock.monotonic();
  }

  /** @param cpuMs CPU time that any thread has spent */
  spend(cpuMs: number): void {
    this.#settle();
    this.#balanceMs -= cpuMs;
  }

  /** Milliseconds until CPU time may be spent again; 0: now. */
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
