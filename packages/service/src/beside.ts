import type { Clock } from './clock.js';

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
  run<T>(ms: number, call: () => Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(ms, () => { resolve(undefined); });
      if (this.#underWay >= this.most) return;
      this.#underWay += 1;
      const settled = call().finally(() => {
        this.#underWay -= 1;
        timer.stop();
      });
      settled.then(resolve, reject);
    });
  }
}
