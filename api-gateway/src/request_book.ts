import { createHash } from 'node:crypto';
import { payloadOf, type Payload, type RequestRecord } from 'message-board/contract';
import { isPresignable } from 'message-board/payload';
import { newRequestId } from 'message-board/ids';
import type { Logger } from 'pino';
import type { Clock } from 'service/clock';
import { ServiceError } from 'service/errors';
import type { RandomBytes } from 'service/random';
import { SteadyClock } from 'service/steady_clock';
import type { ClusterMode } from './cluster_mode.js';
import {
  StoreFull, TooManyPending, type NewRequest, type Outcome, type Registered, type RequestStore, type StoredRequest,
} from './store/request_store.js';

/** Random bytes of a request's id. Fewer: two requests may get the same id. More: ids are longer than they need to be. */
const RANDOM_BYTES_OF_ID = 8;
/**
 * A request that nobody has signed has failed this long after the last moment at which a node may sign it. Smaller: the gateway calls one
 * expired that a node with a slower clock is still signing. Larger: clients wait longer for the end of a request that nobody signs.
 */
const GRACE_MS = 120_000;
/** Upper bound on the requests that one sweep ends or forgets. Larger: one sweep takes longer. Smaller: a great many take more sweeps. */
const BATCH = 1_000;

export interface RequestBookDeps {
  readonly store: RequestStore;
  readonly cluster: Pick<ClusterMode, 'propose' | 'giveBack' | 'originOf' | 'ownRequest'>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Upper bound on the requests that are not finished. Each takes room here and on the board. */
  readonly maxUnfinished: number;
  /** How long nodes may sign a request. */
  readonly lifetimeMs: number;
  /** How long an outcome is kept. */
  readonly retentionMs: number;
  readonly logger: Logger;
}

/** Requests that are not finished. */
export interface Unfinished {
  readonly count: number;
  /** How long ago the oldest was accepted; 0 when there is none. */
  readonly oldestMs: number;
  /** The oldest that nodes may still sign. */
  readonly oldestInTime: { readonly id: string; readonly ageMs: number } | undefined;
}

/**
 * All requests that the gateway has accepted, from before they are posted until their outcome has been kept for long enough. Whether a
 * client is told of a request, and what, is decided by what is on the disk, and by nothing else.
 */
export class RequestBook {
  readonly #deps: RequestBookDeps;
  readonly #steady: SteadyClock;
  #completedAt: number;

  constructor(deps: RequestBookDeps) {
    this.#deps = deps;
    this.#steady = new SteadyClock(deps.clock);
    this.#completedAt = deps.clock.monotonic();
  }

  /** When a request was last completed, or this gateway was started, by the monotonic clock. */
  get completedAt(): number {
    return this.#completedAt;
  }

  get(id: string): Promise<StoredRequest | undefined> {
    return this.#deps.store.get(id);
  }

  async unfinished(): Promise<Unfinished> {
    const now = this.#steady.now();
    const { count, oldestAcceptedAt = now, oldestInTime: first } = await this.#deps.store.pendingSummary(now + GRACE_MS);
    const ageOf = (acceptedAt: number): number => Math.max(0, now - acceptedAt);
    const oldestInTime = first === undefined ? undefined : { id: first.id, ageMs: ageOf(first.acceptedAt) };
    return { count, oldestMs: ageOf(oldestAcceptedAt), oldestInTime };
  }

  /** Is the time over in which nodes may sign it? The request ends {@link GRACE_MS} later. */
  isOver({ endsAt }: StoredRequest): boolean {
    return endsAt - GRACE_MS <= this.#steady.now();
  }

  /** The request that has this key; undefined when none has. @throws ServiceError 409 when it is for something else than `asked` */
  async withKey(key: string, asked: Payload): Promise<StoredRequest | undefined> {
    const request = await this.#deps.store.withKey(key);
    return request === undefined ? undefined : sameAsked(request, asked);
  }

  /**
   * Accepts a request: from here on it is posted, whatever crashes, and ends in one of two ways.
   * @param key the client's name for it. Another call with this key gets the same request, also one that comes at the same time
   * @throws ServiceError 409 `idempotency_conflict`; 429 `too_many_unfinished`; 503 `disk_full`: nothing is kept
   */
  async accept(asked: Payload, key: string | undefined): Promise<StoredRequest> {
    const request = await this.#newRequest(asked, key);
    const kept = await this.#register(request);
    if (!kept.isNew) return sameAsked(kept.request, asked);
    const { id, posted: { presignature_id } } = request;
    this.#deps.logger.info({ event: 'request_accepted', request_id: id, presignature_id }, 'Signing request accepted');
    return kept.request;
  }

