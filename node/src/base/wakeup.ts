/** Lets loops sleep until there is news. A notice given while nobody sleeps is kept for the next sleeper. */
export class Wakeup {
  #pending = false;
  #wake: (() => void) | null = null;

  notify(): void {
    this.#pending = true;
    this.#wake?.();
  }

  /** Sleeps until the next notice, `ms` are over or the signal aborts; one sleeper at a time. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#pending && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done, { once: true });
        this.#wake = done;
      });
      this.#wake = null;
    }
    this.#pending = false;
  }
}
