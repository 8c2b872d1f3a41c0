import type { Clock } from 'service/clock';

/** Lets a loop sleep until there is news. A notice given while nobody sleeps is kept for the next sleeper. */
export class Wakeup {
  #pending = false;
  #wake: (() => void) | null = null;

  constructor(private readonly clock: Clock) {}

  notify(): void {
    this.#pending = true;
    this.#wake?.();
  }

  /** Sleeps until the next notice, for at most `ms`, or until the signal aborts. One sleeper at a time. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#pending && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          timer.stop();
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = this.clock.after(ms, done);
        signal.addEventListener('abort', done, { once: true });
        this.#wake = done;
      });
      this.#wake = null;
    }
    this.#pending = false;
  }
}
