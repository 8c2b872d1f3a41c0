import { beforeEach, describe, expect, it } from '@jest/globals';
import { FULL_PAGE, type CreatePresignatureRequest } from 'message-board/contract';
import { PRESIGNATURE_REQUEST } from 'sealing/kinds';
import { verify } from 'sealing/statement';
import { systemRandom } from 'service/random';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';
import { Seals } from '../../src/mail/seals.js';
import { PoolDemand } from '../../src/presigning/pool_demand.js';
import { PoolLeader, type PoolLeaderDeps } from '../../src/presigning/pool_leader.js';
import { PresignaturePool, type PoolCounts } from '../../src/presigning/presignature_pool.js';
import { BATCH } from '../../src/workers/batch.js';
import { memoryLog } from '../util/cluster.js';
import { pass, passUntil } from '../util/passing.js';
import { FakePresence } from '../util/transport.js';

const { roster, identities } = members(4, 3);
const [TARGET, MAX] = [20, 30];

/** node-1 of four, alone with a board. */
class Leading {
  readonly asked: CreatePresignatureRequest[] = [];
  readonly pending = new Set<string>();
  /** What others have asked for before. */
  crowd: string[] = [];
  readonly presence = new FakePresence();
  readonly log = memoryLog();
  /** How long a presignature took that it has made before, ms. 0: it has made none. */
  refillMs = 0;
  /** What it has in its pool. */
  holds: PoolCounts = {};
  workers = 1;
  leaderTimeoutMs = 30_000;
  leader: PoolLeader | undefined;
  demand: PoolDemand | undefined;
  /** Answers of the board to the next requests; it takes them when there is none. */
  refusing = 0;

  async run(until: () => boolean, index = 0): Promise<void> {
    const clock = new VirtualClock();
    const demand = new PoolDemand({ target: TARGET, max: MAX }, clock);
    this.demand = demand;
    if (this.refillMs > 0) demand.made(this.refillMs);
    const leader = new PoolLeader({
      client: this.#board() as unknown as PoolLeaderDeps['client'],
      config: { workers: this.workers, poolLeaderTimeoutMs: this.leaderTimeoutMs },
      index,
      n: 4,
      t: 3,
      presence: this.presence,
      culprits: { has: () => false },
      seals: new Seals(roster, present(identities[index])),
      demand,
      clock,
      random: systemRandom,
      logger: this.log.logger,
      pool: Object.assign(new PresignaturePool(MAX), { counts: () => this.holds }),
      isMaking: () => false,
      worksFor: () => false,
    });
    this.leader = leader;
    const ending = new AbortController();
    const running = leader.run(ending.signal);
    try {
      await passUntil(clock, () => {
        leader.notify();
        return until();
      });
      // It must not ask for more than that.
      for (let k = 0; k < 5; k++) {
        leader.notify();
        await pass(clock, 20);
      }
    } finally {
      ending.abort();
      await running;
    }
  }

  #board(): object {
    return {
      createPresignatureRequest: (body: CreatePresignatureRequest): Promise<void> => {
        if (this.refusing-- > 0) return Promise.reject(new Error('the board is full'));
        this.asked.push(body);
        this.pending.add(body.request_id);
        return Promise.resolve();
      },
      listPresignatureRequests: ({ after }: { after?: string }) => {
        const all = [...this.crowd, ...this.pending];
        const from = after === undefined ? 0 : all.indexOf(after) + 1;
        return Promise.resolve(all.slice(from, from + FULL_PAGE).map((id) => ({ id })));
      },
    };
  }

  /** How many were asked for, by batch. */
  get sizes(): unknown[] {
    return this.log.lines.flatMap(({ event, size }) => (event === 'pool_refill' ? [size] : []));
  }
}

let leading: Leading;
beforeEach(() => {
  leading = new Leading();
  for (const index of [1, 2, 3]) leading.presence.set(index, 'a');
});

