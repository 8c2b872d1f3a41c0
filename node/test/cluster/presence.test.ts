import { describe, expect, it } from '@jest/globals';
import type { Heartbeat, NodeRecord, NodeStatus } from 'message-board/contract';
import { pino } from 'pino';
import { Identity } from 'sealing/identity';
import { Roster } from 'sealing/roster';
import { identityText } from 'testkit/fixed_identity';
import { heartbeatOf, READY_STATUS, statusIn } from 'testkit/heartbeat';
import { systemClock } from 'service/clock';
import { ServiceError } from 'service/errors';
import { Presence } from '../../src/cluster/presence.js';
import { PlainSeals, Seals } from '../../src/mail/seals.js';
import { TestBoard } from 'testkit/board';
import { eventually, memoryLog } from '../util/cluster.js';
import { pass, passUntil } from '../util/passing.js';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';

/** Is this peer alive, and past its set-up? */
const isLive = (presence: Presence, party: number): boolean =>
  presence.peers().some(({ index, live, status }) => index === party && live && status?.stage === 'ready');

/** Do these two hear each other, and know that they do? */
const areHeard = (a: Presence, b: Presence): boolean =>
  [[a, 1], [b, 0]].every(([presence, party]) => isLive(presence as Presence, party as number))
  && [a, b].every((presence) => presence.peers().some(({ status }) => status?.hears.length === 1));

/** Whom a node hears as its k-th peer. */
const heardOf = ({ presence }: { readonly presence: Presence }, k: number): string | undefined => presence.peers()[k]?.status?.incarnation;

const sealedCluster = members(3, 2);
const plainCluster = members(3, 2, 'plain');
const IDLE = { ready: false, next: 0, running: null, completed: null, committed: null };

interface Settings {
  readonly incarnation?: string;
  readonly started?: number;
  readonly deadAfterMs?: number;
}

/** A life whose number is only in memory. */
function lifeOf(incarnation: string, started: number) {
  const life = {
    incarnation,
    started,
    outlive: (other: { readonly started: number }) => {
      life.started = other.started + 1;
      return Promise.resolve();
    },
  };
  return life;
}

/** A node's presence over a board. */
function nodeOn(board: TestBoard, cluster: typeof sealedCluster, index: number, settings: Settings = {}) {
  const { incarnation = `of-${index}`, started = 1_000, deadAfterMs = 1_500 } = settings;
  const log = memoryLog();
  const seals = new Seals(cluster.roster, present(cluster.identities[index]));
  let clones = 0;
  const onClone = (): void => void (clones += 1);
  const life = lifeOf(incarnation, started);
  const own = { index, n: 3, life, keygen: IDLE, auxInfo: IDLE };
  const client = board.client(present(cluster.identities[index]));
  const presence = new Presence({ ...own, client, clock: systemClock, logger: log.logger, seals, onClone, deadAfterMs });
  presence.update({ stage: 'ready' });
  const ending = new AbortController();
  const running = presence.run(ending.signal);
  const stop = async (): Promise<void> => {
    ending.abort();
    await running;
  };
  return { presence, stop, lines: log.lines, clones: () => clones, life };
}

interface World {
  readonly board: TestBoard;
  readonly node: (index: number, settings?: Settings) => ReturnType<typeof nodeOn>;
}

type WorldTest = (world: World) => void | Promise<void>;

/** A test with a board of its own: tests mostly wait here, so they run side by side. */
const worldOf = (cluster: typeof sealedCluster, boardRoster: Roster | null = null) => (test: WorldTest) => async (): Promise<void> => {
  const board = await TestBoard.start(boardRoster);
  const stops: (() => Promise<void>)[] = [];
  const node: World['node'] = (index, settings) => {
    const started = nodeOn(board, cluster, index, settings);
    stops.push(started.stop);
    return started;
  };
  try {
    await test({ board, node });
  } finally {
    await Promise.all(stops.map((stop) => stop()));
    await board.close();
  }
};
const sealed = worldOf(sealedCluster);
/** On a board that takes only what is signed and later than what it has. */
const strict = worldOf(sealedCluster, sealedCluster.roster);

