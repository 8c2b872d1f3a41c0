import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NodeRecord } from 'message-board/contract';
import { pino } from 'pino';
import { Presence } from '../src/presence.js';
import { TestBoard } from './util/board.js';
import { eventually, memoryLog } from './util/cluster.js';

const IDLE = { ready: false, next: 0, running: null, completed: null, committed: null };

let board: TestBoard;
let stops: (() => Promise<void>)[];
beforeEach(async () => {
  board = await TestBoard.start();
  stops = [];
});
afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await board.close();
});

interface Settings {
  readonly incarnation?: string;
  readonly now?: () => number;
}

function node(index: number, { incarnation = `of ${index}`.replace(' ', '-'), now = () => performance.now() }: Settings = {}) {
  const log = memoryLog();
  const presence = new Presence({ client: board.client(), logger: log.logger, index, n: 3, incarnation, deadAfterMs: 1_500, keygen: IDLE, auxInfo: IDLE, now });
  presence.update({ stage: 'ready' });
  const life = new AbortController();
  const running = presence.run(life.signal);
  const stop = async (): Promise<void> => {
    life.abort();
    await running;
  };
  stops.push(stop);
  return { presence, stop, lines: log.lines };
}

describe('presence', () => {
  it('knows nobody before it has heard of them, but itself', () => {
    const { presence } = node(1);
    expect(presence.peers()).toEqual([
      { index: 0, nodeId: 'node-1', live: false, ageMs: Infinity, status: undefined },
      { index: 2, nodeId: 'node-3', live: false, ageMs: Infinity, status: undefined },
    ]);
    expect([presence.isLive(0), presence.isLive(1), presence.ageMs(1)]).toEqual([false, true, 0]);
  });

  it('tells the others at once what changes, and calls them back', async () => {
    const [a, b] = [node(0), node(1)];
    await eventually('they hear of each other', () => a.presence.isLive(1) && b.presence.isLive(0));
    let called = 0;
    const unsubscribe = b.presence.onChange(() => {
      called += 1;
    });
    a.presence.update({ stage: 'refusing', pool: { '1-2': 3 } });
    await eventually('the other hears of it', () => b.presence.peers()[0]?.status?.stage === 'refusing');
    expect(b.presence.peers()[0]).toMatchObject({ live: true, status: { incarnation: 'of-0', pool: { '1-2': 3 } } });
    expect(b.presence.isLive(0)).toBe(false);
    expect(called).toBe(1);
    unsubscribe();
    a.presence.update({ stage: 'keygen' });
    await eventually('the other hears of it', () => b.presence.peers()[0]?.status?.stage === 'keygen');
    expect(called).toBe(1);
  });

  it('does not call back for a mere heartbeat', async () => {
    const [a, b] = [node(0), node(1)];
    await eventually('they hear of each other', () => a.presence.isLive(1) && b.presence.isLive(0));
    let called = 0;
    b.presence.onChange(() => {
      called += 1;
    });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(called).toBe(0);
    expect(b.presence.isLive(0)).toBe(true);
  });

  it('notices who dies, and who starts again', async () => {
    const [a, b] = [node(0), node(1)];
    await eventually('it is heard of', () => b.presence.isLive(0));
    await a.stop();
    await eventually('it is missed', () => !b.presence.isLive(0));
    expect(b.presence.ageMs(0)).toBeGreaterThan(1_500);
    node(0, { incarnation: 'second' });
    await eventually('it is back', () => b.presence.isLive(0));
    expect(b.presence.peers()[0]?.status?.incarnation).toBe('second');
  });

  it('survives a restart of the board, during which nobody counts as dead', async () => {
    const [a, b] = [node(0), node(1)];
    await eventually('they hear of each other', () => a.presence.isLive(1) && b.presence.isLive(0));
    const seen: boolean[] = [];
    b.presence.onChange(() => seen.push(b.presence.peers()[0]?.live === true));
    await board.stop();
    await eventually('it says so', () => b.lines.some((line) => line.event === 'board_unreachable'));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(b.presence.isLive(0)).toBe(true);
    await board.restart();
    await eventually('it says so', () => b.lines.some((line) => line.event === 'board_restarted'));
    a.presence.update({ stage: 'keygen' });
    await eventually('they hear of each other', () => b.presence.peers()[0]?.status?.stage === 'keygen');
    expect(seen).not.toContain(false);
    expect(b.lines.filter((line) => line.event === 'board_unreachable')).toHaveLength(1);
  });

  it('gives up who does not come back with the board', async () => {
    const [a, b] = [node(0), node(1)];
    await eventually('it is heard of', () => b.presence.isLive(0));
    await a.stop();
    await board.restart();
    await eventually('it is missed', () => !b.presence.isLive(0));
  });

  it('outlives a listener that fails', async () => {
    const [a, b] = [node(0), node(1)];
    await eventually('they hear of each other', () => a.presence.isLive(1) && b.presence.isLive(0));
    b.presence.onChange(() => {
      throw new Error('not my day');
    });
    a.presence.update({ stage: 'aux_info' });
    await eventually('it goes on', () => b.lines.some((line) => line.event === 'presence_callback_failed'));
    a.presence.update({ stage: 'keygen' });
    await eventually('it goes on', () => b.presence.peers()[0]?.status?.stage === 'keygen');
  });

  it('ignores nodes that are not of this cluster', async () => {
    const { presence } = node(0);
    const stranger = node(1);
    await board.client().putNode('node-4', { status: { ...presence.status, incarnation: 'stranger' } });
    await eventually('the other is heard of', () => presence.isLive(1));
    expect(presence.peers().map(({ nodeId }) => nodeId)).toEqual(['node-2', 'node-3']);
    await stranger.stop();
  });

  it('knows how long the board has been silent', async () => {
    const { presence } = node(0);
    expect(presence.boardSilentMs).toBe(Infinity);
    await eventually('the board answers', () => presence.boardSilentMs < 1_000);
    await board.stop();
    await eventually('it is missed', () => presence.boardSilentMs > 1_500);
  });
});

