import type { Logger } from 'pino';
import { ServiceError } from 'service/errors';
import { BoardUnavailable } from './board_unavailable.js';

/**
 * The cluster's public key as this gateway first saw it. It never changes: when another one is shown, the gateway says so and asks for no
 * more signatures.
 */
export class PinnedKey {
  readonly #shown: () => Promise<readonly string[]>;
  readonly #logger: Logger;
  #pinned: string | undefined;
  #isConflicting = false;
  #isShown = false;

  /** @param shown asks for the keys, compressed and hexadecimal, that are shown now */
  constructor(shown: () => Promise<readonly string[]>, logger: Logger) {
    this.#shown = shown;
    this.#logger = logger;
  }

  get state(): 'unknown' | 'known' | 'conflict' {
    if (this.#isConflicting) return 'conflict';
    return this.#pinned === undefined ? 'unknown' : 'known';
  }

  /** Was one shown when it was last asked for? */
  get isShown(): boolean {
    return this.#isShown;
  }

  /** @throws ServiceError 503 `public_key_conflict` */
  refuseConflict(): void {
    if (!this.#isConflicting) return;
    const advice = 'an operator has to find out why, and restart the gateway';
    throw new ServiceError(503, 'public_key_conflict', `another public key is shown than before: nothing is signed any more; ${advice}`);
  }

  /** Asks for the keys that are shown. @returns whether there is one @throws BoardUnavailable, whatever the board does not answer well */
  async look(): Promise<boolean> {
    const shown = await this.#shown().catch((error: unknown) => {
      throw error instanceof BoardUnavailable ? error : new BoardUnavailable(error);
    });
    for (const key of shown) this.#see(key);
    this.#isShown = shown.length > 0;
    return this.#isShown;
  }

  /** The key, compressed and hexadecimal. Asks while it is not known. @throws ServiceError 503 `no_public_key`; BoardUnavailable */
  async get(): Promise<string> {
    if (this.#pinned === undefined) await this.look();
    if (this.#pinned === undefined) {
      throw new ServiceError(503, 'no_public_key', 'no key has been generated yet: ask again when `GET /ready` answers 200');
    }
    return this.#pinned;
  }

  #see(key: string): void {
    if (this.#pinned === undefined) {
      this.#pinned = key;
      this.#logger.info({ event: 'public_key_pinned', public_key: key }, 'Public key pinned');
    } else if (this.#pinned !== key && !this.#isConflicting) {
      this.#isConflicting = true;
      this.#logger.error(
        { event: 'public_key_conflict', pinned: this.#pinned, shown: key },
        'Another public key is shown than before: nothing is signed any more',
      );
    }
  }
}
