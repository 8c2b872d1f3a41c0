import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeContext } from '../context.js';
import { Wakeup } from '../base/wakeup.js';

/** Pause after a reading that failed, ms; the client has tried several times by then. */
const PAUSE_MS = 500;

/** Sleeps; returns early when the signal aborts. */
export async function sleepUntilAborted(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(Math.max(0, ms), undefined, { signal }).catch(() => undefined);
}

/** Sleeps while `holds`, which news of the other nodes may end; at most `ms`, and until the signal aborts. */
export async function sleepWhile({ presence }: NodeContext, ms: number, signal: AbortSignal, holds: () => boolean): Promise<void> {
  const end = performance.now() + ms;
  const news = new Wakeup();
  const unsubscribe = presence.onChange(() => {
    news.notify();
  });
  while (!signal.aborted && performance.now() < end && holds()) await news.sleep(end - performance.now(), signal);
  unsubscribe();
}

/** Calls the board until it answers; what fails is logged. @throws the signal's reason when it aborts */
export async function untilAnswered<T>({ logger }: NodeContext, what: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (error === signal.reason) throw error;
      logger.warn({ event: 'reading_failed', what, err: error }, 'Could not read from the board, trying again');
      await sleepUntilAborted(PAUSE_MS, signal);
    }
  }
}

/** Reads a list of the board on and on, until the signal aborts: `read` takes the cursor and returns the next one. Nothing is skipped. */
export async function keepReading(
  context: NodeContext,
  what: string,
  signal: AbortSignal,
  read: (cursor: string | undefined) => Promise<string | undefined>,
): Promise<void> {
  let cursor: string | undefined;
  while (!signal.aborted) {
    try {
      cursor = await untilAnswered(context, what, signal, () => read(cursor));
    } catch (error) {
      if (error !== signal.reason) throw error;
    }
  }
}
