import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import { sleep, type Clock } from 'service/clock';
import { ServiceError } from 'service/errors';
import { BoardUnavailable, viaBoard } from './board_unavailable.js';
import type { SigningStatus } from './contract.js';
import type { OutcomeVerifier } from './outcome_verifier.js';
import { displaced, type UnfinishedRequests } from './unfinished_requests.js';

export interface StatusReaderDeps {
  readonly board: Pick<BoardClient, 'getRequest'>;
  readonly clock: Clock;
  readonly requests: Pick<UnfinishedRequests, 'restored'>;
  readonly outcomes: Pick<OutcomeVerifier, 'verified'>;
  /** Upper bound on the clients that wait for the end of a request at one time. One more is answered at once. */
  readonly maxWaiting: number;
}

/**
 * Pause between two tries while the board is away and a client waits. A shorter one loads a board that is just starting; a longer one
 * tells clients late that their requests are finished.
 */
const RETRY_MS = 200;

/** Asks the board for one request, and waits for its end, also while the board is away. */
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
   * @throws ServiceError 503 when the board cannot be asked, or shows what is not true
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

  /** Asks until the request is finished, or the clock's `monotonic` is `end`. */
  async #readUntil(end: number, id: string, ended: AbortSignal): Promise<SigningStatus | undefined> {
    const { clock, outcomes } = this.#deps;
    for (;;) {
      const leftMs = Math.max(0, Math.ceil(end - clock.monotonic()));
      const isLast = leftMs === 0 || ended.aborted;
      try {
        const record = await this.#record(id, leftMs, ended);
        if (record === undefined) return undefined;
        if (isLast || record.status !== 'pending') return await outcomes.verified(record);
      } catch (error) {
        if (ended.aborted) throw new ServiceError(503, 'closing', 'the gateway is shutting down: ask again when it is back');
        if (isLast || !(error instanceof BoardUnavailable)) throw error;
        await sleep(clock, Math.min(RETRY_MS, leftMs), ended);
      }
    }
  }

  /** The signing request as the board shows it, which has it again if it had lost it. */
  async #record(id: string, waitMs: number, ended: AbortSignal): Promise<RequestRecord | undefined> {
    const shown = await viaBoard(this.#deps.board.getRequest(id, { status: 'pending', wait: waitMs, signal: ended }));
    const record = await this.#deps.requests.restored(id, shown);
    // Without a message it is the record of a protocol run.
    if (record === undefined || record.message === '') return undefined;
    if (record.id !== id) throw displaced(id);
    return record;
  }
}
