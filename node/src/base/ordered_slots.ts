interface QueuedWork {
  readonly order: string;
  readonly enter: () => void;
}

/**
 * At most `capacity` pieces of work at a time. Of those that wait, the first in `order` goes next. All nodes use the same order, so the
 * oldest work is admitted at every node, and no two nodes wait for each other's slots.
 */
export class OrderedSlots {
  #free: number;
  readonly #waiting: QueuedWork[] = [];

  constructor(capacity: number) {
    this.#free = capacity;
  }

  /** Runs `work` in a slot. @throws the signal's reason when it aborts before a slot is free */
  async run<T>(order: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(order, signal);
    try {
      return await work();
    } finally {
      this.#free++;
      this.#admit();
    }
  }

  async #enter(order: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason as Error);
      };
      const waiting: QueuedWork = {
        order,
        enter: () => {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiting);
      this.#admit();
    });
  }

  #admit(): void {
    while (this.#free > 0 && this.#waiting.length > 0) {
      this.#waiting.sort((a, b) => (a.order < b.order ? -1 : 1));
      this.#free--;
      this.#waiting.shift()?.enter();
    }
  }
}
