import { ServiceError, type BoardClient } from 'message-board/client';
import type { Logger } from 'pino';
import { viaBoard } from './board_unavailable.js';

/**
 * The cluster's public key as this gateway first saw it. It never changes; a board that shows another one is reported, and
 * nothing is signed any more.
 */
export class PinnedKey {
  private pinned: string | undefined;
  private conflicting = false;

  constructor(
    private readonly board: BoardClient,
    private readonly logger: Logger,
  ) {}

  get state(): 'unknown' | 'known' | 'conflict' {
    if (this.conflicting) return 'conflict';
    return this.pinned === undefined ? 'unknown' : 'known';
  }

  /** @throws ServiceError 503 `public_key_conflict` */
  refuseConflict(): void {
    if (this.conflicting) throw new ServiceError(503, 'public_key_conflict', 'the message board shows another public key than before');
  }

  /** Asks the board. @returns whether it has a key @throws BoardUnavailable */
  async look(): Promise<boolean> {
    const shown = await viaBoard(this.board.getPublicKey());
    if (shown === undefined) return false;
    if (this.pinned === undefined) {
      this.pinned = shown;
      this.logger.info({ public_key: shown }, 'public_key_pinned');
    } else if (this.pinned !== shown && !this.conflicting) {
      this.conflicting = true;
      this.logger.error({ pinned: this.pinned, shown }, 'public_key_conflict');
    }
    return true;
  }

  /** Compressed, hexadecimal; asks the board while it is not known. @throws ServiceError 503 `no_public_key`, BoardUnavailable */
  async get(): Promise<string> {
    if (this.pinned === undefined) await this.look();
    if (this.pinned === undefined) throw new ServiceError(503, 'no_public_key', 'no key has been generated yet');
    return this.pinned;
  }
}