describe.each([
  ['sealed', sealedCluster],
  ['plain', plainCluster],
])('presence in a %s cluster', (_, cluster) => {
  const world = worldOf(cluster);

  it.concurrent('knows nobody before it has heard of them, but itself', world(({ node }) => {
    const { presence } = node(1);
    expect(presence.peers()).toEqual([
      { index: 0, nodeId: 'node-1', live: false, ageMs: Infinity, status: undefined },
      { index: 2, nodeId: 'node-3', live: false, ageMs: Infinity, status: undefined },
    ]);
    expect(isLive(presence, 0)).toBe(false);
  }));

  it.concurrent('tells the others at once what changes, and calls them back', world(async ({ node }) => {
    const [a, b] = [node(0), node(1)];
    await eventually('they hear of each other', () => areHeard(a.presence, b.presence));
    let called = 0;
    const unsubscribe = b.presence.onChange(() => {
      called += 1;
    });
    a.presence.update({ stage: 'refusing', pool: { '1-2': 3 } });
    await eventually('the other hears of it', () => b.presence.peers()[0]?.status?.stage === 'refusing');
    expect(b.presence.peers()[0]).toMatchObject({ live: true, status: { incarnation: 'of-0', pool: { '1-2': 3 } } });
    expect(isLive(b.presence, 0)).toBe(false);
    expect(called).toBe(1);
    unsubscribe();
    a.presence.update({ stage: 'keygen' });
    await eventually('the other hears of it', () => b.presence.peers()[0]?.status?.stage === 'keygen');
    expect(called).toBe(1);
  }));

  it.concurrent('does not call back for a mere heartbeat', world(async ({ node }) => {
    const [a, b] = [node(0), node(1)];
    await eventually('they hear of each other', () => areHeard(a.presence, b.presence));
    let called = 0;
    b.presence.onChange(() => {
      called += 1;
    });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(called).toBe(0);
    expect(isLive(b.presence, 0)).toBe(true);
  }));

  it.concurrent('notices who dies, and who starts again', world(async ({ node }) => {
    const [a, b] = [node(0), node(1)];
    await eventually('it is heard of', () => isLive(b.presence, 0));
    await a.stop();
    await eventually('it is missed', () => !isLive(b.presence, 0));
    expect(b.presence.peers()[0]?.ageMs).toBeGreaterThan(1_500);
    node(0, { incarnation: 'second', started: 2_000 });
    await eventually('it is back', () => isLive(b.presence, 0));
    expect(b.presence.peers()[0]?.status?.incarnation).toBe('second');
  }));

  it.concurrent('survives a restart of the board, during which nobody counts as dead', world(async ({ board, node }) => {
    const [a, b] = [node(0), node(1)];
    await eventually('they hear of each other', () => areHeard(a.presence, b.presence));
    const seen: boolean[] = [];
    b.presence.onChange(() => seen.push(b.presence.peers()[0]?.live === true));
    await board.stop();
    await eventually('it says so', () => b.lines.some((line) => line.event === 'board_unreachable'));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(isLive(b.presence, 0)).toBe(true);
    await board.restart();
    await eventually('it says so', () => b.lines.some((line) => line.event === 'board_restarted'));
    a.presence.update({ stage: 'keygen' });
    await eventually('they hear of each other', () => b.presence.peers()[0]?.status?.stage === 'keygen');
    expect(seen).not.toContain(false);
    expect(b.lines.filter((line) => line.event === 'board_unreachable')).toHaveLength(1);
  }));

  it.concurrent('gives up who does not come back with the board', world(async ({ board, node }) => {
    const [a, b] = [node(0), node(1)];
    await eventually('it is heard of', () => isLive(b.presence, 0));
    await a.stop();
    await board.restart();
    await eventually('it is missed', () => !isLive(b.presence, 0));
  }));

  it.concurrent('outlives a listener that fails', world(async ({ node }) => {
    const [a, b] = [node(0), node(1)];
    await eventually('they hear of each other', () => areHeard(a.presence, b.presence));
    b.presence.onChange(() => {
      throw new Error('not my day');
    });
    a.presence.update({ stage: 'aux_info' });
    await eventually('it goes on', () => b.lines.some((line) => line.event === 'presence_callback_failed'));
    a.presence.update({ stage: 'keygen' });
    await eventually('it goes on', () => b.presence.peers()[0]?.status?.stage === 'keygen');
  }));

  it.concurrent('ignores nodes that are not of this cluster', world(async ({ board, node }) => {
    const { presence } = node(0);
    const stranger = node(1);
    await board.client().putNode('node-4', await heartbeatOf({ ...presence.status, incarnation: 'stranger' }));
    await eventually('the other is heard of', () => isLive(presence, 1));
    expect(presence.peers().map(({ nodeId }) => nodeId)).toEqual(['node-2', 'node-3']);
    await stranger.stop();
  }));

  it.concurrent('knows how long the board has been silent', world(async ({ board, node }) => {
    const { presence } = node(0);
    expect(presence.boardSilentMs).toBe(Infinity);
    await eventually('the board answers', () => presence.boardSilentMs < 1_000);
    await board.stop();
    await eventually('it is missed', () => presence.boardSilentMs > 1_500);
  }));
});

