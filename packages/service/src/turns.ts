/** A member's name, or null for all strangers together. */
type Caller = string | null;

/**
 * Calls of many callers, one of each in turn: whoever has several waits with all but the first of them, until each of the others has had
 * one. So nobody waits for more than one call of each of the others, and whoever is alone goes on at once.
 */
export class Turns {
  /** Who has had a turn since the event loop went round. */
  readonly #served = new Set<Caller>();
  readonly #queues = new Map<Caller, Set<() => void>>();

  /** @param defer calls back when the event loop has gone round */
  constructor(private readonly defer: (callback: () => void) => void = setImmediate) {}

  /**
   * Resolves when it is the caller's turn.
   * @param ended aborts when the caller is gone
   * @returns false when that was before
   */
  async turn(caller: Caller, ended: () => AbortSignal): Promise<boolean> {
    if (this.#begin(caller)) return true;
    const signal = ended();
    if (signal.aborted) return false;
    const queue = this.#queues.get(caller) ?? new Set();
    this.#queues.set(caller, queue);
    return new Promise((resolve) => {
      const giveUp = (): void => {
        queue.delete(go);
        resolve(false);
      };
      const go = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve(true);
      };
      queue.add(go);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Takes this caller's turn, if it is free. */
  #begin(caller: Caller): boolean {
    if (this.#served.has(caller)) return false;
    // What has come since then is looked at between two rounds, so that it does not wait for all that came before.
    if (this.#served.size === 0) {
      this.defer(() => {
        this.#round();
      });
    }
    this.#served.add(caller);
    return true;
  }

  #round(): void {
    this.#served.clear();
    for (const [caller, queue] of this.#queues) {
      const [go] = queue;
      if (go !== undefined && this.#begin(caller)) {
        queue.delete(go);
        go();
      }
      if (queue.size === 0) this.#queues.delete(caller);
    }
  }
}
