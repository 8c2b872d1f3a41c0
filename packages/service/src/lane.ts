import type { Clock } from './clock.js';

/** The lane moves on this often, ms. Smaller: more timers. Larger: callers wait longer for their turn, and go in larger groups. */
const STEP_MS = 50;

export interface LaneOptions {
  /** Turns a second. */
  readonly perSecond: number;
  /** Turns that are taken at once after a time without any. */
  readonly burst: number;
  readonly clock: Pick<Clock, 'after'>;
}

/**
 * Where callers wait for their turn, in the order in which they came. However many there are, only so many have their turn in a second. A
 * caller that waits costs nothing but its place.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #queue = new Set<() => void>();
  #free: number;
  #isMoving = false;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#free = options.burst;
  }

  /** How many wait. */
  get size(): number {
    return this.#queue.size;
  }

  /** Resolves when it is the caller's turn. @returns false when the signal has aborted before */
  async turn(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    this.#move();
    if (this.#free >= 1 && this.#queue.size === 0) {
      this.#free -= 1;
      return true;
    }
    return new Promise((resolve) => {
      const giveUp = (): void => {
        this.#queue.delete(go);
        resolve(false);
      };
      const go = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve(true);
      };
      this.#queue.add(go);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Steps until all turns are free again. */
  #move(): void {
    if (this.#isMoving) return;
    this.#isMoving = true;
    this.#options.clock.after(STEP_MS, () => {
      this.#isMoving = false;
      this.#step();
    });
  }

  #step(): void {
    const { perSecond, burst } = this.#options;
    this.#free = Math.min(burst, this.#free + (perSecond * STEP_MS) / 1000);
    for (const go of this.#queue) {
      if (this.#free < 1) break;
      this.#free -= 1;
      this.#queue.delete(go);
      go();
    }
    if (this.#free < burst) this.#move();
  }
}
