import type { Payload } from 'message-board/contract';
import { sleep } from 'service/clock';
import { ServiceError } from 'service/errors';
import { within } from './board_unavailable.js';
import { BoardView } from './board_view.js';
import { BoardWatch } from './board_watch.js';
import { Closings } from './closings.js';
import { clusterMode, type ClusterDeps, type ClusterMode } from './cluster_mode.js';
import type { Health, SigningStatus } from './contract.js';
import { GatewayHealth, type GatewayHealthDeps } from './health.js';
import { OutcomeVerifier, statusOf } from './outcome_verifier.js';
import { Posting } from './posting.js';
import { PinnedKey } from './public_key.js';
import { RequestBook, type RequestBookDeps } from './request_book.js';
import { BOARD_PATIENCE_MS, StatusReader, type StatusReaderDeps } from './status_reader.js';
import type { ListQuery, StoredRequest } from './store/request_store.js';

export interface GatewayDeps
  extends
    ClusterDeps,
    Pick<StatusReaderDeps, 'maxWaiting'>,
    Pick<GatewayHealthDeps, 'disk'>,
    Pick<RequestBookDeps, 'store' | 'random' | 'maxUnfinished' | 'lifetimeMs' | 'retentionMs'> {}

/** Pause between two sweeps. A longer one finds late that the board was restarted; a shorter one reads the whole board more often. */
const SWEEP_EVERY_MS = 1_000;
/** Overdue requests of which the board is asked at a time. Fewer: a board that hangs holds up their end for longer. More: it is loaded. */
const LOOKS = 50;

/**
 * Puts the gateway together. It accepts requests ({@link RequestBook}), takes them to the board ({@link Posting}), keeps them there until
 * they are finished ({@link BoardWatch}), and tells clients how they stand ({@link StatusReader}), after a check ({@link OutcomeVerifier}).
 *
 * What it promises: a request that a client was given an id of ends in exactly one way, completed or failed, and no client ever sees it end
 * in another one while the outcome is kept. A request that was refused is never signed. Both rest on one order of steps. A request is on
 * the disk before the board hears of it; from then on it is accepted, whatever the board answers, or does not answer. An outcome is on the
 * disk before a client hears of it, and the first one stays. What board and nodes show afterwards is not looked at any more.
 */
export class Gateway {
  readonly key: PinnedKey;
  readonly #deps: GatewayDeps;
  readonly #cluster: ClusterMode;
  readonly #book: RequestBook;
  readonly #posting: Posting;
  readonly #closings: Closings;
  readonly #statuses: StatusReader;
  readonly #watch: BoardWatch;
  readonly #health: GatewayHealth;

  constructor(deps: GatewayDeps) {
    const { logger, store } = deps;
    const cluster = clusterMode(deps);
    const key = new PinnedKey(() => cluster.shownKeys(), logger);
    const book = new RequestBook({ ...deps, cluster });
    const posting = new Posting({ ...deps, cluster });
    const outcomes = new OutcomeVerifier({ cluster, key, book, logger });
    const closings = new Closings({ ...deps, cluster, book, posting });
    this.#deps = deps;
    this.#cluster = cluster;
    this.key = key;
    this.#book = book;
    this.#posting = posting;
    this.#closings = closings;
    this.#statuses = new StatusReader({ ...deps, book, posting, outcomes });
    this.#watch = new BoardWatch({ key, store, book, view: new BoardView(deps), posting, outcomes, closings, logger });
    this.#health = new GatewayHealth({ ...deps, t: deps.roster.t, cluster, key, book, watch: this.#watch });
  }

