import { ServiceError } from 'service/errors';
import type { BoardClient } from 'message-board/client';
import type { Logger } from 'pino';
import type { Clock } from 'service/clock';
import { Wakeup } from '../base/wakeup.js';

const RETRY_MS = 2_000;
/** Posted again so often, should a restart of the board have gone unseen. */
const AGAIN_MS = 60_000;

export interface PublicKeyDeps {
  readonly client: BoardClient;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Told when the board has another key, and null when that is over. */
  readonly onProblem: (reason: string | null) => void;
}

/**
 * Posts the public key, and again whenever the board was restarted, until the signal aborts. Never throws.
 * @param publicKey compressed, hexadecimal
 */
export async function keepPublicKeyPosted(
  { client, logger, clock, onProblem }: PublicKeyDeps,
  publicKey: string,
  signal: AbortSignal,
): Promise<void> {
  const wakeup = new Wakeup(clock);
  const unsubscribe = client.onRestart(() => {
    wakeup.notify();
  });
  let said = '';
  const say = (text: string, log: () => void): void => {
    if (said !== text) log();
    said = text;
  };
  while (!signal.aborted) {
    try {
      await client.postPublicKey(publicKey, signal);
      onProblem(null);
      say('posted', () => {
        logger.info({ event: 'public_key_posted', public_key: publicKey }, 'Public key posted');
      });
      await wakeup.sleep(AGAIN_MS, signal);
    } catch (error) {
      if (error instanceof ServiceError && error.status === 409) {
        onProblem('the board has the public key of another cluster');
        say('conflict', () => {
          logger.error(
            { event: 'public_key_conflict', public_key: publicKey },
            'The board has the public key of another cluster: nothing can be signed through it',
          );
        });
      }
      await wakeup.sleep(RETRY_MS, signal);
    }
  }
  unsubscribe();
}
