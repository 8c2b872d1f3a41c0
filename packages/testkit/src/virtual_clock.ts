import type { Clock, Timer } from 'service/clock';

interface DueTimer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until a test advances it. Timers fire in the order of their times. Timers of one time fire in the order in
 * which they were set.
 */
export class VirtualClock implements Clock {
  readonly #timers = new Set<DueTimer>();
  #monotonic = 0;

  /** @param wall what `now` says at the start, milliseconds since 1970 */
  constructor(private wall = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.wall + this.#monotonic;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, callback: () => void): Timer {
    const due = { at: this.#monotonic + Math.max(0, ms), callback };
    this.#timers.add(due);
    return {
      stop: () => {
        this.#timers.delete(due);
      },
    };
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Sets the wall clock forward or back, as an operator or NTP does. No timer fires. */
  jump(ms: number): void {
    this.wall += ms;
  }

  /** Advances by `ms`. After each timer, promises that are ready are settled before the next one fires. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settled();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.callback();
      await settled();
    }
    this.#monotonic = end;
  }

  #next(end: number): DueTimer | undefined {
    let first: DueTimer | undefined;
    for (const due of this.#timers) if (due.at <= end && (first === undefined || due.at < first.at)) first = due;
    return first;
  }
}

/** Waits for one turn of the event loop, in which all promises settle that need no input or output. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
