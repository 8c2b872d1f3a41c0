import { VirtualClock } from 'testkit/virtual_clock';

/** Smaller: more turns of the event loop are spent on the clock. Larger: timers are late by as much. */
const TURN_MS = 5;
/**
 * The most by which one turn of the event loop moves time. Smaller: time is slow on a quiet machine too. Larger: a busy machine
 * makes nodes late.
 */
const MAX_STEP_MS = 20;

/**
 * Real time, as long as this process gets its turns. When the machine is busy with something else, this clock goes slower: to the nodes
 * of one process nobody is late for that.
 */
export class PacedClock extends VirtualClock {
  #isStopped = false;

  constructor() {
    super();
    void this.#run();
  }

  /** The wall clock of this machine: statements are dated by it. */
  override now(): number {
    return Date.now();
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const before = performance.now();
      await new Promise((resolve) => setTimeout(resolve, TURN_MS));
      await this.advance(Math.min(performance.now() - before, MAX_STEP_MS));
    }
  }
}
