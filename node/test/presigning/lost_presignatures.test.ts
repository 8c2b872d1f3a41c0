import { beforeEach, describe, expect, it } from '@jest/globals';
import { VirtualClock } from 'testkit/virtual_clock';
import { LostPresignatures } from '../../src/presigning/lost_presignatures.js';
import { PresignaturePool } from '../../src/presigning/presignature_pool.js';
import { half } from '../util/signing_world.js';
import { FakePresence } from '../util/transport.js';

/** Of node-1, in a cluster of four. */
let pool: PresignaturePool;
let presence: FakePresence;
let clock: VirtualClock;
let culprits: Set<number>;
let lost: LostPresignatures;

/** A node that states these presignatures. */
const holds = (index: number, ids: readonly string[], more: Parameters<FakePresence['set']>[2] & { readonly life?: string } = {}): void => {
  const { life = 'a', ...rest } = more;
  presence.set(index, life, { pool: { '1-2-3': ids.length }, offers: { '1-2-3': [...ids] }, ...rest });
};
const drop = (): [number, number][] => [...lost.drop()];
const held = (): string[] => pool.free().map(({ id }) => id);

beforeEach(() => {
  pool = new PresignaturePool(30);
  presence = new FakePresence();
  clock = new VirtualClock();
  culprits = new Set();
  lost = new LostPresignatures({ presence, culprits, clock }, pool);
  for (const id of ['x', 'y']) pool.add(half(id, [0, 1, 2]));
  for (const index of [1, 2]) holds(index, ['x', 'y']);
});

describe('presignatures that are lost', () => {
  it('are those of a node that was restarted', () => {
    expect(drop()).toEqual([]);
    pool.add(half('z', [0, 1, 3]));
    holds(2, [], { life: 'b' });
    expect([drop(), held()]).toEqual([[[2, 2]], ['z']]);
  });

  it('are those of a culprit', () => {
    culprits.add(1);
    expect([drop(), held()]).toEqual([[[1, 2]], []]);
  });

  it('are those of a node that is down for long, and not of one that is only late, whatever its age', () => {
    holds(2, ['x', 'y'], { live: false, ageMs: 30_000 });
    expect(drop()).toEqual([]);
    holds(2, ['x', 'y'], { live: true, ageMs: 90_000 });
    expect(drop()).toEqual([]);
    holds(2, ['x', 'y'], { live: false, ageMs: 30_001 });
    expect(drop()).toEqual([[2, 2]]);
  });

  it('are those that one of their makers does not state for long', async () => {
    holds(2, ['y']);
    expect(drop()).toEqual([]);
    await clock.advance(10_000);
    expect(drop()).toEqual([]);
    await clock.advance(1);
    expect([drop(), held()]).toEqual([[[2, 1]], ['y']]);
  });

  it('are not those that a maker states again, or a little later', async () => {
    holds(2, ['y']);
    expect(drop()).toEqual([]);
    await clock.advance(9_000);
    holds(2, ['x', 'y']);
    expect(drop()).toEqual([]);
    holds(2, ['y']);
    expect(drop()).toEqual([]);
    await clock.advance(9_000);
    expect([drop(), held()]).toEqual([[], ['x', 'y']]);
  });

  it.each<[what: string, more: Parameters<typeof holds>[2]]>([
    ['cannot sign now, and so states none', { stage: 'impaired', pool: {}, offers: {} }],
    ['is down', { live: false, pool: {}, offers: {} }],
    ['has more than it can state', { pool: { '1-2-3': 49 }, offers: { '1-2-3': Array.from({ length: 48 }, (_, k) => `${k}`) } }],
  ])('are not known by the statement of a maker that %s', async (_what, more) => {
    holds(2, ['y'], more);
    expect(drop()).toEqual([]);
    await clock.advance(20_000);
    expect([drop(), held()]).toEqual([[], ['x', 'y']]);
  });

  it.each([{ offers: { '1-2-3': ['y'] } }, { offers: {} }])('are those that a maker only counts: with %j', async ({ offers }) => {
    holds(2, ['y'], { pool: { '1-2-3': 1_000_000 }, offers });
    drop();
    await clock.advance(10_001);
    drop();
    expect(held()).toEqual(offers['1-2-3'] ?? []);
  });

  it('are not those that are assigned to a request here', async () => {
    pool.setAside('x');
    holds(2, ['y']);
    expect(drop()).toEqual([]);
    await clock.advance(20_000);
    expect([drop(), pool.has('x')]).toEqual([[], true]);
  });
});