  /**
   * @param key the client's name for the request: one that has it already is answered, whatever the board does
   * @param waitMs how long the request may take to finish
   * @param ended stops the waiting
   * @throws ServiceError 400, 409, 429 or 503: the request was not accepted
   */
  async sign(asked: Payload, key: string | undefined, waitMs: number, ended: AbortSignal): Promise<SigningStatus> {
    const { clock, logger } = this.#deps;
    const end = clock.monotonic() + waitMs;
    const request = (key === undefined ? undefined : await this.#book.withKey(key, asked)) ?? (await this.#accept(asked, key, ended));
    if (waitMs === 0) return statusOf(request.id, request.state);
    try {
      const leftMs = Math.max(0, Math.ceil(end - clock.monotonic()));
      return (await this.status(request.id, leftMs, ended)) ?? statusOf(request.id, request.state);
    } catch (error) {
      // The request was accepted: the client has to learn its id, whatever has happened since.
      logger.warn(
        { event: 'waiting_failed', request_id: request.id, err: error },
        'The gateway could not wait for the end of a request. The client is told that it is pending',
      );
      return statusOf(request.id, request.state);
    }
  }

  /**
   * @param waitMs how long the request may take to finish
   * @param ended stops the waiting
   * @returns undefined when there is no such signing request
   * @throws ServiceError 503 when the board shows what is not true, or cannot be asked about a request that is not the gateway's
   */
  status(id: string, waitMs: number, ended: AbortSignal): Promise<SigningStatus | undefined> {
    return this.#statuses.read(id, waitMs, ended);
  }

  /**
   * Ends a request as `cancelled`. Nodes that hear of it sign it no more; {@link Closings} says what that means and what not.
   * @returns undefined when there is no such request
   * @throws ServiceError 409 `too_late` when it has ended in another way; 503 `disk_full`: nothing has changed
   */
  async cancel(id: string, ended: AbortSignal): Promise<SigningStatus | undefined> {
    const before = await this.#book.get(id);
    // A signature that is there already is better than none. If the board does not answer, the client wants it cancelled all the same.
    if (before === undefined || before.state.status === 'pending') {
      await this.#statuses.look(id, ended).catch((error: unknown) => {
        if (before === undefined) throw error;
      });
    }
    const request = await this.#book.get(id);
    if (request === undefined) return undefined;
    if (request.state.status === 'pending') this.#refuseBadDisk();
    const outcome = request.state.status === 'pending' ? await this.#closings.close(id, 'cancelled') : request.state;
    // A second call is answered like the first, whose answer may have been lost.
    if (outcome.status === 'failed' && outcome.reason === 'cancelled') return statusOf(id, outcome);
    throw new ServiceError(409, 'too_late', `${id} is ${outcome.status} already: ask for its status`);
  }

  /**
   * What was accepted, in that order. What a request waits for is told by its status.
   * @throws ServiceError 404 `unknown_request`: there is none of this id after which to go on
   */
  async list(query: ListQuery): Promise<SigningStatus[]> {
    const requests = await this.#deps.store.list(query);
    if (requests !== undefined) return requests.map(({ id, state }) => statusOf(id, state));
    const problem = `after: the gateway has no request ${query.after ?? ''}, or has forgotten its outcome`;
    throw new ServiceError(404, 'unknown_request', `${problem}: leave after out, and the list begins at the oldest`);
  }

  /** Sweeps every second, ends what has outlived its time, and follows what nodes state, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#cluster.follow(signal),
      this.#everySecond(() => this.sweep(), signal),
      // Apart from the sweep, which a board that hangs can hold up.
      this.#everySecond(() => this.tidy(), signal),
    ]);
    await this.#posting.idle();
    await this.#closings.idle();
  }

  sweep(): Promise<void> {
    return this.#watch.sweep();
  }

  /** Fails requests that have outlived their time, and forgets outcomes that were kept for long enough. It never rejects. */
  async tidy(): Promise<void> {
    try {
      const overdue = await this.#book.overdue();
      for (let k = 0; k < overdue.length; k += LOOKS) await Promise.all(overdue.slice(k, k + LOOKS).map((id) => this.#expire(id)));
      await this.#book.forget();
    } catch (error) {
      this.#deps.logger.error({ event: 'tidying_failed', err: error }, 'Requests could not be ended or forgotten in time');
    }
  }

  /** @throws ServiceError 503 with the reason why a request that is made now would not be signed */
  ready(ended: AbortSignal): Promise<void> {
    return this.#health.ready(ended);
  }

  health(): Promise<Health> {
    return this.#health.health();
  }

  /**
   * The board may have its outcome: the gateway was down, or could not ask. A board that does not answer keeps no request from its end. A
   * signature does, while too few nodes state the key under which to verify it.
   */
  async #expire(id: string): Promise<void> {
    const isUnclear = await this.#statuses.look(id, new AbortController().signal).then(() => false, lacksKey);
    if (!isUnclear) await this.#closings.close(id, 'expired');
  }

  /** Accepts a request and takes it to the board. Whatever the board does, it is accepted: the sweep posts it until the board has it. */
  async #accept(asked: Payload, key: string | undefined, ended: AbortSignal): Promise<StoredRequest> {
    const { clock, logger } = this.#deps;
    this.#cluster.refuseUnknown(asked);
    this.#refuseBadDisk();
    this.key.refuseConflict();
    await this.#watch.refuseWhenDown();
    const request = await this.#book.accept(asked, key);
    try {
      await within(clock, BOARD_PATIENCE_MS, ended, (signal) => this.#posting.post(request.id, signal));
    } catch (error) {
      const fields = { event: 'request_not_posted', request_id: request.id, err: error };
      logger.warn(fields, 'It is not known whether the message board has a new request. It is posted again until the board has it');
    }
    return request;
  }

  /** What is written to such a disk may be lost: a later call with the same key would be signed as another request. @throws ServiceError */
  #refuseBadDisk(): void {
    const { problem } = this.#deps.disk.state;
    if (problem !== null) throw new ServiceError(503, 'disk_full', `nothing can be kept: ${problem.reason}`);
  }

  async #everySecond(act: () => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await act();
      await sleep(this.#deps.clock, SWEEP_EVERY_MS, signal);
    }
  }
}

function lacksKey(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'no_public_key';
}
