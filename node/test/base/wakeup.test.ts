import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { VirtualClock } from 'testkit/virtual_clock';
import { Wakeup } from '../../src/base/wakeup.js';

const SLEEP_MS = 1_000;
const never = new AbortController().signal;

let clock: VirtualClock;
let wakeup: Wakeup;
beforeEach(() => {
  clock = new VirtualClock();
  wakeup = new Wakeup(clock);
});

/** Begins a sleep. @returns whether it is over */
function sleeper(signal = never): () => boolean {
  let isAwake = false;
  void wakeup.sleep(SLEEP_MS, signal).then(() => {
    isAwake = true;
  });
  return () => isAwake;
}

/** Nothing is left of a sleep that is over: no timer, no listener. */
function expectNothingLeft(signal: AbortSignal): void {
  expect(clock.pending).toBe(0);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
}

describe('Wakeup', () => {
  it('sleeps for as long as it is told, not less and not more', async () => {
    for (let k = 0; k < 3; k++) {
      const isAwake = sleeper();
      await clock.advance(SLEEP_MS - 1);
      expect(isAwake()).toBe(false);
      await clock.advance(1);
      expect(isAwake()).toBe(true);
      expectNothingLeft(never);
    }
  });

  it('wakes when there is news, before its time is over', async () => {
    for (let k = 0; k < 3; k++) {
      const isAwake = sleeper();
      await clock.advance(1);
      expect(isAwake()).toBe(false);
      wakeup.notify();
      await clock.advance(0);
      expect(isAwake()).toBe(true);
      expectNothingLeft(never);
    }
  });

  it('wakes when the signal aborts, and does not sleep on an aborted one', async () => {
    const stop = new AbortController();
    const isAwake = sleeper(stop.signal);
    stop.abort();
    await clock.advance(0);
    expect(isAwake()).toBe(true);
    expectNothingLeft(stop.signal);
    const isAwakeAgain = sleeper(stop.signal);
    await clock.advance(0);
    expect(isAwakeAgain()).toBe(true);
    expectNothingLeft(stop.signal);
  });

  it('keeps a notice that is given while nobody sleeps, for one sleeper', async () => {
    wakeup.notify();
    wakeup.notify();
    const isAwake = sleeper();
    await clock.advance(0);
    expect(isAwake()).toBe(true);
    const isAwakeAgain = sleeper();
    await clock.advance(SLEEP_MS - 1);
    expect(isAwakeAgain()).toBe(false);
  });

  it('forgets the notice that has woken a sleeper', async () => {
    const isAwake = sleeper();
    wakeup.notify();
    await clock.advance(0);
    expect(isAwake()).toBe(true);
    const isAwakeAgain = sleeper();
    await clock.advance(SLEEP_MS - 1);
    expect(isAwakeAgain()).toBe(false);
  });
});