  /**
   * Takes over a request of this gateway that the board shows and that is not here: the disk was lost. One that has outlived its time was
   * here and is forgotten.
   * @returns undefined when it is not this gateway's
   */
  async adopt(record: RequestRecord): Promise<StoredRequest | 'forgotten' | undefined> {
    const { cluster, clock, store, logger } = this.#deps;
    const own = await cluster.ownRequest(record);
    if (own === null) return undefined;
    const leftMs = own.expires.getTime() + GRACE_MS - clock.now();
    if (leftMs <= 0) return 'forgotten';
    const { id, origin = '' } = record;
    const payload = payloadOf(record);
    const now = this.#steady.now();
    const posted = { ...payload, origin, presignature_id: own.proposal };
    const times = { acceptedAt: now, endsAt: now + leftMs };
    const kept = await store.register({ id, idempotencyKey: undefined, askedSha256: sha256Of(payload), ...times, posted });
    if (kept.isNew) {
      logger.warn({ event: 'request_adopted', request_id: id }, 'The message board has a request of this gateway that is not on its disk');
    }
    return kept.request;
  }

  /** Ends a request, unless it has ended. @returns its one outcome, which is on the disk */
  async end(id: string, outcome: Outcome): Promise<Outcome> {
    const { store, logger } = this.#deps;
    const ended = await store.end(id, outcome, this.#steady.now()).catch((error: unknown) => {
      throw refusalFor(error, 'its end cannot be kept');
    });
    if (ended === undefined) throw new Error(`${id} has no outcome after it was ended`);
    if (ended.isNew) {
      if (outcome.status === 'completed') this.#completedAt = this.#deps.clock.monotonic();
      const reason = outcome.status === 'failed' ? outcome.reason : undefined;
      logger.info({ event: 'request_finished', request_id: id, status: outcome.status, reason }, 'Signing request finished');
    }
    return ended.outcome;
  }

  /** Pending requests that have outlived their time. */
  overdue(): Promise<string[]> {
    return this.#deps.store.overdue(this.#steady.now(), BATCH);
  }

  /** Forgets outcomes that were kept for long enough. */
  async forget(): Promise<void> {
    const { store, retentionMs } = this.#deps;
    const now = this.#steady.now();
    await store.forget(now - retentionMs, now, BATCH);
  }

  /** A presignature whose request is not kept is free again. @throws ServiceError */
  async #register(request: NewRequest): Promise<Registered> {
    const { store, cluster, maxUnfinished } = this.#deps;
    const { presignature_id } = request.posted;
    let isKept = false;
    try {
      const kept = await store.register(request, maxUnfinished);
      isKept = kept.isNew;
      return kept;
    } catch (error) {
      throw refusalFor(error, 'nothing was accepted');
    } finally {
      if (!isKept && presignature_id !== undefined) cluster.giveBack(presignature_id);
    }
  }

  async #newRequest(asked: Payload, key: string | undefined): Promise<NewRequest> {
    const { clock, random, cluster, lifetimeMs } = this.#deps;
    const time = clock.now();
    const id = newRequestId(time, random(RANDOM_BYTES_OF_ID).toString('hex'));
    const presignature_id = isPresignable(asked) ? cluster.propose() : undefined;
    const origin = await cluster.originOf({ id, ...asked, presignature_id }, { time, expires: time + lifetimeMs });
    const acceptedAt = this.#steady.now();
    return {
      id,
      idempotencyKey: key,
      askedSha256: sha256Of(asked),
      acceptedAt,
      endsAt: acceptedAt + lifetimeMs + GRACE_MS,
      posted: { ...asked, origin, presignature_id },
    };
  }
}

/** Of what a client has asked for, as it was parsed: so digits in another case, and a preset that is given, are the same. */
function sha256Of(asked: Payload): string {
  return createHash('sha256').update(JSON.stringify(asked)).digest('hex');
}

function sameAsked(request: StoredRequest, asked: Payload): StoredRequest {
  if (request.askedSha256 === sha256Of(asked)) return request;
  const problem = `idempotency-key: it was given before, with another body, for ${request.id}`;
  throw new ServiceError(409, 'idempotency_conflict', `${problem}: give each request a key of its own`);
}

/** What a client is told when the store refuses a write. @param what that means for its call */
function refusalFor(error: unknown, what: string): unknown {
  if (error instanceof StoreFull) {
    return new ServiceError(503, 'disk_full', `the gateway's disk is full, and ${what}: ask again when there is room`);
  }
  if (error instanceof TooManyPending) {
    return new ServiceError(429, 'too_many_unfinished', `${error.count} requests are not finished: ask again when some of them are`);
  }
  return error;
}
