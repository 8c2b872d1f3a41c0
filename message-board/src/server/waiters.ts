import type { Clock, Timer } from 'service/clock';
import { ServiceError } from 'service/errors';

/**
 * News that is not urgent waits this long, so that more may come with it. With a smaller value, readers are woken more often. With a larger
 * one, they hear of it later.
 */
const LINGER_MS = 50;

/** Readers that wait for news of a topic. Nobody polls: a change of a topic wakes its readers. */
export class Waiters {
  readonly #topics = new Map<string, Set<() => void>>();
  /** Topics whose readers are about to be woken. */
  readonly #soon = new Set<string>();
  readonly #max: number;
  readonly #clock: Clock;
  #count = 0;

  /** @param max upper bound of the readers that wait at one time. One more is refused */
  constructor(max: number, clock: Clock) {
    this.#max = max;
    this.#clock = clock;
  }

  /** How many readers wait. */
  get size(): number {
    return this.#count;
  }

  /**
   * Resolves when `topic` changes, after `ms`, or when `signal` aborts, whichever comes first.
   * @returns true when the topic changed
   * @throws ServiceError 429 when too many wait already
   */
  async wait(topic: string, ms: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted || ms <= 0) return false;
    if (this.#count >= this.#max) throw new ServiceError(429, 'too_many_waiting', 'too many waiting readers: ask without wait');
    const readers = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, readers);
    this.#count += 1;
    let wake = (): void => undefined;
    let giveUp = (): void => undefined;
    let timer: Timer | undefined;
    try {
      return await new Promise<boolean>((resolve) => {
        wake = () => {
          resolve(true);
        };
        giveUp = () => {
          resolve(false);
        };
        readers.add(wake);
        timer = this.#clock.after(ms, giveUp);
        signal.addEventListener('abort', giveUp);
      });
    } finally {
      timer?.stop();
      signal.removeEventListener('abort', giveUp);
      readers.delete(wake);
      if (readers.size === 0 && this.#topics.get(topic) === readers) this.#topics.delete(topic);
      this.#count -= 1;
    }
  }

  /** Wakes all readers of a topic now. */
  wake(topic: string): void {
    const readers = this.#topics.get(topic);
    this.#topics.delete(topic);
    for (const wake of readers ?? []) wake();
  }

  /** Wakes all readers of a topic a moment later, once for everything that changes until then. A new reader need not wait for that. */
  wakeSoon(topic: string): void {
    if (this.#soon.has(topic)) return;
    this.#soon.add(topic);
    this.#clock.after(LINGER_MS, () => {
      this.#soon.delete(topic);
      this.wake(topic);
    });
  }
}
