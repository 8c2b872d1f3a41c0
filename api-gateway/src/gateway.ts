import { newRequestId } from 'message-board/ids';
import { sleep } from 'service/clock';
import { ServiceError } from 'service/errors';
import type { RandomBytes } from 'service/random';
import { BoardWatch } from './board_watch.js';
import { clusterMode, type ClusterDeps, type ClusterMode } from './cluster_mode.js';
import type { Health, SigningStatus } from './contract.js';
import { OutcomeVerifier } from './outcome_verifier.js';
import { PinnedKey } from './public_key.js';
import { StatusReader, type StatusReaderDeps } from './status_reader.js';
import { PresignatureTaken, UnfinishedRequests, type UnfinishedRequestsDeps } from './unfinished_requests.js';

export interface GatewayDeps
  extends ClusterDeps, Pick<StatusReaderDeps, 'maxWaiting'>, Pick<UnfinishedRequestsDeps, 'maxUnfinished'> {
  readonly random: RandomBytes;
}

/** Random bytes of a request's id. Fewer: two requests may get the same id. More: ids are longer than they need to be. */
const RANDOM_BYTES_OF_ID = 8;
/**
 * Presignatures that are proposed for one request, one after the other, while the board answers that they are assigned. Fewer: a request is
 * signed in full although there is a free one. More: it reaches the board later.
 */
const MAX_PROPOSALS = 3;
/** Pause between two sweeps. A longer one finds late that the board was restarted; a shorter one reads the whole board more often. */
const SWEEP_EVERY_MS = 1_000;

/**
 * Puts the gateway together. It takes requests to the board ({@link UnfinishedRequests}), keeps them there until they are finished
 * ({@link BoardWatch}), and tells clients how they stand ({@link StatusReader}), after a check ({@link OutcomeVerifier}).
 */
export class Gateway {
  readonly key: PinnedKey;
  readonly #deps: GatewayDeps;
  readonly #cluster: ClusterMode;
  readonly #requests: UnfinishedRequests;
  readonly #statuses: StatusReader;
  readonly #watch: BoardWatch;

  constructor(deps: GatewayDeps) {
    const { logger } = deps;
    const cluster = clusterMode(deps);
    const key = new PinnedKey(() => cluster.shownKeys(), logger);
    const requests = new UnfinishedRequests(deps);
    const outcomes = new OutcomeVerifier({ cluster, key, requests, logger });
    this.#deps = deps;
    this.#cluster = cluster;
    this.key = key;
    this.#requests = requests;
    this.#statuses = new StatusReader({ ...deps, requests, outcomes });
    this.#watch = new BoardWatch({ key, requests, outcomes, logger });
  }

  /**
   * @param waitMs how long the request may take to finish
   * @param ended stops the waiting
   * @throws ServiceError 429 or 503: the request was not accepted
   */
  async sign(message: string, waitMs: number, ended: AbortSignal): Promise<SigningStatus> {
    this.key.refuseConflict();
    this.#requests.refuseWhenFull();
    const id = await this.#post(message);
    const pending: SigningStatus = { request_id: id, status: 'pending' };
    if (waitMs === 0) return pending;
    try {
      return (await this.status(id, waitMs, ended)) ?? pending;
    } catch (error) {
      // The request was accepted: the client has to learn its id, whatever has happened since.
      if (!ended.aborted) {
        this.#deps.logger.warn(
          { event: 'waiting_failed', request_id: id, err: error },
          'The gateway could not wait for the end of a request. The client is told that it is pending',
        );
      }
      return pending;
    }
  }

  /**
   * @param waitMs how long the request may take to finish
   * @param ended stops the waiting
   * @returns undefined when there is no such signing request
   * @throws ServiceError 503 when the board cannot be asked, or shows what is not true
   */
  status(id: string, waitMs: number, ended: AbortSignal): Promise<SigningStatus | undefined> {
    return this.#statuses.read(id, waitMs, ended);
  }

  /** Sweeps every second, and follows what nodes state, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const following = this.#cluster.follow(signal);
    while (!signal.aborted) {
      await this.sweep();
      await sleep(this.#deps.clock, SWEEP_EVERY_MS, signal);
    }
    await following;
  }

  sweep(): Promise<void> {
    return this.#watch.sweep();
  }

  /** @throws ServiceError 503 with the reason why nothing can be signed now */
  async ready(): Promise<void> {
    const isShown = await this.key.look();
    this.key.refuseConflict();
    if (!isShown) throw new ServiceError(503, 'no_public_key', 'no public key is shown yet: ask again when the nodes have generated it');
  }

  health(): Health {
    const board = this.#watch.isUp ? 'up' : 'down';
    const { state } = this.key;
    const status = board === 'up' && state !== 'conflict' ? 'ok' : 'degraded';
    return { status, board, public_key: state, unfinished: this.#requests.size, culprits: this.#cluster.culprits() };
  }

  /** @returns the new request's id */
  async #post(message: string): Promise<string> {
    const { clock, random } = this.#deps;
    const time = clock.now();
    const id = newRequestId(time, random(RANDOM_BYTES_OF_ID).toString('hex'));
    for (let tries = 1; ; tries += 1) {
      const presignature_id = tries > MAX_PROPOSALS ? undefined : this.#cluster.propose();
      const origin = await this.#cluster.originOf({ id, message, presignature_id }, time);
      try {
        await this.#requests.add(id, { message, presignature_id, origin });
        return id;
      } catch (error) {
        if (!(error instanceof PresignatureTaken)) throw error;
      }
    }
  }
}
