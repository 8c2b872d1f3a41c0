import type { Timer } from 'service/clock';
import type { Random } from './random.js';
import type { HttpAnswer, HttpCall } from './stand_ins/undici.js';
import type { Process, Timeline } from './timeline.js';

/** How the network is before it is calm, and after. */
export interface Weather {
  /** From here on nothing is lost, and each leg takes at most `legMs`. Milliseconds of the timeline. */
  readonly calmAt: number;
  readonly legMs: number;
  /** Before that: the part of all legs that is lost, the part that is delayed for long, and for how long at most. */
  readonly loss: number;
  readonly delays: number;
  readonly longestMs: number;
  /** The part of all calls that the server gets a second time. */
  readonly repeats: number;
}

/** What answers calls. */
export interface Server {
  /** Where it runs now; null while it is down. */
  readonly process: Process | null;
  /** @param gone aborts when the caller has given up */
  answer(call: HttpCall, gone: AbortSignal): Promise<HttpAnswer>;
}

/** A call whose answer is lost is noticed after at most this long, before the network is calm: the connection breaks. */
const LONGEST_BREAK_MS = 8_000;

class BrokenConnection extends Error {
  readonly code = 'ECONNRESET';
}

/** Carries calls between the members and the board. The legs of different calls overtake each other, also those of one member. */
export class Network {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #server: Server;
  /** Who waits for an answer of which life of the server. */
  readonly #waiting = new Map<Process, Set<() => void>>();

  constructor(timeline: Timeline, random: Random, weather: Weather, server: Server) {
    this.#timeline = timeline;
    this.#random = random;
    this.#weather = weather;
    this.#server = server;
  }

  /** @throws Error as a broken connection does; the signal's reason */
  send(caller: Process, call: HttpCall, signal: AbortSignal): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      if (!caller.isAlive) return;
      // As undici does: nothing would call back any more.
      signal.throwIfAborted();
      const gone = new AbortController();
      let pending: Timer | undefined;
      let isOver = false;
      const end = (): void => {
        isOver = true;
        signal.removeEventListener('abort', abort);
        pending?.stop();
      };
      const abort = (): void => {
        end();
        gone.abort();
        reject(signal.reason as Error);
      };
      const breakLater = (): void => {
        pending = this.#timeline.in(this.#breakMs(caller), caller, () => {
          end();
          reject(new BrokenConnection('the connection broke'));
        });
      };
      signal.addEventListener('abort', abort, { once: true });
      const deliver = (answer: HttpAnswer | null): void => {
        if (isOver) return;
        if (answer === null || this.#isLost(caller)) breakLater();
        else {
          pending = this.#timeline.in(this.#legMs(), caller, () => {
            end();
            resolve(answer);
          });
        }
      };
      if (this.#isLost(caller)) breakLater();
      else this.#timeline.in(this.#legMs(), null, () => { this.#arrive(call, gone.signal, deliver); });
      if (call.method !== 'GET' && this.#isRepeated()) {
        this.#timeline.in(this.#legMs(), null, () => { this.#arrive(call, gone.signal, () => undefined); });
      }
    });
  }

  /** @param deliver takes the answer, null when there is none because the server is down, or goes down meanwhile */
  #arrive(call: HttpCall, gone: AbortSignal, deliver: (answer: HttpAnswer | null) => void): void {
    const { process } = this.#server;
    if (process === null) {
      deliver(null);
      return;
    }
    const waiting = this.#waiting.get(process) ?? new Set();
    this.#waiting.set(process, waiting);
    const lost = (): void => {
      deliver(null);
    };
    waiting.add(lost);
    // A frozen server takes calls when it goes on.
    this.#timeline.at(process.frozenUntil, process, () => {
      void this.#server.answer(call, gone).then((answer) => {
        if (waiting.delete(lost)) deliver(answer);
      });
    });
  }

  /** This life of the server is over: nobody gets an answer of it any more. */
  serverDied(process: Process): void {
    const waiting = this.#waiting.get(process) ?? [];
    this.#waiting.delete(process);
    for (const lost of waiting) lost();
  }

  get #isCalm(): boolean {
    return this.#timeline.now >= this.#weather.calmAt;
  }

  #isLost(caller: Process): boolean {
    if (caller.cutOffUntil > this.#timeline.now) return true;
    return !this.#isCalm && this.#random.chance(this.#weather.loss);
  }

  #isRepeated(): boolean {
    return !this.#isCalm && this.#random.chance(this.#weather.repeats);
  }

  /** What is under way when the network becomes calm arrives as soon as what is sent then. */
  #legMs(): number {
    const { calmAt, legMs, delays, longestMs } = this.#weather;
    const ms = this.#random.between(0.1, legMs);
    if (this.#isCalm || !this.#random.chance(delays)) return ms;
    return Math.min(this.#random.between(legMs, longestMs), Math.max(ms, calmAt + ms - this.#timeline.now));
  }

  /** When both the network and the caller's own line are as they should be, it is noticed at once. */
  #breakMs(caller: Process): number {
    const wellAt = Math.max(this.#weather.calmAt, caller.cutOffUntil);
    const ms = this.#random.between(0.1, this.#weather.legMs);
    return Math.min(this.#random.between(0.1, LONGEST_BREAK_MS), Math.max(0, wellAt - this.#timeline.now) + ms);
  }
}
