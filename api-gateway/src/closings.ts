import type { BoardClient } from 'message-board/client';
import type { ClosingReason } from 'message-board/outcome';
import type { Logger } from 'pino';
import { ServiceError } from 'service/errors';
import { BoardUnavailable, viaBoard } from './board_unavailable.js';
import type { ClusterMode } from './cluster_mode.js';
import type { Posting } from './posting.js';
import type { RequestBook } from './request_book.js';
import type { Outcome } from './store/request_store.js';

export interface ClosingsDeps {
  readonly board: Pick<BoardClient, 'updateRequest'>;
  readonly cluster: Pick<ClusterMode, 'closingOf'>;
  readonly book: Pick<RequestBook, 'end'>;
  readonly posting: Pick<Posting, 'settled'>;
  readonly logger: Logger;
}

/**
 * Requests that the gateway itself ends: a client has cancelled them, or they have outlived their time. It signs that they are closed, and
 * keeps this with the outcome. Nodes that see it sign them no more. It is told to the board at once, and again for as long as the board
 * calls the request pending: so nobody has to remember whether the board has heard of it.
 *
 * A signature can still appear. Some nodes may have issued their parts before they saw the closing, and the last of them, or whoever holds
 * the parts, can finish it. It is never shown here: a client that was told `cancelled` or `expired` acts on that, and would act twice if it
 * was told something else later. So those two reasons mean "this gateway gives out no signature", and not "nobody has one".
 */
export class Closings {
  readonly #deps: ClosingsDeps;
  readonly #underWay = new Set<Promise<void>>();

  constructor(deps: ClosingsDeps) {
    this.#deps = deps;
  }

  /** Ends a request, unless it has ended. @returns the outcome that it has; the board hears of it afterwards */
  async close(id: string, reason: ClosingReason): Promise<Outcome> {
    const { book, cluster } = this.#deps;
    const closing = await cluster.closingOf(id, reason);
    const outcome = await book.end(id, { status: 'failed', reason, closing });
    if (outcome.status === 'failed' && outcome.closing === closing) this.#track(this.#tellAfterPost(id, closing));
    return outcome;
  }

  /** Once it has ended, nothing posts the request. A post that was under way may still come to the board: the closing waits for it. */
  async #tellAfterPost(id: string, closing: string): Promise<void> {
    await this.#deps.posting.settled(id);
    await this.tell(id, closing);
  }

  /** Tells the board that a request is closed. It never rejects: the sweep tells it again. */
  async tell(id: string, closing: string): Promise<void> {
    const { board, logger } = this.#deps;
    try {
      await viaBoard(board.updateRequest(id, { closing }));
      logger.info({ event: 'closing_posted', request_id: id }, 'The message board knows that a request is closed');
    } catch (error) {
      if (error instanceof BoardUnavailable || isUnknown(error)) return;
      logger.warn({ event: 'closing_refused', request_id: id, err: error }, 'The message board does not take that a request is closed');
    }
  }

  /** Resolves when the board was told what it was to be told. */
  async idle(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #track(telling: Promise<void>): void {
    this.#underWay.add(telling);
    void telling.finally(() => this.#underWay.delete(telling));
  }
}

/** The board does not have the request, so nobody signs it. */
function isUnknown(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof ServiceError && error.cause.status === 404;
}
