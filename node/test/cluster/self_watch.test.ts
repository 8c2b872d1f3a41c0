import { describe, expect, it } from '@jest/globals';
import type { PeerView } from 'message-board/peer_view';
import { VirtualClock } from 'testkit/virtual_clock';
import { Problems } from '../../src/base/problems.js';
import { SelfWatch, watchSelf } from '../../src/cluster/self_watch.js';
import { nodeStatus } from '../util/node_status.js';

/** Node-1 of four, three of whom sign, and what it knows of the others. */
function world({ n = 4, t = 3 } = {}) {
  const clock = new VirtualClock();
  const problems = new Problems();
  const others = Array.from({ length: n - 1 }, (_, k) => k + 2);
  const presence = {
    boardSilentMs: 0,
    refusal: null as string | null,
    /** Those that hear this node. */
    hearing: new Set(others),
    dead: new Set<number>(),
    skews: new Map(others.map((number) => [number, 0])),
    peers: (): PeerView[] =>
      others.map((number) => ({
        index: number - 1,
        nodeId: `node-${number}`,
        live: !presence.dead.has(number),
        ageMs: 0,
        status: nodeStatus({ hears: presence.hearing.has(number) ? ['node-1'] : [] }),
      })),
    clocks: (): Map<string, number> => {
      const theirs = [...presence.skews].map(([number, skew]): [string, number] => [`node-${number}`, 5_000 + skew]);
      return new Map([['self', 5_000], ...theirs]);
    },
  };
  const deps = { index: 0, n, t, presence, problems, clock };
  const watch = new SelfWatch(deps);
  const codes = (): string[] => {
    watch.look();
    return problems.list().map(({ code }) => code);
  };
  return { clock, presence, problems, codes, deps };
}

describe('a node that looks at itself', () => {
  it('finds nothing where nothing is wrong', () => {
    expect(world().codes()).toEqual([]);
  });

  it('tells that the board is gone after 5 s, and that it refuses heartbeats', () => {
    const { presence, codes } = world();
    presence.boardSilentMs = 5_000;
    expect(codes()).toEqual([]);
    presence.boardSilentMs = 5_001;
    expect(codes()).toEqual(['board_unavailable']);
    presence.boardSilentMs = 0;
    presence.refusal = 'stale_statement';
    expect(codes()).toEqual(['heartbeat_refused']);
    presence.refusal = null;
    expect(codes()).toEqual([]);
  });

  it('tells after 10 s that the others ignore it, and who', async () => {
    const { presence, codes, clock, problems } = world();
    for (const number of [3, 4]) presence.hearing.delete(number);
    expect(codes()).toEqual([]);
    await clock.advance(10_000);
    expect(codes()).toEqual([]);
    await clock.advance(1);
    expect(codes()).toEqual(['ignored_by_peers']);
    expect(problems.list()[0]?.reason).toMatch(/^node-3, node-4 do not hear this node/);
    presence.hearing.add(3);
    expect(codes()).toEqual([]);
  });

  it('is not ignored by nodes that are down', async () => {
    const { presence, codes, clock } = world();
    presence.hearing.clear();
    for (const number of [3, 4]) presence.dead.add(number);
    await clock.advance(20_000);
    expect(codes()).toEqual([]);
  });

  it.each<[what: string, size: { n: number; t: number }, skews: readonly number[], isOff: boolean]>([
    ['two of three others show later', { n: 4, t: 3 }, [30_001, 30_001, 0], true],
    ['two of three others show earlier', { n: 4, t: 3 }, [-40_000, -90_000, 0], true],
    ['all others show a bit later', { n: 4, t: 3 }, [30_000, 30_000, 30_000], false],
    ['one other, which may be corrupt, shows later', { n: 4, t: 3 }, [3_600_000, 0, 0], false],
    ['one shows later and one earlier', { n: 4, t: 3 }, [3_600_000, -3_600_000, 0], false],
    ['one of two, which may be corrupt, shows later', { n: 3, t: 2 }, [3_600_000, 0], false],
    ['the only other one, without which nothing is signed, shows later', { n: 2, t: 2 }, [3_600_000], true],
  ])('when %s: of %j by %j ms, its clock is off: %j', (_what, size, skews, isOff) => {
    const { presence, codes } = world(size);
    skews.forEach((skew, k) => presence.skews.set(k + 2, skew));
    expect(codes()).toEqual(isOff ? ['clock_skew'] : []);
  });

  it('looks every second, until it is stopped', async () => {
    const { presence, problems, deps, clock } = world();
    const ending = new AbortController();
    watchSelf(deps, ending.signal);
    presence.boardSilentMs = 6_000;
    await clock.advance(1_000);
    expect([problems.list().map(({ code }) => code), problems.stopSigning]).toEqual([['board_unavailable'], false]);
    ending.abort();
    expect(clock.pending).toBe(0);
  });
});