/** Presence of node-1 over a board whose answers, and a clock whose time, the test gives. */
function scripted() {
  let time = 0;
  let answer: (records: NodeRecord[]) => void = () => undefined;
  const restartListeners: (() => void)[] = [];
  const client = {
    instance: 'life-1',
    putNode: () => new Promise<never>(() => undefined),
    listNodes: () =>
      new Promise<NodeRecord[]>((resolve) => {
        answer = resolve;
      }),
    onRestart: (callback: () => void) => {
      restartListeners.push(callback);
      return () => undefined;
    },
  };
  const logger = pino({ level: 'silent' });
  const seals = new PlainSeals(plainCluster.roster, present(plainCluster.identities[0]));
  const options = { client, logger, seals, index: 0, n: 2, life: lifeOf('own', 1), onClone: () => undefined, deadAfterMs: 1_000 };
  const presence = new Presence({ ...options, keygen: IDLE, auxInfo: IDLE, clock: { ...systemClock, monotonic: () => time } });
  void presence.run(new AbortController().signal);
  const changes: boolean[] = [];
  presence.onChange(() => changes.push(presence.peers()[0]?.live === true));
  const shown = async (now: number, records: NodeRecord[]): Promise<boolean | undefined> => {
    time = now;
    answer(records);
    await new Promise((resolve) => setImmediate(resolve));
    return presence.peers()[0]?.live;
  };
  const record = async (of: number, age_ms: number): Promise<NodeRecord> => {
    const said = await heartbeatOf(READY_STATUS, { sequence: 10_000 + of });
    return { node_id: 'node-2', stage: 'ready', presignatures: 0, ...said, revision: 'r.1', age_ms };
  };
  return {
    presence,
    changes,
    restart: () => {
      for (const listener of restartListeners) listener();
    },
    /** The board's answer at this time: the other node's last heartbeat was so long ago, or it has none. */
    at: async (now: number, age_ms: number | null) => shown(now, age_ms === null ? [] : [await record(now - age_ms, age_ms)]),
    /** The board shows a heartbeat of the past, and says that it has just come. */
    repeated: async (now: number, of: number) => shown(now, [await record(of, 0)]),
  };
}