describe('the leader of the pool', () => {
  it.each([
    ['fewer of the second, which begins with the first, so that they end one after the other', 60_000, [4, 2]],
    ['as many of the second, when the first has been under way for long', 0, [4, 4]],
  ])('asks for the first alone, and when that is over for presignatures of two sets, %s', async (_what, refillMs, sizes) => {
    await leading.run(() => leading.asked.length === 1);
    expect(leading.sizes).toEqual([1]);
    leading = new Leading();
    for (const index of [1, 2, 3]) leading.presence.set(index, 'a');
    const [first = 0, second = 0] = sizes;
    await leading.run(() => {
      if (leading.asked.length === 1) {
        if (leading.pending.size > 0) leading.demand?.made(refillMs);
        leading.pending.clear();
      }
      return leading.asked.length >= 1 + first + second;
    });
    expect(leading.sizes).toEqual([1, first, second]);
    const sets = leading.asked.map(({ participants }) => participants?.join());
    expect(new Set(sets.slice(1, 1 + first)).size).toBe(1);
    expect(new Set(sets.slice(1 + first)).size).toBe(1);
    expect(new Set(sets.slice(1)).size).toBe(2);
    expect(new Set(leading.asked.map(({ request_id }) => request_id)).size).toBe(1 + first + second);
  });

  it('asks at once for batches when it has made one before, for another leader', async () => {
    leading.refillMs = 60_000;
    await leading.run(() => leading.sizes.length === 2);
    expect(leading.sizes).toEqual([4, 2]);
  });

  it.each([[1, 2], [3, 3], [16, 4]])('with %i threads asks for %i batches at a time', async (workers, batches) => {
    leading.workers = workers;
    await leading.run(() => {
      if (leading.asked.length === 1) leading.pending.clear();
      return leading.sizes.length === 1 + batches;
    });
    expect(leading.sizes.length).toBe(1 + batches);
  });

  it('goes on without a presignature whose maker has gone down, although nobody tells the board', async () => {
    let down = -1;
    await leading.run(() => {
      if (leading.asked.length === 1) {
        down = leading.asked[0]?.participants?.find((party) => party !== 0) ?? -1;
        leading.presence.set(down, 'a', { live: false });
      }
      return leading.asked.length > 1;
    });
    expect(leading.asked[0]?.participants).toContain(down);
    expect(leading.asked.slice(1).flatMap(({ participants = [] }) => participants)).not.toContain(down);
    expect(leading.pending.size).toBe(leading.asked.length);
  });

  it('goes on when its own part in one is over, though the board does not know', async () => {
    await leading.run(() => {
      if (leading.asked.length === 1) leading.leader?.ended(leading.asked[0]?.request_id ?? '', [0, 1, 2], true);
      return leading.asked.length > 1;
    });
    expect(leading.pending.size).toBe(leading.asked.length);
  });

  it('waits for one that the board shows on a later page, behind what a member asks for without end', async () => {
    leading.crowd = Array.from({ length: 2 * FULL_PAGE }, (_, k) => `crowd_${k}`);
    await leading.run(() => leading.asked.length > 0);
    expect(leading.asked.length).toBe(1);
  });

  it('signs each one that it asks for', async () => {
    await leading.run(() => leading.asked.length === 1);
    const [asked] = leading.asked;
    const { signer, claims } = await verify(roster, PRESIGNATURE_REQUEST, asked?.origin ?? '');
    expect([signer, claims]).toEqual(['node-1', { id: asked?.request_id, participants: asked?.participants }]);
    expect(asked?.request_id).toMatch(/^presig_gen_node-1_[0-9a-f]{32}$/);
  });

  it('asks again for the one of a batch that the board did not take, and not for the others', async () => {
    leading.presence.set(3, 'a', { live: false });
    leading.holds = { '1-2-3': 3 };
    for (const index of [1, 2]) leading.presence.set(index, 'a', { pool: leading.holds });
    await leading.run(() => {
      if (leading.asked.length === 1 && leading.pending.size === 1) {
        leading.pending.clear();
        leading.refusing = 1;
      }
      return leading.asked.length >= 6;
    });
    expect(leading.sizes).toEqual([1, 4, 2]);
    expect(leading.log.lines.filter(({ event }) => event === 'presignature_request_failed').length).toBe(1);
    // The one set that is live has them and no more.
    expect(3 + leading.asked.slice(1).length).toBe(Math.ceil(MAX / 4));
  });

  it('asks for nothing while too few nodes are live', async () => {
    for (const index of [2, 3]) leading.presence.set(index, 'a', { live: false });
    await leading.run(() => true);
    expect(leading.asked).toEqual([]);
  });

  it('asks for its share of a set, however many the others hold of sets without it', async () => {
    for (const index of [1, 2, 3]) leading.presence.set(index, 'a', { pool: { '2-3-4': 30 } });
    await leading.run(() => leading.asked.length > 0);
    expect(leading.asked[0]?.participants).toContain(0);
  });

  it.each([
    ['the set without a member that so many suspect that one of them is honest', [0, 2], [0, 1, 2]],
    ['any set, when those who suspect might all be cheats', [2], [1, 2, 3]],
  ])('asks for %s', async (_what, suspecting, expected) => {
    const offers = { pool: { '1-2-3': 1 } };
    for (const index of [1, 2, 3]) leading.presence.set(index, 'a', { ...offers, suspects: suspecting.includes(index) ? ['node-4'] : [] });
    leading.presence.status.suspects = suspecting.includes(0) ? ['node-4'] : [];
    leading.holds = { '1-2-3': 1 };
    await leading.run(() => leading.asked.length > 0);
    expect(leading.asked[0]?.participants).toEqual(expected);
  });

  describe('while a member is suspected', () => {
    const SHARE = Math.ceil(MAX / 4);
    const hold = (pool: PoolCounts): void => {
      leading.holds = pool;
      for (const index of [1, 2, 3]) leading.presence.set(index, 'a', { pool, suspects: index === 3 ? [] : ['node-4'] });
    };
    const ofSuspect = (): number => leading.asked.filter(({ participants }) => participants?.includes(3)).length;

    beforeEach(() => {
      leading.refillMs = 60_000;
      leading.presence.status.suspects = ['node-4'];
    });

    it('tries one batch with it, when the set without it has its share', async () => {
      hold({ '1-2-3': SHARE });
      await leading.run(() => leading.asked.length > 0);
      expect(leading.sizes).toEqual([BATCH]);
      expect(ofSuspect()).toBe(BATCH);
    });

    it('asks for as many batches of the set without it as otherwise, though the one with it does not come to an end', async () => {
      hold({ '1-2-3': SHARE });
      await leading.run(() => {
        if (leading.asked.length === BATCH) hold({ '1-2-3': 0 });
        return leading.asked.length >= BATCH + SHARE - 2;
      });
      expect(leading.sizes).toEqual([BATCH, BATCH, BATCH / 2]);
      expect(ofSuspect()).toBe(BATCH);
    });

    it('leads on, though nothing comes of the sets with it', async () => {
      hold({ '1-2-3': SHARE });
      leading.presence.set(0, 'a', { pool: leading.holds, suspects: ['node-4'] });
      [leading.refillMs, leading.leaderTimeoutMs] = [1, 2_000];
      let passed = 0;
      await leading.run(() => (passed += 25) > 3 * leading.leaderTimeoutMs, 1);
      expect(leading.asked).toEqual([]);
    });
  });

  it('asks for the set that failed longest ago, when all have failed', async () => {
    leading.refillMs = 60_000;
    const failed: string[] = [];
    await leading.run(() => {
      const [next] = leading.asked.filter(({ request_id }) => leading.pending.has(request_id));
      const label = next?.participants?.join() ?? '';
      for (const { request_id, participants = [] } of leading.asked) {
        if (participants.join() !== label || !leading.pending.delete(request_id)) continue;
        leading.leader?.ended(request_id, participants, false);
      }
      if (label !== '') failed.push(label);
      return failed.length >= 12;
    });
    const rounds = [0, 4, 8].map((from) => failed.slice(from, from + 4));
    expect(new Set(rounds[0]).size).toBe(4);
    expect(rounds[1]).toEqual(rounds[0]);
    expect(rounds[2]).toEqual(rounds[0]);
  });

  it('is the lowest node that was heard of lately', async () => {
    leading = new Leading();
    for (const index of [2, 3]) leading.presence.set(index, 'a');
    leading.presence.set(0, 'a', { live: false, ageMs: 29_000 });
    await leading.run(() => true, 1);
    expect(leading.asked).toEqual([]);
    leading.presence.set(0, 'a', { live: false, ageMs: 31_000 });
    await leading.run(() => leading.asked.length > 0, 1);
    expect(leading.asked[0]?.request_id).toMatch(/^presig_gen_node-2_/);
  });

  it('is not for long one that is alive but cannot sign', async () => {
    leading = new Leading();
    for (const index of [2, 3]) leading.presence.set(index, 'a');
    leading.presence.set(0, 'a', { stage: 'refusing' });
    let passed = 0;
    await leading.run(() => (passed += 25) > 29_000, 1);
    expect(leading.asked).toEqual([]);
    await leading.run(() => leading.asked.length > 0, 1);
    expect(leading.asked[0]?.request_id).toMatch(/^presig_gen_node-2_/);
  });
});
