import type { Clock, Timer } from 'service/clock';

/** What runs on a machine of its own: a node, the board, the gateway. */
export interface Process {
  readonly name: string;
  /** What belongs to a process that has been killed never happens. */
  isAlive: boolean;
  /** What belongs to a frozen process happens when it goes on. Milliseconds of the timeline. */
  frozenUntil: number;
  /** Until then none of its calls reaches the board, and no answer reaches it. */
  cutOffUntil: number;
}

export function newProcess(name: string): Process {
  return { name, isAlive: true, frozenUntil: 0, cutOffUntil: 0 };
}

interface Event extends Timer {
  at: number;
  /** Events of one moment happen in the order in which they were made. */
  order: number;
  readonly owner: Process | null;
  action: (() => void) | null;
}

/**
 * Virtual time, and what happens at which moment of it. Nothing here waits for real time, input or output: after each event all promises
 * that are ready are settled, and then the next event happens. So one seed always gives one run.
 */
export class Timeline {
  #now = 0;
  #made = 0;
  #happened = 0;
  /** A binary heap: the next event is the first. */
  readonly #heap: Event[] = [];

  /** Milliseconds since the start. */
  get now(): number {
    return this.#now;
  }

  /** How many events have happened. */
  get happened(): number {
    return this.#happened;
  }

  /** Does this process wait for anything? */
  waits(process: Process): boolean {
    return this.#heap.some(({ owner, action }) => owner === process && action !== null);
  }

  /** @param owner to whom it happens; null when no fault can prevent it */
  at(ms: number, owner: Process | null, action: () => void): Timer {
    const event: Event = { at: Math.max(ms, this.#now), order: this.#made++, owner, action, stop: () => { event.action = null; } };
    this.#push(event);
    return event;
  }

  in(ms: number, owner: Process | null, action: () => void): Timer {
    return this.at(this.#now + ms, owner, action);
  }

  /** Lets events happen until `isOver`, or until there are none. @throws what an event throws */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      // The callback of nextTick, when it is given by a microtask, runs when no microtask is left.
      const whenSettled = (): void => {
        process.nextTick(step);
      };
      const step = (): void => {
        try {
          const event = isOver() ? undefined : this.#next();
          if (event === undefined) {
            resolve();
            return;
          }
          this.#now = event.at;
          this.#happened += 1;
          event.action?.();
          queueMicrotask(whenSettled);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      queueMicrotask(whenSettled);
    });
  }

  /** The next event that really happens. */
  #next(): Event | undefined {
    for (let event = this.#pop(); event !== undefined; event = this.#pop()) {
      const { owner } = event;
      if (event.action === null || owner?.isAlive === false) continue;
      if (owner === null || owner.frozenUntil <= event.at) return event;
      event.at = owner.frozenUntil;
      event.order = this.#made++;
      this.#push(event);
    }
    return undefined;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(event);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, event)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      const child = a !== undefined && b !== undefined && isBefore(b, a) ? b : a;
      if (child === undefined || isBefore(last, child)) break;
      heap[place] = child;
      place = child === a ? left : left + 1;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** A timer of a positive length ends at least this much later. Smaller: rounding could make a loop wait for ever at one moment. */
const LEAST_MS = 0.001;

export interface ClockOptions {
  /** How fast it runs: 1.01 is one percent too fast. */
  readonly rate: number;
  /** What the wall clock says at the start of the timeline, milliseconds since 1970. */
  readonly wall: number;
}

/** The clock of one process. Its timers end with the process. */
export class ProcessClock implements Clock {
  readonly #timeline: Timeline;
  readonly #process: Process;
  readonly #options: ClockOptions;

  constructor(timeline: Timeline, process: Process, options: ClockOptions) {
    this.#timeline = timeline;
    this.#process = process;
    this.#options = options;
  }

  now(): number {
    return Math.floor(this.#options.wall + this.#timeline.now);
  }

  monotonic(): number {
    return this.#timeline.now * this.#options.rate;
  }

  after(ms: number, callback: () => void): Timer {
    const realMs = ms <= 0 ? 0 : Math.max(LEAST_MS, ms / this.#options.rate);
    return this.#timeline.in(realMs, this.#process, callback);
  }
}
