import { describe, expect, it } from '@jest/globals';
import { VirtualClock } from 'testkit/virtual_clock';
import { Lane } from '../src/lane.js';

describe('a lane', () => {
  const never = new AbortController().signal;

  it('gives so many turns at once, then so many a second, in the order in which they were asked for', async () => {
    const clock = new VirtualClock();
    const lane = new Lane({ perSecond: 40, burst: 3, clock });
    const order: number[] = [];
    for (let k = 0; k < 100; k += 1) void lane.turn(never).then(() => order.push(k));
    await clock.advance(0);
    expect(order).toEqual([0, 1, 2]);
    await clock.advance(1_000);
    expect(order).toEqual(Array.from({ length: 43 }, (_, k) => k));
    expect(lane.size).toBe(57);
  });

  it('a newcomer does not pass those who wait', async () => {
    const clock = new VirtualClock();
    const lane = new Lane({ perSecond: 20, burst: 1, clock });
    const order: string[] = [];
    for (const name of ['a', 'b', 'c']) void lane.turn(never).then(() => order.push(name));
    await clock.advance(50);
    void lane.turn(never).then(() => order.push('d'));
    await clock.advance(1_000);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
  });

  it('forgets those who leave, and stands still when nobody comes', async () => {
    const clock = new VirtualClock();
    const lane = new Lane({ perSecond: 20, burst: 1, clock });
    const leave = new AbortController();
    expect(await lane.turn(leave.signal)).toBe(true);
    const waiting = lane.turn(leave.signal);
    leave.abort();
    expect([await waiting, await lane.turn(leave.signal), lane.size]).toEqual([false, false, 0]);
    await clock.advance(10_000);
    expect(clock.pending).toBe(0);
    expect(await lane.turn(never)).toBe(true);
  });
});
