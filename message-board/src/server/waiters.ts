import { ServiceError } from 'service/errors';

/** News that is in no hurry waits so long for more to come with, ms. */
const LINGER_MS = 50;

/** Readers who wait for news of a topic. Nothing is polled: a change wakes those who wait for it. */
export class Waiters {
  private readonly topics = new Map<string, Set<() => void>>();
  private readonly soon = new Set<string>();
  private count = 0;

  /** @param max readers who may wait at one time */
  constructor(private readonly max: number) {}

  get size(): number {
    return this.count;
  }

  /**
   * Resolves when `topic` changes, after `ms` or when `signal` aborts, whichever is first.
   * @returns true when the topic changed
   * @throws ServiceError 429 when too many wait already
   */
  async wait(topic: string, ms: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted || ms <= 0) return false;
    if (this.count >= this.max) throw new ServiceError(429, 'too_many_waiting', 'too many waiting readers: ask without wait');
    const readers = this.topics.get(topic) ?? new Set();
    this.topics.set(topic, readers);
    this.count += 1;
    let wake = (): void => undefined;
    let giveUp = (): void => undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<boolean>((resolve) => {
        wake = () => {
          resolve(true);
        };
        giveUp = () => {
          resolve(false);
        };
        readers.add(wake);
        timer = setTimeout(giveUp, ms);
        signal.addEventListener('abort', giveUp);
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      readers.delete(wake);
      if (readers.size === 0 && this.topics.get(topic) === readers) this.topics.delete(topic);
      this.count -= 1;
    }
  }

  wake(topic: string): void {
    const readers = this.topics.get(topic);
    this.topics.delete(topic);
    for (const wake of readers ?? []) wake();
  }

  /** Wakes them a moment later: one waking for all that happens meanwhile. Whoever asks before that has the news at once. */
  wakeSoon(topic: string): void {
    if (this.soon.has(topic)) return;
    this.soon.add(topic);
    setTimeout(() => {
      this.soon.delete(topic);
      this.wake(topic);
    }, LINGER_MS).unref();
  }
}
