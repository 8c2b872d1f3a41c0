import type { Clock, Timer } from 'service/clock';
import { ServiceError } from 'service/errors';

/** News that is not urgent waits this long, so that more may come with it. A smaller value wakes readers more often, a larger one tells them late. */
const LINGER_MS = 50;

/** Readers who wait for news of a topic. Nothing is polled: a change wakes those who wait for it. */
export class Waiters {
  readonly #topics = new Map<string, Set<() => void>>();
  readonly #soon = new Set<string>();
  #count = 0;

  /** @param max readers who may wait at one time */
  constructor(
    private readonly max: number,
    private readonly clock: Clock,
  ) {}

  get size(): number {
    return this.#count;
  }

  /**
   * Resolves when `topic` changes, after `ms`, or when `signal` aborts, whichever is first.
   * @returns true when the topic changed
   * @throws ServiceError 429 when too many wait already
   */
  async wait(topic: string, ms: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted || ms <= 0) return false;
    if (this.#count >= this.max) throw new ServiceError(429, 'too_many_waiting', 'too many waiting readers: ask without wait');
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
        timer = this.clock.after(ms, giveUp);
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

  wake(topic: string): void {
    const readers = this.#topics.get(topic);
    this.#topics.delete(topic);
    for (const wake of readers ?? []) wake();
  }

  /** Wakes them a moment later, once for all that happens until then. Whoever asks before that has the news at once. */
  wakeSoon(topic: string): void {
    if (this.#soon.has(topic)) return;
    this.#soon.add(topic);
    this.clock.after(LINGER_MS, () => {
      this.#soon.delete(topic);
      this.wake(topic);
    });
  }
}
