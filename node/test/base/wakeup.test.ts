import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from 'service/clock';
import { Wakeup } from '../../src/base/wakeup.js';

const NEVER_MS = 600_000;

describe('Wakeup', () => {
  it.each([
    ['its time is over', (wakeup: Wakeup, signal: AbortSignal) => wakeup.sleep(1, signal)],
    [
      'there is news',
      async (wakeup: Wakeup, signal: AbortSignal) => {
        const sleeping = wakeup.sleep(NEVER_MS, signal);
        wakeup.notify();
        await sleeping;
      },
    ],
  ])('wakes when %s, and leaves nothing on the signal', async (_, sleepOnce) => {
    const { signal } = new AbortController();
    const wakeup = new Wakeup(systemClock);
    for (let k = 0; k < 3; k++) await sleepOnce(wakeup, signal);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('wakes when the signal aborts, and does not sleep on an aborted one', async () => {
    const stop = new AbortController();
    const wakeup = new Wakeup(systemClock);
    const sleeping = wakeup.sleep(NEVER_MS, stop.signal);
    stop.abort();
    await sleeping;
    await wakeup.sleep(NEVER_MS, stop.signal);
    expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
  });

  it('keeps a notice that is given while nobody sleeps, once', async () => {
    const { signal } = new AbortController();
    const wakeup = new Wakeup(systemClock);
    wakeup.notify();
    await wakeup.sleep(NEVER_MS, signal);
    let awake = false;
    const sleeping = wakeup.sleep(NEVER_MS, signal).then(() => {
      awake = true;
    });
    await Promise.resolve();
    expect(awake).toBe(false);
    wakeup.notify();
    await sleeping;
  });
});