describe('liveness', () => {
  it('ends with the last heartbeat that is recent enough, and is told once', async () => {
    const { at, changes } = scripted();
    const live = [await at(0, 0), await at(500, 500), await at(1_000, 1_000), await at(1_001, 1_001), await at(2_000, 2_000)];
    expect(live).toEqual([true, true, true, false, false]);
    expect(changes).toEqual([true, false]);
  });

  it('is not prolonged by a heartbeat that is shown again', async () => {
    const { at, repeated, presence } = scripted();
    await at(0, 0);
    expect([await repeated(1_000, 0), await repeated(1_001, 0), presence.peers()[0]?.ageMs]).toEqual([true, false, 1_001]);
    expect(await repeated(1_500, 1)).toBe(true);
  });

  it('begins anew with another life of the board, which has forgotten everybody', async () => {
    const { at, restart, presence, changes } = scripted();
    await at(0, 900);
    restart();
    expect([await at(300, null), await at(1_000, null), presence.peers()[0]?.ageMs]).toEqual([true, true, 1_000]);
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

interface Said {
  readonly signer?: Identity | null;
  readonly roster?: Roster;
  readonly started?: number;
  readonly sequence?: number;
  readonly status?: Record<string, unknown>;
}
const NODE_STATUS: NodeStatus = { ...READY_STATUS, incarnation: 'of-1', stage: 'keygen' };

/** What node-2 states, unless something is changed about it. */
function heartbeat(said: Said = {}) {
  const { signer: identity = present(sealedCluster.identities[1]), roster = sealedCluster.roster } = said;
  const { started = 1_000, sequence = 5, status = {} } = said;
  return heartbeatOf({ ...NODE_STATUS, ...status }, { started, sequence, ...(identity === null ? {} : { signer: { identity, roster } }) });
}

describe('what a node is said to say', () => {
  const put = async (board: TestBoard, said: Heartbeat): Promise<unknown> => board.client().putNode('node-2', said);
  const REFUSED = 'node_statement_refused';

  it.concurrent.each<[string, RegExp, () => Promise<Heartbeat>]>([
    ['unsigned', /^presence: /, () => heartbeat({ signer: null })],
    [
      'signed by a stranger',
      /^presence: the signature of node-2 is not valid/,
      () => heartbeat({ signer: Identity.parse(identityText('node-2', 'of another cluster')) }),
    ],
    ['signed by another member', /^presence: signed by node-3/, () => heartbeat({ signer: present(sealedCluster.identities[2]) })],
    [
      'signed for another roster',
      /another roster/,
      () => heartbeat({ roster: new Roster({ ...sealedCluster.roster.file, cluster: 'f'.repeat(32) }) }),
    ],
    ['in part of another member', /^pool: signed by node-3/, async () => {
      const { pool } = (await heartbeat({ signer: present(sealedCluster.identities[2]) })).statements;
      return { statements: { ...(await heartbeat()).statements, pool } };
    }],
  ])('does not count when it is %s: the node is as good as not heard', (_, reason, said) => sealed(async ({ board, node }) => {
    const { presence, lines } = node(0);
    await put(board, await said());
    await eventually('it is refused', () => lines.some(({ event }) => event === REFUSED));
    expect(presence.peers()[0]).toMatchObject({ live: false, status: undefined });
    await put(board, await said());
    await put(board, await heartbeat());
    await eventually('what it has signed is heard', () => presence.peers()[0]?.status?.stage === 'keygen');
    const refused = lines.filter(({ event }) => event === REFUSED);
    expect(refused).toEqual([expect.objectContaining({ node_id: 'node-2', reason: expect.stringMatching(reason) })]);
  })());

  it.concurrent.each<[string, () => Promise<Heartbeat>]>([
    ['an earlier one of the same life', () => heartbeat({ sequence: 4, status: { stage: 'ready' } })],
    ['one of an earlier life', () => heartbeat({ started: 999, sequence: 99, status: { stage: 'ready' } })],
    ['another one under the same number', () => heartbeat({ status: { stage: 'refusing' } })],
    ['one that is earlier on one topic', async () => {
      const { pool } = (await heartbeat({ sequence: 4, status: { pool: { '1-2': 9 } } })).statements;
      return { statements: { ...(await heartbeat({ sequence: 6, status: { stage: 'ready' } })).statements, pool } };
    }],
  ])('is not replaced by %s, and what is shown again does not keep it alive', (_, earlier) => sealed(async ({ board, node }) => {
    const { presence, lines } = node(0);
    await put(board, await heartbeat());
    await eventually('it is heard', () => presence.peers()[0]?.live === true);
    const [said, shown] = [await heartbeat(), await earlier()];
    const until = performance.now() + 2_500;
    for (let k = 0; performance.now() < until; k++) {
      await put(board, k % 4 === 0 ? said : shown);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(presence.peers()[0]).toMatchObject({ live: false, status: { stage: 'keygen', pool: {} } });
    expect(lines.filter(({ event }) => event === REFUSED)).toHaveLength(1);
  })());

  it.concurrent('is the same text while it is the same, so that the board sees no news in a heartbeat', sealed(async ({ board, node }) => {
    const { presence } = node(0);
    const client = board.client();
    const revisions = new Set<string>();
    await eventually('it is there', () => presence.boardSilentMs < 1_000);
    for (let k = 0; k < 15; k++) {
      for (const { revision } of await client.listNodes()) revisions.add(revision);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect(revisions.size).toBe(1);
  }));
});

describe('a heartbeat that the board refuses', () => {
  it('is told once, with the reason, and is not a board that does not answer', async () => {
    const clock = new VirtualClock();
    const log = memoryLog();
    const sent: Heartbeat[] = [];
    let answer: ServiceError | null = new ServiceError(403, 'invalid_statement', 'statements: node-1 is not in the roster');
    const client = {
      instance: 'life-1',
      putNode: (_nodeId: string, heartbeat: Heartbeat) => {
        sent.push(heartbeat);
        return answer === null ? Promise.resolve({ node_id: 'node-1', revision: 'r.1' }) : Promise.reject(answer);
      },
      listNodes: ({ wait = 0 } = {}) => new Promise<NodeRecord[]>((resolve) => clock.after(wait, () => {
        resolve([]);
      })),
      onRestart: () => () => undefined,
    };
    const seals = new Seals(sealedCluster.roster, present(sealedCluster.identities[0]));
    const own = { index: 0, n: 3, life: lifeOf('own', 1), keygen: IDLE, auxInfo: IDLE };
    const presence = new Presence({ ...own, client, clock, logger: log.logger, seals, onClone: () => undefined, deadAfterMs: 3_000 });
    const life = new AbortController();
    const running = presence.run(life.signal);
    await passUntil(clock, () => sent.length === 3);
    expect(presence.refusal).toBe('invalid_statement');
    expect(log.lines.map(({ event, code }) => [event, code])).toEqual([['heartbeat_refused', 'invalid_statement']]);
    expect(sent.map((heartbeat) => statusIn(heartbeat).board)).toEqual(['life-1', 'life-1', 'life-1']);
    answer = null;
    await passUntil(clock, () => sent.length === 4);
    await pass(clock, 25);
    expect(presence.refusal).toBeNull();
    life.abort();
    await pass(clock, 1_000);
    await running;
  });
});

describe('two processes with one identity', () => {
  it.concurrent('the one that began earlier stops, the other goes on', sealed(async ({ board, node }) => {
    const first = node(1, { incarnation: 'first', started: 1_000 });
    const other = node(0);
    await eventually('it is heard', () => isLive(other.presence, 1));
    const second = node(1, { incarnation: 'second', started: 2_000 });
    await eventually('it is noticed', () => first.clones() === 1);
    expect(first.presence.status.stage).toBe('refusing');
    expect(first.lines.filter(({ event }) => event === 'clone_detected')).toMatchObject([{ level: 50, other: 'second' }]);
    await eventually('the later one is heard', () => other.presence.peers()[0]?.status?.incarnation === 'second');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await board.client().listNodes()).map((record) => statusIn(record).incarnation)).toEqual(['of-0', 'second']);
    expect([second.clones(), other.clones(), isLive(other.presence, 1)]).toEqual([0, 0, true]);
  }));

  it.concurrent('the later one stops when the earlier one has the larger number, and goes on', strict(async ({ node }) => {
    // On a busy machine the first one is silent for seconds, and must not be taken for dead.
    const deadAfterMs = 120_000;
    const first = node(1, { incarnation: 'first', started: 9_000, deadAfterMs });
    const other = node(0, { deadAfterMs });
    await eventually('it is heard', () => isLive(other.presence, 1));
    const second = node(1, { incarnation: 'second', started: 2_000, deadAfterMs });
    await eventually('the second one notices', () => second.clones() === 1);
    expect(second.lines.filter(({ event }) => event === 'clone_detected')).toMatchObject([{ other: 'first' }]);
    await eventually('the first one is alive', () => isLive(other.presence, 1));
    expect([first.clones(), other.presence.peers()[0]?.status?.incarnation]).toEqual([0, 'first']);
  }));

  it.concurrent('a life whose number is lost takes a larger one than the life that has ended', strict(async ({ node }) => {
    const other = node(0);
    const ended = node(1, { incarnation: 'an-hour-ahead', started: 3_600_000 });
    await eventually('it is heard', () => isLive(other.presence, 1));
    await ended.stop();
    const { clones, lines, life } = node(1, { incarnation: 'right-again', started: 1_000 });
    await eventually('the new life is heard', () => isLive(other.presence, 1) && heardOf(other, 0) === 'right-again');
    expect([clones(), life.started, ended.clones()]).toEqual([0, 3_600_001, 0]);
    expect(lines.filter(({ event }) => event === 'life_outlived')).toMatchObject([{ other: 'an-hour-ahead' }]);
  }));

  it.concurrent('a process is no clone of its own earlier life, nor of one that a stranger has made up', sealed(async ({ board, node }) => {
    const client = board.client();
    const signer = Identity.parse(identityText('node-1', 'of another cluster'));
    const said = [
      await heartbeat({ signer: present(sealedCluster.identities[0]), started: 999, status: { incarnation: 'earlier' } }),
      await heartbeat({ signer, started: 9_999, status: { incarnation: 'stranger' } }),
      await heartbeat({ started: 9_999, status: { incarnation: 'of-another-node' } }),
    ];
    const { clones, presence } = node(0, { started: 1_000 });
    for (const each of said) {
      await client.putNode('node-1', each);
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    expect([clones(), presence.status.stage]).toEqual([0, 'ready']);
  }));
});
