import { beforeEach, describe, expect, it } from '@jest/globals';
import { PoolDemand } from '../../src/presigning/pool_demand.js';
import { PoolLead } from '../../src/presigning/pool_lead.js';
import type { SetLevel } from '../../src/presigning/refill_plan.js';
import { FakePresence } from '../util/transport.js';

const PATIENCE_MS = 3_000;
const MADE_BY_1 = `presig_gen_node-1_${'ab'.repeat(16)}`;

describe('the lead of the pool, as node-2 sees it while node-1 leads', () => {
  let now: number;
  let lead: PoolLead;
  let isWorking: boolean;
  beforeEach(() => {
    now = 0;
    isWorking = false;
    const presence = new FakePresence();
    for (const index of [0, 2, 3]) presence.set(index, 'a');
    const clock = { monotonic: () => now };
    const demand = new PoolDemand({ target: 20, max: 30 }, clock);
    demand.made(500);
    const worksFor = (): boolean => isWorking;
    const config = { poolLeaderTimeoutMs: PATIENCE_MS };
    lead = new PoolLead({ index: 1, n: 4, presence, culprits: { has: () => false }, demand, clock, config, worksFor });
  });

  /** Looks every second, with so many of 1-2-3, 1-2-4, 1-3-4 and 2-3-4; 5 are enough. */
  const look = (seconds: number, countsAt: (second: number) => readonly number[]): void => {
    for (let second = 0; second < seconds; second++) {
      const counts = countsAt(second);
      const levels = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]].map((signers, k): SetLevel => ({ signers, count: counts[k] ?? 0 }));
      const fewest = Math.min(...counts);
      lead.look(levels, fewest < 5 ? levels.filter(({ count }) => count === fewest) : []);
      now += 1_000;
    }
  };
  const made = (signers: readonly number[]): void => { lead.made(MADE_BY_1, signers); };

  it('stays with it while what is missing comes, or nothing is missing', () => {
    look(10, (second) => [5, 5, 5, second % 3]);
    look(10, () => [5, 5, 5, 5]);
    for (let k = 0; k < 5; k++) {
      look(3, () => [0, 0, 0, 0]);
      made([1, 2, 3]);
    }
    expect(lead.leader).toBe(0);
  });

  it('goes to node-2 when nothing comes, for a minute', () => {
    look(3, () => [5, 2, 5, 5]);
    expect(lead.leader).toBe(0);
    look(2, () => [5, 1, 5, 5]);
    expect([lead.leader, lead.isOwn]).toEqual([1, true]);
    now += 60_000;
    expect(lead.leader).toBe(0);
  });

  it('stays with it for longer while something is under way that it has asked for', () => {
    isWorking = true;
    look(12, () => [0, 0, 0, 0]);
    expect(lead.leader).toBe(0);
    look(2, () => [0, 0, 0, 0]);
    expect(lead.leader).toBe(1);
  });

  it('stays with it while sets with the leader come and the one without it comes later, as when sets take turns', () => {
    for (let second = 0; second < 40; second++) {
      look(1, () => [0, 0, 0, 0]);
      made(second % 10 === 9 ? [1, 2, 3] : [0, 1, 2]);
    }
    expect(lead.leader).toBe(0);
  });

  it('goes to node-2 when only sets with the leader come', () => {
    for (let second = 0; second < 14; second++) {
      expect(lead.leader).toBe(0);
      look(1, () => [second, second, second, 0]);
      for (const set of [[0, 1, 2], [0, 1, 3]]) made(set);
    }
    expect(lead.leader).toBe(1);
  });

  it('goes to node-2 also when the leader states now that it has those and now that it has none', () => {
    for (let second = 0; second < 14; second++) {
      look(1, () => (second % 2 === 0 ? [0, 0, 0, 0] : [4, 4, 4, 0]));
      made([0, 1, 2]);
    }
    expect(lead.leader).toBe(1);
  });
});
