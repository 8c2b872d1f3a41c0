import { describe, expect, it } from '@jest/globals';
import { VirtualClock } from 'testkit/virtual_clock';
import { PoolDemand } from '../../src/presigning/pool_demand.js';

describe('how many presignatures a cluster should hold', () => {
  /** @param seconds of one use every `everyMs` */
  async function usedFor(demand: PoolDemand, clock: VirtualClock, seconds: number, everyMs: number): Promise<void> {
    for (const end = clock.monotonic() + seconds * 1000; clock.monotonic() < end; ) {
      demand.used();
      await clock.advance(everyMs);
    }
  }
  const bounds = { target: 20, max: 30 };

  it('is the target while nothing is used, however long one takes', () => {
    const demand = new PoolDemand(bounds, new VirtualClock());
    demand.made(60_000);
    expect([demand.aim, demand.usesPerSecond]).toEqual([20, 0]);
  });

  it('is what is used while one is made, besides the target', async () => {
    const clock = new VirtualClock();
    const demand = new PoolDemand(bounds, clock);
    await usedFor(demand, clock, 600, 500);
    expect(demand.usesPerSecond).toBeCloseTo(2, 1);
    expect(demand.aim).toBe(20);
    demand.made(1_200);
    expect(demand.aim).toBe(23);
  });

  it('is never more than the most', async () => {
    const clock = new VirtualClock();
    const demand = new PoolDemand(bounds, clock);
    demand.made(10_000);
    await usedFor(demand, clock, 60, 100);
    expect(demand.aim).toBe(30);
  });

  it('follows the rate: it rises within a minute and falls in some', async () => {
    const clock = new VirtualClock();
    const demand = new PoolDemand({ target: 20, max: 500 }, clock);
    demand.made(10_000);
    await usedFor(demand, clock, 60, 200);
    expect(demand.usesPerSecond).toBeGreaterThan(3);
    expect(demand.usesPerSecond).toBeLessThan(3.5);
    await clock.advance(300_000);
    expect(demand.usesPerSecond).toBeLessThan(0.03);
    expect(demand.aim).toBe(21);
  });

  it('follows how long one takes', () => {
    const demand = new PoolDemand(bounds, new VirtualClock());
    demand.made(8_000);
    expect(demand.refillMs).toBe(8_000);
    for (let k = 0; k < 50; k++) demand.made(1_000);
    expect(demand.refillMs).toBeLessThan(1_020);
    demand.made(9_000);
    expect(demand.refillMs).toBeLessThan(2_100);
  });
});
