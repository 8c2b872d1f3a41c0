import { DatabaseSync } from 'node:sqlite';
import { Gateway } from 'api-gateway/gateway';
import { SCHEMA, SqliteStore } from 'api-gateway/sqlite_store';
import { BoardClient } from 'message-board/client';
import { sessionsOf } from 'message-board/contract';
import type { Logger } from 'pino';
import { sleep } from 'service/clock';
import { ServiceError } from 'service/errors';
import type { Members } from 'testkit/roster';
import type { Random } from './random.js';
import { newProcess, ProcessClock, type ClockOptions, type Process, type Timeline } from './timeline.js';

/** As the gateway's program has it. */
const BOARD_OPTIONS = { timeoutMs: 5_000, tries: 3 };
const ROOMY_DISK = { state: { freeBytes: null, problem: null } };
const LIMITS = { maxUnfinished: 10_000, maxWaiting: 1_000, retentionMs: 604_800_000 };
/** A client waits this long for one answer. */
const WAIT_MS = 20_000;
/** Between two tries of a client. */
const PAUSE_MS = 500;

/** What a client hears of its request. */
export interface ClientEvents {
  readonly onAccepted: (message: string, id: string) => void;
  /** It is about to ask for this. */
  readonly onCancel: (id: string) => void;
  readonly onOutcome: (id: string, outcome: string) => void;
}

export interface GatewayHostDeps {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly members: Members;
  readonly clock: ClockOptions;
  /** How long nodes may sign a request. */
  readonly lifetimeMs: number;
  readonly logger: (process: Process) => Logger;
  readonly events: ClientEvents;
}

/** One life of the gateway. */
interface Life {
  readonly process: Process;
  readonly gateway: Gateway;
  readonly ending: AbortController;
  readonly over: Promise<void>;
  /** Aborts when its process is killed. It is told nothing then; its clients notice. */
  readonly gone: AbortController;
}

/** A machine with the real gateway, and its clients, who ask until they have an answer. What its disk has survives the process. */
export class GatewayHost {
  readonly #database = new DatabaseSync(':memory:');
  /** The clients are elsewhere: nothing happens to them. */
  readonly #clientClock: ProcessClock;
  #lives = 0;
  #life: Life | null = null;

  constructor(private readonly deps: GatewayHostDeps) {
    this.#database.exec(SCHEMA);
    this.#clientClock = new ProcessClock(deps.timeline, newProcess('clients'), deps.clock);
  }

  /** The process that runs now; null while it is down. */
  get process(): Process | null {
    return this.#life?.process ?? null;
  }

  start(): void {
    if (this.#life !== null) return;
    this.#lives += 1;
    const { timeline, members: { roster, gateway: identity }, logger, lifetimeMs } = this.deps;
    const process = newProcess(`gateway-life-${this.#lives}`);
    const clock = new ProcessClock(timeline, process, this.deps.clock);
    const random = this.deps.random.stream(process.name).bytes;
    const board = new BoardClient(`http://${process.name}`, { ...BOARD_OPTIONS, clock, random, session: sessionsOf(roster, identity) });
    // A turn of the real event loop never ends while the timeline runs.
    const store = new SqliteStore(this.#database, queueMicrotask);
    const limits = { ...LIMITS, lifetimeMs };
    const gateway = new Gateway({ ...limits, disk: ROOMY_DISK, board, store, clock, random, roster, identity, logger: logger(process) });
    const ending = new AbortController();
    this.#life = { process, gateway, ending, over: gateway.run(ending.signal), gone: new AbortController() };
  }

  /** Ends its process at once. Its clients notice that the connection is broken. */
  kill(): void {
    if (this.#life === null) return;
    const { process, gone } = this.#life;
    process.isAlive = false;
    this.#life = null;
    gone.abort(new Error('the gateway is gone'));
  }

  /** Tells it to stop. @returns resolves when nothing of it goes on */
  async stop(): Promise<void> {
    this.#life?.ending.abort(new DOMException('the gateway is stopping', 'AbortError'));
    await this.#life?.over;
  }

  /**
   * A client asks for a signature, with a key of its own, and for its outcome until there is one.
   * @param cancelledAfterMs it changes its mind after this long; null when it does not
   */
  async ask(message: string, cancelledAfterMs: number | null): Promise<void> {
    const { onAccepted } = this.deps.events;
    const id = await this.#untilItAnswers(async (gateway, signal) => {
      const { request_id } = await gateway.sign({ message }, `key of ${message}`, 0, signal);
      return request_id;
    });
    onAccepted(message, id);
    if (cancelledAfterMs !== null) void this.#cancel(id, cancelledAfterMs);
    await this.look(id);
  }

  async #cancel(id: string, afterMs: number): Promise<void> {
    await sleep(this.#clientClock, afterMs);
    this.deps.events.onCancel(id);
    await this.#untilItAnswers(async (gateway, signal) => {
      try {
        return await gateway.cancel(id, signal);
      } catch (error) {
        if (error instanceof ServiceError && error.code === 'too_late') return error;
        throw error;
      }
    });
  }

  /** A client asks for the outcome of its request until there is one. */
  async look(id: string): Promise<void> {
    const outcome = await this.#untilItAnswers(async (gateway, signal) => {
      const shown = await gateway.status(id, WAIT_MS, signal);
      return shown === undefined || shown.status === 'pending' ? undefined : `${shown.status} ${shown.signature ?? shown.reason ?? ''}`;
    });
    this.deps.events.onOutcome(id, outcome);
  }

  async #untilItAnswers<T>(call: (gateway: Gateway, signal: AbortSignal) => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const answer = this.#life === null ? undefined : await calling(this.#life, call).catch(() => undefined);
      if (answer !== undefined) return answer;
      await sleep(this.#clientClock, PAUSE_MS);
    }
  }
}

/** @throws what the call throws; the signal's reason when this life of the gateway ends before it answers */
function calling<T>({ gateway, ending, gone: { signal } }: Life, call: (gateway: Gateway, signal: AbortSignal) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', gone, { once: true });
    call(gateway, ending.signal).then(resolve, reject).finally(() => { signal.removeEventListener('abort', gone); });
  });
}
