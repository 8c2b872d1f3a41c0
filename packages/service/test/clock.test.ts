import { describe, expect, it } from '@jest/globals';
import { VirtualClock } from 'testkit/virtual_clock';
import { every, sleep, systemClock } from '../src/clock.js';

describe('the clock of this machine', () => {
  it('fires a timer once its time has come, and not when it is stopped', async () => {
    const fired: string[] = [];
    systemClock.after(1, () => fired.push('stopped')).stop();
    const before = systemClock.monotonic();
    await new Promise<void>((resolve) => {
      systemClock.after(20, resolve);
    });
    // Node rounds a timer's time to whole milliseconds.
    expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(19);
    expect(fired).toEqual([]);
  });

  it('tells the time of day', () => {
    const before = Date.now();
    const now = systemClock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });
});

describe('sleep', () => {
  it('ends after its time, and no timer is left', async () => {
    const clock = new VirtualClock();
    let awake = false;
    void sleep(clock, 100).then(() => (awake = true));
    await clock.advance(99);
    expect(awake).toBe(false);
    await clock.advance(1);
    expect([awake, clock.pending]).toEqual([true, 0]);
  });

  it('ends when the signal aborts, at once if it has aborted, and no timer is left', async () => {
    const clock = new VirtualClock();
    const end = new AbortController();
    const sleeping = sleep(clock, 100, end.signal);
    expect(clock.pending).toBe(1);
    end.abort();
    await sleeping;
    await sleep(clock, 100, end.signal);
    expect(clock.pending).toBe(0);
  });
});

describe('every', () => {
  it('calls again and again until it is stopped, also from within', async () => {
    const clock = new VirtualClock();
    const at: number[] = [];
    const timer = every(clock, 10, () => {
      at.push(clock.monotonic());
      if (at.length === 3) timer.stop();
    });
    await clock.advance(100);
    expect(at).toEqual([10, 20, 30]);
    expect(clock.pending).toBe(0);
  });
});
