import type { Logger } from 'pino';
import { BoardUnavailable } from './board_unavailable.js';
import type { OutcomeVerifier } from './outcome_verifier.js';
import type { PinnedKey } from './public_key.js';
import type { PostedRequest, UnfinishedRequests } from './unfinished_requests.js';

export interface BoardWatchDeps {
  readonly key: Pick<PinnedKey, 'look'>;
  readonly requests: Pick<UnfinishedRequests, 'notPending' | 'postAgain'>;
  readonly outcomes: Pick<OutcomeVerifier, 'verified'>;
  readonly logger: Logger;
}

/** Upper bound on the requests that are posted again at one time. More would load a board that has just started. */
const BATCH = 16;

/** Compares the board with what the gateway knows: is it up, has it the key, and has it all unfinished requests? */
export class BoardWatch {
  readonly #deps: BoardWatchDeps;
  #isUp = false;

  constructor(deps: BoardWatchDeps) {
    this.#deps = deps;
  }

  /** Did the board answer when it was last compared? */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Posts again what the board has lost, and forgets what is finished. It never rejects: the next sweep tries again. */
  async sweep(): Promise<void> {
    const { key, requests, logger } = this.#deps;
    try {
      await key.look();
      this.#saw(true);
      const entries = await requests.notPending();
      for (let k = 0; k < entries.length; k += BATCH) {
        await Promise.all(entries.slice(k, k + BATCH).map(([id, request]) => this.#settle(id, request)));
      }
    } catch (error) {
      if (error instanceof BoardUnavailable) this.#saw(false);
      else logger.error({ event: 'sweep_failed', err: error }, 'The unfinished requests could not be compared with the message board');
    }
  }

  /** When the board refuses one request, or shows it falsely, the others are settled all the same. @throws BoardUnavailable */
  async #settle(id: string, request: PostedRequest): Promise<void> {
    const { requests, outcomes, logger } = this.#deps;
    try {
      await outcomes.verified(await requests.postAgain(id, request));
    } catch (error) {
      if (error instanceof BoardUnavailable) throw error;
      logger.error(
        { event: 'request_not_settled', request_id: id, err: error },
        'The message board does not take a signing request again, or shows it falsely',
      );
    }
  }

  #saw(isUp: boolean): void {
    if (isUp && !this.#isUp) this.#deps.logger.info({ event: 'board_up' }, 'The message board answers');
    if (!isUp && this.#isUp) this.#deps.logger.info({ event: 'board_down' }, 'The message board does not answer');
    this.#isUp = isUp;
  }
}
