import type { Clock, Timer } from 'service/clock';
import type { Caller } from 'service/callers';
import { ServiceError } from 'service/errors';

/**
 * News that is not urgent waits this long, so that more may come with it. With a smaller value, readers are woken more often. With a larger
 * one, they hear of it later.
 */
const LINGER_MS = 50;

/** Strangers that wait at the board of a sealed cluster. Fewer: people who look around wait less. More: each piece of news costs more. */
const MAX_STRANGERS = 100;

export interface WaitersOptions {
  /** Upper bound of the readers that wait at one time. One more is refused. */
  readonly max: number;
  /** How many members share them. 1: nobody can be told apart, and all of them are for anybody. */
  readonly shares: number;
  readonly clock: Clock;
}

/** Readers that wait for news of a topic. Nobody polls: a change of a topic wakes its readers. */
export class Waiters {
  readonly #topics = new Map<string, Set<() => void>>();
  /** Topics whose readers are about to be woken. */
  readonly #soon = new Set<string>();
  readonly #options: WaitersOptions;
  readonly #clock: Clock;
  readonly #counts = new Map<Caller, number>();
  #count = 0;

  constructor(options: WaitersOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  /** How many readers wait. */
  get size(): number {
    return this.#count;
  }

  /**
   * Resolves when `topic` changes, after `ms`, or when `signal` aborts, whichever comes first.
   * @returns true when the topic changed
   * @throws ServiceError 429 when too many of this caller wait already
   */
  async wait(topic: string, ms: number, signal: AbortSignal, caller: Caller): Promise<boolean> {
    if (signal.aborted || ms <= 0) return false;
    const before = this.#counts.get(caller) ?? 0;
    if (before >= this.#shareOf(caller)) throw new ServiceError(429, 'too_many_waiting', 'too many waiting readers: ask without wait');
    const readers = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, readers);
    this.#count += 1;
    this.#counts.set(caller, before + 1);
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
      this.#counts.set(caller, (this.#counts.get(caller) ?? 0) - 1);
    }
  }

  #shareOf(caller: Caller): number {
    const { max, shares } = this.#options;
    if (shares === 1) return max;
    return caller === null ? Math.min(max, MAX_STRANGERS) : Math.floor(max / shares);
  }

  /** Wakes all readers of a topic now. */
  wake(topic: string): void {
    const readers = this.#topics.get(topic);
    this.#topics.delete(topic);
    for (const wake of readers ?? []) wake();
  }

  /** Wakes all readers of a topic a moment later, once for everything that changes until then. One that begins to wait has read already. */
  wakeSoon(topic: string): void {
    if (this.#soon.has(topic) || !this.#topics.has(topic)) return;
    this.#soon.add(topic);
    this.#clock.after(LINGER_MS, () => {
      this.#soon.delete(topic);
      this.wake(topic);
    });
  }
}
