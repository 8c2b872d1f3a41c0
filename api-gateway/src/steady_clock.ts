import type { Clock } from 'service/clock';

/**
 * Milliseconds since 1970, as the wall clock said at the start, and from then on by the time that passes. Somebody who sets the wall clock
 * cannot end requests early, nor have outcomes forgotten.
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
