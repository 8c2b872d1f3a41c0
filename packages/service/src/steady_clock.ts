import type { Clock } from './clock.js';

/**
 * Milliseconds since 1970, as the wall clock said at the start, and from then on by the time that passes. Nobody who sets the wall clock
 * can end early what is timed by it.
 */
export class SteadyClock {
  readonly #offset: number;

  constructor(private readonly clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#offset = clock.now() - clock.monotonic();
  }

  now(): number {
    return Math.floor(this.#offset + this.clock.monotonic());
  }
}
