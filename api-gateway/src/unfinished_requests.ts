import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import type { Logger } from 'pino';
import { ServiceError } from 'service/errors';
import { viaBoard } from './board_unavailable.js';

/** The presignature that the gateway has proposed for a request is assigned to another one. */
export class PresignatureTaken extends Error {
  override readonly name = 'PresignatureTaken';
}

/** A request as it was posted, so that it can be posted again without any change. */
export type PostedRequest = Pick<RequestRecord, 'message' | 'origin' | 'presignature_id'>;

export interface UnfinishedRequestsDeps {
  readonly board: Pick<BoardClient, 'createRequest' | 'listRequests'>;
  /** Upper bound on the requests that are not finished. Each takes memory here and on the board. */
  readonly maxUnfinished: number;
  readonly logger: Logger;
}

/**
 * The book of this gateway's requests that are not finished. It is in memory only, and so is what the board knows: when the board was
 * restarted, the gateway posts each request again under the same id.
 */
export class UnfinishedRequests {
  readonly #deps: UnfinishedRequestsDeps;
  readonly #requests = new Map<string, PostedRequest>();

  constructor(deps: UnfinishedRequestsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#requests.size;
  }

  has(id: string): boolean {
    return this.#requests.has(id);
  }

  /** @throws ServiceError 429 `too_many_unfinished` */
  refuseWhenFull(): void {
    if (this.size < this.#deps.maxUnfinished) return;
    throw new ServiceError(429, 'too_many_unfinished', `${this.size} requests are not finished: ask again when some of them are`);
  }

  /**
   * Posts a new request, and keeps it.
   * @throws PresignatureTaken; BoardUnavailable; ServiceError 429 of the board, 503 `request_displaced`
   */
  async add(id: string, request: PostedRequest): Promise<void> {
    await this.#post(id, request);
    this.#requests.set(id, request);
    const { presignature_id } = request;
    this.#deps.logger.info({ event: 'request_accepted', request_id: id, presignature_id }, 'Signing request accepted');
  }

  /** Forgets a request, if it is in the book, because it is completed or has failed. */
  finish({ id, status }: RequestRecord): void {
    if (!this.#requests.delete(id)) return;
    this.#deps.logger.info({ event: 'request_finished', request_id: id, status }, 'Signing request finished');
  }

  /**
   * Posts the request again when it is in the book and `shown` is not its record.
   * @param shown what the board shows under this id
   * @returns the record as it is then; for a request that is not in the book, `shown`
   * @throws as {@link add}
   */
  async restored(id: string, shown: RequestRecord | undefined): Promise<RequestRecord | undefined> {
    const request = this.#requests.get(id);
    return request === undefined || isRecordOf(id, request, shown) ? shown : this.postAgain(id, request);
  }

  /** Those that the board does not list as pending: it has lost them, or they are finished. @throws BoardUnavailable */
  async notPending(): Promise<[id: string, request: PostedRequest][]> {
    const missing = new Map(this.#requests);
    let after: string | undefined;
    while (missing.size > 0) {
      const page = await viaBoard(this.#deps.board.listRequests({ status: 'pending', after }));
      if (page.length === 0) break;
      for (const record of page) {
        const request = missing.get(record.id);
        if (request !== undefined && isRecordOf(record.id, request, record)) missing.delete(record.id);
      }
      const last = page.at(-1)?.id;
      // A board that shows the same again and again would keep the gateway busy for ever.
      if (last === after) break;
      after = last;
    }
    return [...missing];
  }

  /** The board answers with the record that it has, or with a new one if it had lost the request. @throws as {@link add} */
  async postAgain(id: string, request: PostedRequest): Promise<RequestRecord> {
    const record = await this.#post(id, request);
    if (record.status === 'pending') {
      const lost = 'The message board had lost a signing request. It was posted again';
      this.#deps.logger.info({ event: 'request_posted_again', request_id: id }, lost);
    }
    return record;
  }

  async #post(id: string, request: PostedRequest): Promise<RequestRecord> {
    try {
      const record = await viaBoard(this.#deps.board.createRequest({ id, ...request }));
      if (isRecordOf(id, request, record)) return record;
    } catch (error) {
      const refusal = error instanceof Error && error.cause instanceof ServiceError ? error.cause : null;
      if (refusal?.code === 'presignature_conflict' && request.presignature_id !== undefined) throw new PresignatureTaken(refusal.message);
      if (refusal?.status !== 409) throw error;
    }
    throw displaced(id);
  }
}

function isRecordOf(id: string, request: PostedRequest, record: RequestRecord | undefined): boolean {
  return record?.id === id && record.message === request.message && record.origin === request.origin;
}

/** The board shows another request, or another message, than the one that was asked for. */
export function displaced(id: string): ServiceError {
  const advice = 'ask again; if it repeats, an operator has to find out who writes to the message board';
  return new ServiceError(503, 'request_displaced', `the message board shows something else under ${id}: ${advice}`);
}
