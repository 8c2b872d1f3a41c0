import { DatabaseSync } from 'node:sqlite';
import { Gateway } from 'api-gateway/gateway';
import { SCHEMA, SqliteStore } from 'api-gateway/sqlite_store';
import { BoardClient } from 'message-board/client';
import type { Logger } from 'pino';
import { sleep } from 'service/clock';
import type { Members } from 'testkit/roster';
import type { Random } from './random.js';
import { newProcess, ProcessClock, type ClockOptions, type Process, type Timeline } from './timeline.js';

/** As the gateway's program has it. */
const BOARD_OPTIONS = { timeoutMs: 5_000, tries: 3 };
const LIMITS = { maxUnfinished: 10_000, maxWaiting: 1_000, lifetimeMs: 3_600_000, retentionMs: 604_800_000 };
/** A client waits this long for one answer. */
const WAIT_MS = 20_000;
/** Between two tries of a client. */
const PAUSE_MS = 500;

/** What a client hears of its request. */
export interface ClientEvents {
  readonly onAccepted: (message: string, id: string) => void;
  readonly onOutcome: (id: string, outcome: string) => void;
}

export interface GatewayHostDeps {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly members: Members;
  readonly clock: ClockOptions;
  readonly logger: (process: Process) => Logger;
  readonly events: ClientEvents;
}

/** The real gateway, and its clients, who ask until they have an answer. */
export class GatewayHost {
  readonly process = newProcess('gateway');
  readonly #gateway: Gateway;
  readonly #clock: ProcessClock;
  readonly #ending = new AbortController();
  #over: Promise<void> | null = null;

  constructor(private readonly deps: GatewayHostDeps) {
    const { timeline, random, members: { roster, gateway: identity } } = deps;
    const clock = new ProcessClock(timeline, this.process, deps.clock);
    const board = new BoardClient('http://gateway', { ...BOARD_OPTIONS, clock, random: random.bytes });
    const database = new DatabaseSync(':memory:');
    database.exec(SCHEMA);
    // A turn of the real event loop never ends while the timeline runs.
    const store = new SqliteStore(database, queueMicrotask);
    const own = { board, store, clock, random: random.bytes, logger: deps.logger(this.process) };
    this.#clock = clock;
    this.#gateway = new Gateway({ ...LIMITS, ...own, roster, identity });
  }

  start(): void {
    this.#over ??= this.#gateway.run(this.#ending.signal);
  }

  async stop(): Promise<void> {
    this.#ending.abort(new DOMException('the gateway is stopping', 'AbortError'));
    await this.#over;
  }

  /** A client asks for a signature, and for its outcome until there is one. */
  async ask(message: string): Promise<void> {
    const { onAccepted, onOutcome } = this.deps.events;
    const { signal } = this.#ending;
    const id = await this.#untilItAnswers(async () => (await this.#gateway.sign({ message }, undefined, 0, signal)).request_id);
    if (id === undefined) return;
    onAccepted(message, id);
    const outcome = await this.#untilItAnswers(async () => {
      const shown = await this.#gateway.status(id, WAIT_MS, this.#ending.signal);
      return shown === undefined || shown.status === 'pending' ? undefined : `${shown.status} ${shown.signature ?? shown.reason ?? ''}`;
    });
    if (outcome !== undefined) onOutcome(id, outcome);
  }

  /** @returns undefined when the gateway stops before */
  async #untilItAnswers<T>(call: () => Promise<T | undefined>): Promise<T | undefined> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const answer = await call().catch(() => undefined);
      if (answer !== undefined) return answer;
      await sleep(this.#clock, PAUSE_MS, signal);
    }
    return undefined;
  }
}
