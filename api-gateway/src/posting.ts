import type { BoardClient } from 'message-board/client';
import { isSamePayload, payloadOf, type RequestRecord } from 'message-board/contract';
import type { Logger } from 'pino';
import type { Clock } from 'service/clock';
import { ServiceError } from 'service/errors';
import { untilAborted, viaBoard, within } from './board_unavailable.js';
import type { ClusterMode } from './cluster_mode.js';
import type { PendingRequest, PostedRequest, RequestStore, StoredRequest } from './store/request_store.js';

export interface PostingDeps {
  readonly board: Pick<BoardClient, 'createRequest' | 'getRequest'>;
  readonly store: Pick<RequestStore, 'get' | 'replacePosted'>;
  readonly cluster: Pick<ClusterMode, 'propose' | 'proposedAnew' | 'ownRequest'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Presignatures that are proposed for one request, one after the other, while the board answers that they are assigned. Fewer: a request is
 * signed in full although there is a free one. More: it reaches the board later.
 */
const MAX_PROPOSALS = 3;

/**
 * How long one post may take, with all its proposals. Smaller: a slow board never gets a request. Larger: when a call is lost on the way,
 * the request is posted again later.
 */
const POST_MS = 5_000;

/**
 * Brings requests to the board, as the disk has them at that moment. One post of a request is under way at a time: whoever wants it
 * meanwhile waits for the same one. Two at once could each be told to propose another presignature, and the board and the disk would then
 * have the request in different words.
 */
export class Posting {
  readonly #deps: PostingDeps;
  readonly #underWay = new Map<string, Promise<RequestRecord | undefined>>();

  constructor(deps: PostingDeps) {
    this.#deps = deps;
  }

  /** Is a call under way that posts it? */
  isUnderWay(id: string): boolean {
    return this.#underWay.has(id);
  }

  /**
   * When the presignature belongs to another request, the gateway signs the same request with another one, or at last without.
   * @param signal ends the waiting; the post goes on
   * @returns the record that the board has now; undefined when the request is not pending
   * @throws BoardUnavailable; ServiceError 429 of the board, 503 `request_displaced`
   */
  post(id: string, signal?: AbortSignal): Promise<RequestRecord | undefined> {
    const posted = this.#underWay.get(id) ?? this.#begin(id);
    return signal === undefined ? posted : untilAborted(posted, signal);
  }

  /**
   * The record that the board shows when it is that of this request; otherwise the request is posted.
   * @returns undefined when the request is not pending @throws as {@link post}
   */
  async restored(id: string, shown: RequestRecord | undefined, signal?: AbortSignal): Promise<RequestRecord | undefined> {
    const request = await this.#pending(id);
    if (request === undefined) return undefined;
    return shown !== undefined && isRecordOf(request, shown) ? shown : this.postAgain(id, signal);
  }

  /** @returns undefined when the request is not pending @throws as {@link post} */
  async postAgain(id: string, signal?: AbortSignal): Promise<RequestRecord | undefined> {
    const isBegun = this.isUnderWay(id);
    const record = await this.post(id, signal);
    if (!isBegun && record?.status === 'pending') {
      const lost = 'The message board did not have a signing request. It was posted again';
      this.#deps.logger.info({ event: 'request_posted_again', request_id: id }, lost);
    }
    return record;
  }

  /** Resolves when no post of this request is under way. It never rejects. */
  async settled(id: string): Promise<void> {
    await this.#underWay.get(id)?.catch(() => undefined);
  }

  /** Resolves when nothing that was to be posted is under way. It never rejects. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
  }

  #begin(id: string): Promise<RequestRecord | undefined> {
    const never = new AbortController().signal;
    const posted = within(this.#deps.clock, POST_MS, never, (signal) => this.#postWithAny(id, signal)).finally(() => {
      this.#underWay.delete(id);
    });
    this.#underWay.set(id, posted);
    // Whoever waits for it hears that it has failed. When nobody does any more, the sweep posts it again.
    posted.catch(() => undefined);
    return posted;
  }

  async #postWithAny(id: string, signal: AbortSignal): Promise<RequestRecord | undefined> {
    const { cluster } = this.#deps;
    let request = await this.#pending(id);
    for (let proposals = 1; request !== undefined; proposals += 1) {
      try {
        return await this.#post(request, signal);
      } catch (error) {
        const code = refusalCode(error);
        if (code === 'request_exists') request = await this.#replaced(request, await this.#asTheBoardHasIt(request, signal));
        else if (code === 'presignature_conflict' && request.presignature_id !== undefined) {
          const proposal = proposals < MAX_PROPOSALS ? cluster.propose() : undefined;
          request = await this.#replaced(request, await cluster.proposedAnew(request, proposal));
        } else throw error;
      }
    }
    return undefined;
  }

  async #post(request: PendingRequest, signal: AbortSignal): Promise<RequestRecord> {
    const { id, origin, presignature_id } = request;
    const record = await viaBoard(this.#deps.board.createRequest({ id, ...payloadOf(request), origin, presignature_id }, signal));
    if (isRecordOf(request, record)) return record;
    throw displaced(id);
  }

  /**
   * The board has the id already. If the gateway has signed that too, for the same payload, it is the same request in other words: the
   * disk is an older copy. @throws ServiceError 503 `request_displaced`
   */
  async #asTheBoardHasIt(request: PendingRequest, signal: AbortSignal): Promise<PostedRequest> {
    const { board, cluster } = this.#deps;
    const { id } = request;
    const record = await viaBoard(board.getRequest(id, { signal }));
    const own = record?.id === id && isSamePayload(record, request) ? await cluster.ownRequest(record) : null;
    if (own === null || record?.origin === undefined) throw displaced(id);
    return { ...payloadOf(request), origin: record.origin, presignature_id: own.proposal };
  }

  /** @returns the request as it is on the disk now; undefined when it is not pending any more */
  async #replaced({ id, origin }: PendingRequest, posted: PostedRequest): Promise<PendingRequest | undefined> {
    return pendingOf(await this.#deps.store.replacePosted(id, origin, posted));
  }

  async #pending(id: string): Promise<PendingRequest | undefined> {
    return pendingOf(await this.#deps.store.get(id));
  }
}

function pendingOf(request: StoredRequest | undefined): PendingRequest | undefined {
  return request?.state.status === 'pending' ? { id: request.id, ...request.state.posted } : undefined;
}

/** Is this the record of this very request? */
export function isRecordOf(request: PendingRequest, record: RequestRecord): boolean {
  return record.id === request.id && isSamePayload(record, request) && record.origin === request.origin;
}

/** The code with which the board has refused a call as a conflict; undefined when it has not. */
function refusalCode(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof ServiceError && cause.status === 409 ? cause.code : undefined;
}

/** The board shows another request, or another message, than the one that was asked for. */
export function displaced(id: string): ServiceError {
  const advice = 'ask again; if it repeats, an operator has to find out who writes to the message board';
  return new ServiceError(503, 'request_displaced', `the message board shows something else under ${id}: ${advice}`);
}
