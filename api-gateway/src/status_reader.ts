import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import { sleep, type Clock } from 'service/clock';
import { ServiceError } from 'service/errors';
import { BoardUnavailable, viaBoard, within } from './board_unavailable.js';
import type { SigningStatus } from './contract.js';
import { statusOf, type OutcomeVerifier } from './outcome_verifier.js';
import { displaced, type Posting } from './posting.js';
import type { RequestBook } from './request_book.js';
import type { StoredRequest } from './store/request_store.js';

export interface StatusReaderDeps {
  readonly board: Pick<BoardClient, 'getRequest'>;
  readonly clock: Clock;
  readonly book: Pick<RequestBook, 'get' | 'adopt'>;
  readonly posting: Pick<Posting, 'restored'>;
  readonly outcomes: Pick<OutcomeVerifier, 'settle' | 'shown'>;
  /** Upper bound on the clients that wait for the end of a request at one time. One more is answered at once. */
  readonly maxWaiting: number;
}

/** How the board is asked for one request. */
interface Asking {
  readonly waitMs: number;
  /** What the board does not have is posted again. */
  readonly isPostedAgain: boolean;
}

/**
 * Pause between two tries while the board is away and a client waits. A shorter one loads a board that is just starting; a longer one
 * tells clients late that their requests are finished.
 */
const RETRY_MS = 200;
/**
 * How long the board may take for an answer, beyond what the client waits. Smaller: a slow board seems to be away. Larger: clients wait
 * longer for the answer that the board hangs.
 */
export const BOARD_PATIENCE_MS = 2_000;

/** How one request stands: what is on the disk, or else what the board shows. It waits for the end, also while the board is away. */
export class StatusReader {
  readonly #deps: StatusReaderDeps;
  #waiting = 0;

  constructor(deps: StatusReaderDeps) {
    this.#deps = deps;
  }

  /**
   * @param waitMs how long the request may take to finish
   * @param ended stops the waiting
   * @returns undefined when there is no such signing request
   * @throws ServiceError 503 when the board shows what is not true, or cannot be asked about a request that is not the gateway's
   */
  async read(id: string, waitMs: number, ended: AbortSignal): Promise<SigningStatus | undefined> {
    const { clock, maxWaiting } = this.#deps;
    const end = clock.monotonic() + (this.#waiting < maxWaiting ? waitMs : 0);
    this.#waiting += 1;
    try {
      return await this.#readUntil(end, id, ended);
    } finally {
      this.#waiting -= 1;
    }
  }

  /**
   * Looks once whether the board shows that a request has ended. What it does not have is not posted.
   * @throws as {@link read}; BoardUnavailable
   */
  async look(id: string, ended: AbortSignal): Promise<void> {
    const kept = await this.#deps.book.get(id);
    if (kept !== undefined && kept.state.status !== 'pending') return;
    const record = await this.#ask(id, kept, { waitMs: 0, isPostedAgain: false }, ended);
    if (record !== undefined) await this.#judge(kept, record);
  }

  /** Asks until the request is finished, or the clock's `monotonic` is `end`. */
  async #readUntil(end: number, id: string, ended: AbortSignal): Promise<SigningStatus | undefined> {
    const { clock, book } = this.#deps;
    for (;;) {
      const leftMs = Math.max(0, Math.ceil(end - clock.monotonic()));
      const isLast = leftMs === 0 || ended.aborted;
      const kept = await book.get(id);
      if (kept !== undefined && kept.state.status !== 'pending') return statusOf(id, kept.state);
      try {
        const record = await this.#ask(id, kept, { waitMs: leftMs, isPostedAgain: true }, ended);
        if (record === undefined) {
          if (kept === undefined) return undefined;
          // It has ended while the board was asked.
          continue;
        }
        const status = await this.#judge(kept, record);
        if (isLast || status?.status !== 'pending') return status;
        if (record.status === 'pending') continue;
      } catch (error) {
        if (ended.aborted) {
          if (kept !== undefined) return statusOf(id, kept.state);
          throw new ServiceError(503, 'closing', 'the gateway is shutting down: ask again when it is back');
        }
        const reason = temporary(error);
        if (reason === undefined) throw error;
        if (isLast) {
          if (kept === undefined) throw error;
          return { ...statusOf(id, kept.state), reason };
        }
      }
      // The board is away, or it calls the request finished, at once and without a proof.
      await sleep(clock, Math.min(RETRY_MS, Math.max(0, end - clock.monotonic())), ended);
    }
  }

  /**
   * The signing request as the board shows it, which has it again if it had lost it and `isPostedAgain`.
   * @returns undefined when there is none, or when one that is kept has ended meanwhile
   */
  async #ask(id: string, kept: StoredRequest | undefined, how: Asking, ended: AbortSignal): Promise<RequestRecord | undefined> {
    const { board, clock, posting } = this.#deps;
    const { waitMs, isPostedAgain } = how;
    const query = { status: 'pending', wait: waitMs } as const;
    const record = await within(clock, waitMs + BOARD_PATIENCE_MS, ended, async (signal) => {
      const shown = await viaBoard(board.getRequest(id, { ...query, signal }));
      const isLeft = kept === undefined || (shown === undefined && !isPostedAgain);
      return isLeft ? shown : posting.restored(id, shown, signal);
    });
    // Without a message it is the record of a protocol run.
    if (record === undefined || record.message === '') return undefined;
    if (record.id !== id) throw displaced(id);
    return record;
  }

  /** A request that is not on the disk is another one's, or one that this gateway has lost. */
  async #judge(kept: StoredRequest | undefined, record: RequestRecord): Promise<SigningStatus | undefined> {
    const { book, outcomes } = this.#deps;
    const request = kept ?? (await book.adopt(record));
    if (request === 'forgotten') return undefined;
    return request === undefined ? outcomes.shown(record) : outcomes.settle(request, record);
  }
}

/** Its code, when the board may answer, or have room, in a moment; undefined otherwise. */
function temporary(error: unknown): string | undefined {
  const isTemporary = error instanceof BoardUnavailable || (error instanceof ServiceError && error.status === 429);
  return isTemporary ? error.code : undefined;
}