/** Presence of node 1 over a board whose answers, and a clock whose time, the test gives. */
function scripted() {
  let time = 0;
  let answer: (records: NodeRecord[]) => void = () => undefined;
  let restarted = (): void => undefined;
  const client = {
    putNode: () => new Promise<never>(() => undefined),
    listNodes: () =>
      new Promise<NodeRecord[]>((resolve) => {
        answer = resolve;
      }),
    onRestart: (callback: () => void) => {
      restarted = callback;
      return () => undefined;
    },
  };
  const logger = pino({ level: 'silent' });
  const presence = new Presence({ client, logger, index: 0, n: 2, incarnation: 'own', deadAfterMs: 1_000, keygen: IDLE, auxInfo: IDLE, now: () => time });
  void presence.run(new AbortController().signal);
  const changes: boolean[] = [];
  presence.onChange(() => changes.push(presence.peers()[0]?.live === true));
  const status = { ...presence.status, incarnation: 'peer' };
  return {
    presence,
    changes,
    restart: () => {
      restarted();
    },
    /** The board's answer at this time: the other node's last heartbeat was so long ago, or it has none. */
    at: async (now: number, age_ms: number | null) => {
      time = now;
      answer(age_ms === null ? [] : [{ node_id: 'node-2', status, revision: 'r.1', age_ms }]);
      await new Promise((resolve) => setImmediate(resolve));
      return presence.peers()[0]?.live;
    },
  };
}

describe('liveness', () => {
  it('ends with the last heartbeat that is recent enough, and is told once', async () => {
    const { at, changes } = scripted();
    expect([await at(0, 0), await at(500, 500), await at(1_000, 1_000), await at(1_001, 1_001), await at(2_000, 2_000)]).toEqual([true, true, true, false, false]);
    expect(changes).toEqual([true, false]);
  });

  it('begins anew with another life of the board, which has forgotten everybody', async () => {
    const { at, restart, presence, changes } = scripted();
    await at(0, 900);
    restart();
    expect([await at(300, null), await at(1_000, null), presence.ageMs(1)]).toEqual([true, true, 1_000]);
    expect([await at(1_001, null), changes]).toEqual([false, [true, false]]);
    expect(await at(1_200, 10)).toBe(true);
  });

  it('does not begin anew for one that was dead before', async () => {
    const { at, restart } = scripted();
    await at(0, 5_000);
    restart();
    expect(await at(100, null)).toBe(false);
  });
});
