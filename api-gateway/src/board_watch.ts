import type { RequestRecord } from 'message-board/contract';
import type { Logger } from 'pino';
import { BoardUnavailable } from './board_unavailable.js';
import type { BoardView } from './board_view.js';
import type { Closings } from './closings.js';
import type { OutcomeVerifier } from './outcome_verifier.js';
import type { Posting } from './posting.js';
import type { PinnedKey } from './public_key.js';
import type { RequestBook } from './request_book.js';
import type { RequestStore } from './store/request_store.js';

export interface BoardWatchDeps {
  readonly key: Pick<PinnedKey, 'look'>;
  readonly store: Pick<RequestStore, 'get' | 'pendingOrigins'>;
  readonly book: Pick<RequestBook, 'adopt'>;
  readonly view: BoardView;
  readonly posting: Pick<Posting, 'postAgain' | 'isUnderWay'>;
  readonly outcomes: Pick<OutcomeVerifier, 'settle'>;
  readonly closings: Pick<Closings, 'tell'>;
  readonly logger: Logger;
}

/** Upper bound on the requests that are posted again at one time. More would load a board that has just started. */
const BATCH = 16;

/** Compares the board with what the gateway has on its disk: is it up, has it the key, and has it all unfinished requests? */
export class BoardWatch {
  readonly #deps: BoardWatchDeps;
  #state: 'unknown' | 'up' | 'down' = 'unknown';
  /** Why it is down. */
  #error: unknown;

  constructor(deps: BoardWatchDeps) {
    this.#deps = deps;
  }

  /** Did the board answer when it was last compared? */
  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** Asks the board when it was never asked before. @throws BoardUnavailable when it did not answer when it was last compared */
  async refuseWhenDown(): Promise<void> {
    if (this.#state === 'unknown') await this.#look();
    if (this.#state === 'down') throw this.#error;
  }

  /** Posts again what the board has lost, and ends what is finished. It never rejects: the next sweep tries again. */
  async sweep(): Promise<void> {
    try {
      await this.#look();
      const missing = await this.#notPending();
      for (let k = 0; k < missing.length; k += BATCH) await Promise.all(missing.slice(k, k + BATCH).map((id) => this.#settle(id)));
    } catch (error) {
      if (error instanceof BoardUnavailable) return;
      const failed = 'The unfinished requests could not be compared with the message board';
      this.#deps.logger.error({ event: 'sweep_failed', err: error }, failed);
    }
  }

  /** @throws BoardUnavailable */
  async #look(): Promise<void> {
    try {
      await this.#deps.key.look();
      this.#saw('up');
    } catch (error) {
      this.#saw('down', error);
      throw error;
    }
  }

  /** Unfinished requests that the board does not call pending: it has lost them, or they are finished. @throws BoardUnavailable */
  async #notPending(): Promise<string[]> {
    const { store, view, posting } = this.#deps;
    const origins = await store.pendingOrigins();
    for await (const record of view.news()) {
      if (record.status === 'pending' && origins.get(record.id) !== record.origin) await this.#adopt(record);
    }
    for (const id of view.pending.keys()) if (!origins.has(id)) await this.#explain(id);
    return [...origins].filter(([id, origin]) => view.pending.get(id) !== origin && !posting.isUnderWay(id)).map(([id]) => id);
  }

  /** A request is pending on the board and not known here: the gateway has lost its disk, or it is somebody else's. */
  async #adopt(record: RequestRecord): Promise<void> {
    const { store, book } = this.#deps;
    if ((await store.get(record.id)) === undefined) await book.adopt(record);
  }

  /** A request is pending on the board and not here. It is told again that it is closed for as long as the board has not heard of it. */
  async #explain(id: string): Promise<void> {
    const { store, view, closings } = this.#deps;
    const request = await store.get(id);
    if (request?.state.status === 'pending') return;
    const closing = request?.state.status === 'failed' ? request.state.closing : undefined;
    if (closing === undefined) view.forget(id);
    else await closings.tell(id, closing);
  }

  /** When the board refuses one request, or shows it falsely, the others are settled all the same. @throws BoardUnavailable */
  async #settle(id: string): Promise<void> {
    const { store, posting, outcomes, logger } = this.#deps;
    const request = await store.get(id);
    if (request?.state.status !== 'pending') return;
    try {
      const record = await posting.postAgain(id);
      if (record !== undefined) await outcomes.settle(request, record);
    } catch (error) {
      if (error instanceof BoardUnavailable) throw error;
      logger.error(
        { event: 'request_not_settled', request_id: id, err: error },
        'The message board does not take a signing request again, or shows it falsely',
      );
    }
  }

  #saw(state: 'up' | 'down', error?: unknown): void {
    const { logger } = this.#deps;
    if (state === 'up' && this.#state !== 'up') logger.info({ event: 'board_up' }, 'The message board answers');
    if (state === 'down' && this.#state === 'up') {
      logger.warn({ event: 'board_down', err: error }, 'The message board does not answer, or refuses the gateway');
    }
    this.#state = state;
    this.#error = error;
  }
}
