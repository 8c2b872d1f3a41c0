import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import type { Logger } from 'pino';
import { ServiceError } from 'service/errors';
import { viaBoard } from './board_unavailable.js';
import type { ClusterMode } from './cluster_mode.js';
import type { PendingRequest, RequestStore } from './store/request_store.js';

export interface PostingDeps {
  readonly board: Pick<BoardClient, 'createRequest' | 'listRequests'>;
  readonly store: Pick<RequestStore, 'replacePosted'>;
  readonly cluster: Pick<ClusterMode, 'propose' | 'proposedAnew'>;
  readonly logger: Logger;
}

/** Upper bound on the pending requests that are read in one sweep. Larger: a board that invents them keeps the gateway busy for longer. */
const MAX_LISTED = 100_000;

/**
 * Presignatures that are proposed for one request, one after the other, while the board answers that they are assigned. Fewer: a request is
 * signed in full although there is a free one. More: it reaches the board later.
 */
const MAX_PROPOSALS = 3;

/** Brings requests to the board. It answers with the record that it has, or with a new one if it does not have the request. */
export class Posting {
  readonly #deps: PostingDeps;
  /** Ids of those whose answer has not come yet. */
  readonly #underWay = new Set<string>();

  constructor(deps: PostingDeps) {
    this.#deps = deps;
  }

  /** Is a call under way that posts it? */
  isUnderWay(id: string): boolean {
    return this.#underWay.has(id);
  }

  /**
   * When the presignature belongs to another request, the gateway signs the same request with another one, or at last without.
   * @throws BoardUnavailable; ServiceError 429 of the board, 503 `request_displaced`
   */
  async post(request: PendingRequest, signal?: AbortSignal): Promise<RequestRecord> {
    const { id } = request;
    this.#underWay.add(id);
    try {
      return await this.#postWithAny(request, signal);
    } finally {
      this.#underWay.delete(id);
    }
  }

  /** The record that the board shows when it is that of this request; otherwise the request is posted. @throws as {@link post} */
  async restored(request: PendingRequest, shown: RequestRecord | undefined, signal?: AbortSignal): Promise<RequestRecord> {
    return shown !== undefined && isRecordOf(request, shown) ? shown : this.postAgain(request, signal);
  }

  /** @throws as {@link post} */
  async postAgain(request: PendingRequest, signal?: AbortSignal): Promise<RequestRecord> {
    const record = await this.post(request, signal);
    if (record.status === 'pending') {
      const lost = 'The message board did not have a signing request. It was posted again';
      this.#deps.logger.info({ event: 'request_posted_again', request_id: request.id }, lost);
    }
    return record;
  }

  /** Every request that the board calls pending, page by page. @throws BoardUnavailable */
  async *pending(): AsyncGenerator<RequestRecord> {
    let after: string | undefined;
    for (let listed = 0; listed < MAX_LISTED; ) {
      const page = await viaBoard(this.#deps.board.listRequests({ status: 'pending', after }));
      yield* page;
      listed += page.length;
      const last = page.at(-1)?.id;
      // A board that shows the same again and again would keep the gateway busy for ever.
      if (last === undefined || last === after) return;
      after = last;
    }
  }

  async #postWithAny(request: PendingRequest, signal: AbortSignal | undefined): Promise<RequestRecord> {
    const { store, cluster } = this.#deps;
    let current = request;
    for (let proposals = 1; ; proposals += 1) {
      try {
        return await this.#post(current, signal);
      } catch (error) {
        if (current.presignature_id === undefined || refusalCode(error) !== 'presignature_conflict') throw error;
      }
      const posted = await cluster.proposedAnew(current, proposals < MAX_PROPOSALS ? cluster.propose() : undefined);
      await store.replacePosted(request.id, posted);
      current = { id: request.id, ...posted };
    }
  }

  async #post(request: PendingRequest, signal: AbortSignal | undefined): Promise<RequestRecord> {
    const { id, message, origin, presignature_id } = request;
    try {
      const record = await viaBoard(this.#deps.board.createRequest({ id, message, origin, presignature_id }, signal));
      if (isRecordOf(request, record)) return record;
    } catch (error) {
      if (refusalCode(error) !== 'request_exists') throw error;
    }
    throw displaced(id);
  }
}

/** Is this the record of this very request? */
export function isRecordOf(request: PendingRequest, record: RequestRecord): boolean {
  return record.id === request.id && record.message === request.message && record.origin === request.origin;
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
