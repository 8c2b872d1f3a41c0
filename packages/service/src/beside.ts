import { sleep, type Clock } from './clock.js';

/** Lets a loop go on while a call of it hangs: the next call then runs beside it. */
export class Beside {
  #underWay = 0;

  /** @param most calls that may be under way at a time. Fewer: all may hang. More: a server that is stuck gets more of them */
  constructor(
    private readonly clock: Clock,
    private readonly most: number,
  ) {}

  /**
   * Makes a call, and waits for at most `ms`. While too many are under way it only waits.
   * @returns what the call resolves to; undefined when that takes longer. The call goes on then
   * @throws what it rejects with in this time
   */
  async run<T>(ms: number, call: () => Promise<T>): Promise<T | undefined> {
    const waiting = new AbortController();
    const patience = sleep(this.clock, ms, waiting.signal).then(() => undefined);
    if (this.#underWay >= this.most) return patience;
    this.#underWay += 1;
    const running = call().finally(() => {
      this.#underWay -= 1;
    });
    try {
      return await Promise.race([running, patience]);
    } finally {
      waiting.abort();
    }
  }
}
