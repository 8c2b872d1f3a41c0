import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import { readThrough } from 'message-board/read_through';
import type { Clock } from 'service/clock';
import { viaBoard } from './board_unavailable.js';

export interface BoardViewDeps {
  readonly board: Pick<BoardClient, 'listRequests' | 'instance'>;
  readonly clock: Clock;
}

/**
 * All that is pending is read again when it was read this long ago. Smaller: more of what is known already is read, with its messages.
 * Larger: a request that the board has lost without being restarted is posted again later.
 */
const READ_ALL_EVERY_MS = 60_000;

/** Which requests the board calls pending, as it has shown them. Only what has changed since is read. */
export class BoardView {
  readonly #deps: BoardViewDeps;
  readonly #pending = new Map<string, string | undefined>();
  /** The life of the board in which all that is pending was read, and when that was. */
  #readAll: { readonly instance: string | undefined; readonly at: number } | null = null;
  /** The revision of the last change that was dealt with. */
  #changedAfter = '0';

  constructor(deps: BoardViewDeps) {
    this.#deps = deps;
  }

  /** Their origins, by id. */
  get pending(): ReadonlyMap<string, string | undefined> {
    return this.#pending;
  }

  /** This request needs no more attention until the board shows it again. */
  forget(id: string): void {
    this.#pending.delete(id);
  }

  /** What has changed, or all that is pending. What its reader throws at is read again. @throws BoardUnavailable */
  async *news(): AsyncGenerator<RequestRecord> {
    const { board: { instance }, clock } = this.#deps;
    const at = clock.monotonic();
    const isSameBoard = this.#readAll?.instance === instance && this.#changedAfter !== '0';
    if (isSameBoard && at - (this.#readAll?.at ?? -Infinity) < READ_ALL_EVERY_MS) {
      for await (const record of this.#changes(undefined, this.#changedAfter)) {
        yield record;
        this.#changedAfter = record.revision;
      }
      return;
    }
    this.#readAll = null;
    this.#pending.clear();
    let last = '0';
    for await (const record of this.#changes('pending', last)) {
      yield record;
      last = record.revision;
    }
    // Whatever has ended before this revision is not pending. What changes after it is read next time.
    if (!isSameBoard) this.#changedAfter = last;
    this.#readAll = { instance, at };
  }

  /** Records in order of change, page by page, after their effect on what is pending. */
  async *#changes(status: 'pending' | undefined, from: string): AsyncGenerator<RequestRecord> {
    const read = (changedAfter: string | undefined): Promise<RequestRecord[]> =>
      viaBoard(this.#deps.board.listRequests({ ...(status === undefined ? {} : { status }), changedAfter }));
    for await (const record of readThrough({ read, cursorOf: ({ revision }) => revision, from })) {
      if (record.status === 'pending') this.#pending.set(record.id, record.origin);
      else this.#pending.delete(record.id);
      yield record;
    }
  }
}
