import type { Logger } from 'pino';
import { sleep, type Clock } from 'service/clock';
import { Wakeup } from '../base/wakeup.js';
import type { PresenceView } from './presence.js';

/** Pause after a call that failed, ms. The client has tried several times by then. */
const PAUSE_MS = 500;

export interface ReadingDeps {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Sleeps while `holds`, which news of the other nodes may end; at most `ms`, and until the signal aborts. */
export async function sleepWhile(
  { presence, clock }: { readonly presence: Pick<PresenceView, 'onChange'>; readonly clock: Clock },
  ms: number,
  signal: AbortSignal,
  holds: () => boolean,
): Promise<void> {
  const end = clock.monotonic() + ms;
  const news = new Wakeup(clock);
  const unsubscribe = presence.onChange(() => {
    news.notify();
  });
  while (!signal.aborted && clock.monotonic() < end && holds()) await news.sleep(end - clock.monotonic(), signal);
  unsubscribe();
}

/** Calls the board until it answers; what fails is logged. @throws the signal's reason when it aborts */
export async function untilAnswered<T>(
  { clock, logger }: ReadingDeps,
  what: string,
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (error === signal.reason) throw error;
      logger.warn({ event: 'reading_failed', what, err: error }, 'Could not read from the board, trying again');
      await sleep(clock, PAUSE_MS, signal);
    }
  }
}

/**
 * Reads a list of the board again and again, until the signal aborts. Nothing is skipped.
 * @param read takes the cursor and returns the next one
 */
export async function keepReading(
  deps: ReadingDeps,
  what: string,
  signal: AbortSignal,
  read: (cursor: string | undefined) => Promise<string | undefined>,
): Promise<void> {
  let cursor: string | undefined;
  while (!signal.aborted) {
    try {
      cursor = await untilAnswered(deps, what, signal, () => read(cursor));
    } catch (error) {
      if (error !== signal.reason) throw error;
    }
  }
}
