import { ServiceError } from 'service/errors';
import type { Logger } from 'pino';

/**
 * The cluster's public key as this gateway first saw it. It never changes; whoever shows another one is reported, and nothing
 * is signed any more.
 */
export class PinnedKey {
  private pinned: string | undefined;
  private conflicting = false;

  /** @param shown asks for the keys, compressed and hexadecimal, that are shown now */
  constructor(
    private readonly shown: () => Promise<readonly string[]>,
    private readonly logger: Logger,
  ) {}

  get state(): 'unknown' | 'known' | 'conflict' {
    if (this.conflicting) return 'conflict';
    return this.pinned === undefined ? 'unknown' : 'known';
  }

  /** @throws ServiceError 503 `public_key_conflict` */
  refuseConflict(): void {
    if (this.conflicting) throw new ServiceError(503, 'public_key_conflict', 'another public key is shown than before');
  }

  /** Asks. @returns whether a key is shown @throws BoardUnavailable */
  async look(): Promise<boolean> {
    const shown = await this.shown();
    for (const key of shown) this.see(key);
    return shown.length > 0;
  }

  /** Compressed, hexadecimal; asks while it is not known. @throws ServiceError 503 `no_public_key`, BoardUnavailable */
  async get(): Promise<string> {
    if (this.pinned === undefined) await this.look();
    if (this.pinned === undefined) throw new ServiceError(503, 'no_public_key', 'no key has been generated yet');
    return this.pinned;
  }

  private see(key: string): void {
    if (this.pinned === undefined) {
      this.pinned = key;
      this.logger.info({ event: 'public_key_pinned', public_key: key }, 'Public key pinned');
    } else if (this.pinned !== key && !this.conflicting) {
      this.conflicting = true;
      this.logger.error({ event: 'public_key_conflict', pinned: this.pinned, shown: key }, 'Another public key is shown than before: nothing is signed any more');
    }
  }
}
