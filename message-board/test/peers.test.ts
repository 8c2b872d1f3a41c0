/** What a member of a sealed cluster makes of what the board shows it of the others. */
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Identity } from 'sealing/identity';
import { heartbeatOf, READY_STATUS, type HeartbeatOptions } from 'testkit/heartbeat';
import { present } from 'testkit/present';
import { members } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';
import type { NodeRecord, NodeStatus } from '../src/contract/contract.js';
import { NO_PROOF, proofBy, type Life, type NodeStatements } from '../src/contract/node_statement.js';
import { accusersOf, canSignTogether, isLate, isReady, largestSignerSet, type PeerView } from '../src/peers/peer_view.js';
import { Peers, type PeersOptions } from '../src/peers/peers.js';

const { roster, identities } = members(4, 3);
const identityOf = (number: number): Identity => present(identities[number - 1]);

type Said = Partial<NodeStatus> & HeartbeatOptions;

/** What the board shows of a node. */
async function record(number: number, { started = 1, sequence = 0, signer, ...status }: Said = {}, age_ms = 0): Promise<NodeRecord> {
  const said = { identity: identityOf(number), roster };
  const heartbeat = await heartbeatOf({ ...READY_STATUS, ...status }, { started, sequence, signer: signer ?? said });
  return { node_id: `node-${number}`, stage: 'x', presignatures: 0, revision: `r.${sequence}`, age_ms, ...heartbeat };
}

/** A reader of what the test says that the board shows. */
function reader(options: Partial<PeersOptions> = {}) {
  const clock = new VirtualClock();
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  let shown: readonly NodeRecord[] = [];
  const asked: (string | undefined)[] = [];
  const restartListeners: (() => void)[] = [];
  const board: PeersOptions['board'] = {
    listNodes: (query) => {
      asked.push(query?.changedAfter);
      return Promise.resolve([...shown]);
    },
    onRestart: (callback) => {
      restartListeners.push(callback);
      return () => undefined;
    },
  };
  const peers = new Peers({ board, n: 4, proof: proofBy(roster), deadAfterMs: 3_000, clock, logger, ...options });
  let changes = 0;
  peers.onChange(() => (changes += 1));
  const show = async (...records: readonly NodeRecord[]) => {
    shown = records;
    return peers.look();
  };
  const restart = (): void => {
    for (const listener of restartListeners) listener();
  };
  const view = (number: number) => present(peers.list().find(({ nodeId }) => nodeId === `node-${number}`));
  return { peers, show, clock, lines, asked, changes: () => changes, restart, view };
}

describe('peers', () => {
  it('are all members, and for one of them all others', async () => {
    expect(reader().peers.list().map(({ nodeId }) => nodeId)).toEqual(['node-1', 'node-2', 'node-3', 'node-4']);
    const self = { index: 2, incarnation: 'x', onOtherLife: () => undefined };
    const { peers, show } = reader({ self });
    expect(await show(await record(1), await record(4), { ...(await record(1)), node_id: 'node-5' })).toEqual(['node-1', 'node-4']);
    expect(peers.list().map(({ nodeId, live }) => [nodeId, live])).toEqual([['node-1', true], ['node-2', false], ['node-4', true]]);
  });

  it('grow older by the clock, whatever the board says of a heartbeat that was seen before', async () => {
    const { show, clock, view } = reader();
    await show(await record(1, {}, 400));
    expect(view(1)).toMatchObject({ live: true, ageMs: 400, status: { stage: 'ready' } });
    await clock.advance(2_600);
    await show(await record(1, {}, 0));
    expect(view(1)).toMatchObject({ live: true, ageMs: 3_000 });
    await clock.advance(1);
    await show(await record(1, {}, 0));
    expect(view(1)).toMatchObject({ live: false, ageMs: 3_001 });
    await show(await record(1, { sequence: 1 }, 100));
    expect(view(1)).toMatchObject({ live: true, ageMs: 100 });
  });

  it('are no news when they say the same again, and are when they say anything else, on whatever topic', async () => {
    const { show, changes } = reader();
    const said: readonly Said[] = [
      {},
      { stage: 'keygen' },
      { keygen: { ...READY_STATUS.keygen, next: 1 } },
      { pool: { '1-2-3': 1 } },
      { attempts: ['a'] },
      { culprits: ['node-2'] },
    ];
    for (const [k, status] of said.entries()) {
      await show(await record(1, { ...status, sequence: 2 * k }));
      await show(await record(1, { ...status, sequence: 2 * k + 1 }));
      expect(changes()).toBe(k + 1);
    }
    await show(await record(1, { incarnation: 'b', started: 2 }));
    expect(changes()).toBe(said.length + 1);
  });

  it('say what the later of two readings has shown, though the earlier one is verified later', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const old = await record(1, { stage: 'keygen', sequence: 1 });
    const proof = proofBy(roster);
    const verify = async (nodeId: string, text: string): Promise<void> => {
      if (text === old.statements.presence) await held;
      await proof.verify(nodeId, text);
    };
    const { show, view, lines } = reader({ proof: { ...proof, verify } });
    const slow = show(old);
    await show(await record(1, { sequence: 2 }));
    release();
    await slow;
    expect(view(1).status?.stage).toBe('ready');
    expect(lines).toEqual([]);
    expect(await show(old)).toEqual([]);
    expect(lines).toMatchObject([{ event: 'node_statement_refused', node_id: 'node-1', level: 40 }]);
  });

  it('do not live on statements that were kept back on one topic and are shown one by one', async () => {
    const { show, clock, view } = reader();
    const pools = await Promise.all([1, 2, 3].map((k) => record(1, { sequence: 10 * k, pool: { '1-2-3': k } })));
    const { presence } = (await record(1, { sequence: 100 })).statements;
    const first = await record(1);
    const last = { ...first, statements: { ...first.statements, presence } };
    await show(last);
    for (const { statements } of pools) {
      await clock.advance(2_000);
      await show({ ...last, statements: { ...last.statements, pool: statements.pool } });
    }
    expect(view(1)).toMatchObject({ live: false, ageMs: 6_000, status: { pool: { '1-2-3': 3 } } });
  });

  it('are heard again when a board that has mixed what they said at different moments is honest', async () => {
    const { show, view, lines } = reader();
    const early = await record(1, { sequence: 1, pool: { '1-2-3': 1 } });
    const later = await record(1, { sequence: 5, pool: { '1-2-3': 5 } });
    const { presence } = (await record(1, { sequence: 9 })).statements;
    await show({ ...early, statements: { ...early.statements, presence } });
    await show({ ...later, statements: { ...later.statements, presence } });
    expect([view(1).status?.pool, lines]).toEqual([{ '1-2-3': 5 }, []]);
  });

  it('fill no log: of each, one refusal is told until it is heard again', async () => {
    const { show, lines } = reader();
    const forged = (sequence: number) => record(1, { sequence, signer: { identity: identityOf(2), roster } });
    for (const sequence of [1, 2, 3]) await show(await forged(sequence));
    expect(lines).toHaveLength(1);
    await show(await record(1));
    await show(await forged(4));
    expect(lines).toHaveLength(2);
  });

  it('are believed whatever comes last where nothing is proven', async () => {
    const { show, view, lines } = reader({ proof: NO_PROOF });
    await show(await record(1, { started: 9, sequence: 9, stage: 'keygen' }));
    await show(await record(1, { started: 1, sequence: 1, stage: 'aux_info' }));
    expect([view(1).status?.stage, lines]).toEqual(['aux_info', []]);
  });

  it('have as much time again when the board was restarted, if they were alive', async () => {
    const { show, clock, view, restart } = reader();
    await show(await record(1), await record(2, {}, 9_000));
    await clock.advance(2_000);
    restart();
    await clock.advance(3_000);
    await show();
    expect([view(1).live, view(2).live]).toEqual([true, false]);
    await clock.advance(1);
    await show();
    expect(view(1)).toMatchObject({ live: false, status: { stage: 'ready' } });
  });

  it('have it once between two heartbeats, however often the board says that it was restarted', async () => {
    const { show, clock, view, restart } = reader();
    await show(await record(1));
    for (let k = 0; k < 4; k++) {
      await clock.advance(1_500);
      restart();
      await show();
    }
    expect(view(1)).toMatchObject({ live: false, ageMs: 4_500 });
    await show(await record(1, { sequence: 1 }));
    await clock.advance(1_500);
    restart();
    expect(view(1)).toMatchObject({ live: true, ageMs: 0 });
  });

  it('are read after the last revision that was seen', async () => {
    const { peers, show, asked } = reader();
    await show(await record(1, { sequence: 3 }), await record(2, { sequence: 7 }));
    const { signal } = new AbortController();
    await peers.lookForNews(signal);
    await peers.lookForNews(signal);
    expect(asked).toEqual([undefined, '0', 'r.7']);
  });
});

describe('a reader that was cut off', () => {
  it('takes nobody for dead whom it last knew to live, until they have had their time again', async () => {
    const { show, clock, view } = reader();
    const said = [await record(1), await record(2, {}, 9_000)];
    await show(...said);
    await clock.advance(40_000);
    await show({ ...present(said[0]), age_ms: 40_000 }, { ...present(said[1]), age_ms: 49_000 });
    expect([view(1).live, view(2).live]).toEqual([true, false]);
    for (const ms of [1_500, 1_500, 1]) {
      await clock.advance(ms);
      await show(...said);
    }
    expect(view(1).live).toBe(false);
  });
});

describe('who follows what the board shows', () => {
  /** A board that answers a reading when the test says so, or else never. */
  function slowBoard() {
    const clock = new VirtualClock();
    const readings: { readonly answer: (records: NodeRecord[]) => void; readonly fail: (error: Error) => void }[] = [];
    const board: PeersOptions['board'] = {
      listNodes: () => new Promise((answer, fail) => readings.push({ answer, fail })),
      onRestart: () => () => undefined,
    };
    const peers = new Peers({ board, n: 4, proof: proofBy(roster), deadAfterMs: 3_000, clock, logger: pino({ level: 'silent' }) });
    const ending = new AbortController();
    const events: string[] = [];
    const following = peers.follow(ending.signal, {
      onAnswer: () => void events.push('answer'),
      onFailure: (error) => void events.push(String(error)),
    });
    /** Lets signatures be verified, which takes no virtual time. */
    const settle = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    const end = async (): Promise<void> => {
      ending.abort(new Error('over'));
      for (const { fail } of readings) fail(new Error('over'));
      await clock.advance(2_000);
      await following;
    };
    return { clock, peers, readings, events, settle, end };
  }

  it('reads on beside a reading that hangs, whose answer counts all the same', async () => {
    const { clock, peers, readings, events, settle, end } = slowBoard();
    await clock.advance(1_499);
    expect(readings).toHaveLength(1);
    await clock.advance(1);
    expect(readings).toHaveLength(2);
    readings[1]?.answer([await record(1, { sequence: 1 })]);
    await settle(() => events.length === 1);
    expect(peers.list()[0]).toMatchObject({ live: true });
    readings[0]?.answer([await record(2)]);
    await settle(() => events.length === 2);
    expect(peers.list().map(({ live }) => live)).toEqual([true, true, false, false]);
    await end();
  });

  it('has a bounded number of them, and reads again a moment after one that fails', async () => {
    const { clock, readings, events, end } = slowBoard();
    await clock.advance(60_000);
    expect(readings).toHaveLength(8);
    readings[0]?.fail(new Error('gone'));
    await clock.advance(1_500);
    expect([events, readings.length]).toEqual([['Error: gone'], 9]);
    readings[8]?.fail(new Error('gone'));
    await clock.advance(249);
    expect(readings).toHaveLength(9);
    await clock.advance(1);
    expect(readings).toHaveLength(10);
    await end();
  });
});

describe('clocks', () => {
  /** Heartbeats of node-1 to node-4, which took so long to the board, from clocks that are so far from the reader's. */
  const at = (clock: VirtualClock, k: number, skews: readonly number[], delays: readonly number[]): Promise<NodeRecord[]> =>
    Promise.all(skews.map((skew, i) => record(i + 1, { sequence: k, clock: clock.now() + skew - (delays[i] ?? 0) - 200 }, 200)));

  it('are compared with the median of the others, the reader\'s own too', async () => {
    const { peers, show, clock } = reader();
    expect(peers.clockSkews().size).toBe(0);
    await show(...(await at(clock, 0, [0, 0, 3_600_000, -90], [0, 0, 0, 0])));
    expect(Object.fromEntries(peers.clockSkews())).toEqual({ 'node-1': 0, 'node-2': 0, 'node-3': 3_600_000, 'node-4': -90, 'self': 0 });
  });

  it('seem behind by the shortest of their last delays, and are forgotten with their node', async () => {
    const { peers, show, clock } = reader();
    for (const [k, delay] of [900, 40, 5_000].entries()) {
      await clock.advance(1_000);
      await show(...(await at(clock, k, [0, 7_000, 0, 0], [10, delay, 10, 10])));
    }
    expect(peers.clockSkews().get('node-2')).toBe(6_970);
    for (let k = 3; k < 12; k += 1) {
      await clock.advance(1_000);
      await show(...(await at(clock, k, [0, 7_000, 0, 0], [10, 900, 10, 10])));
    }
    expect(peers.clockSkews().get('node-2')).toBe(6_110);
    await clock.advance(3_000);
    await show(...(await at(clock, 12, [0], [10])));
    await clock.advance(3_000);
    await show(...(await at(clock, 13, [0], [10])));
    expect(Object.fromEntries(peers.clockSkews())).toEqual({ 'node-1': -10, 'self': 10 });
  });

  it('go on, which is no news', async () => {
    const { show, changes, clock } = reader();
    await show(await record(1, { clock: clock.now() }));
    await show(await record(1, { sequence: 1, clock: clock.now() + 1_000 }));
    expect(changes()).toBe(1);
  });
});

describe('nodes that can sign together', () => {
  const ALL = ['node-1', 'node-2', 'node-3', 'node-4'];
  const others = (...out: readonly string[]): string[] => ALL.filter((nodeId) => !out.includes(nodeId));
  const nodes = (...says: Partial<NodeStatus>[]): PeerView[] => ALL.map((nodeId, index) => ({
    index,
    nodeId: nodeId,
    live: true,
    ageMs: 0,
    status: { ...READY_STATUS, hears: others(nodeId), ...says[index] },
  }));

  it.each<[what: string, from: PeerView[], who: string[]]>([
    ['all', nodes(), ALL],
    ['none that is not ready', nodes({}, { stage: 'impaired' }), ['node-1', 'node-3', 'node-4']],
    ['none that is dead', nodes().map((node) => (node.index === 0 ? { ...node, live: false } : node)), ['node-2', 'node-3', 'node-4']],
    ['not one that accuses all', nodes({ culprits: ['node-2', 'node-3', 'node-4'] }), ['node-2', 'node-3', 'node-4']],
    ['not one that all accuse', nodes({}, ...[2, 3, 4].map(() => ({ culprits: ['node-1'] }))), ['node-2', 'node-3', 'node-4']],
    ['not one that nobody hears', nodes({}, ...[2, 3, 4].map((k) => ({ hears: others('node-1', `node-${k}`) }))), others('node-1')],
    ['one of two that do not hear each other', nodes({ hears: others('node-1', 'node-2') }), others('node-1')],
  ])('are %s', (_what, from, who) => {
    expect(largestSignerSet(from)).toEqual(who);
  });

  const pairs = ALL.flatMap((liar) => others(liar).map((victim) => [liar, victim] as const));

  it.each(pairs)('are three with each honest node, when %s says that it does not hear %s', (liar, victim) => {
    const from = nodes(...ALL.map((nodeId) => (nodeId === liar ? { hears: others(liar, victim) } : {})));
    for (const honest of others(liar)) {
      expect(largestSignerSet(from, honest)).toHaveLength(3);
      expect(largestSignerSet(from, honest)).toContain(honest);
    }
    expect(largestSignerSet(from, liar)).not.toContain(victim);
  });

  it('are none with a node that is not ready', () => {
    expect(largestSignerSet(nodes({ stage: 'impaired' }), 'node-1')).toEqual([]);
  });

  it('are found where the node that fits fewest has to stay', () => {
    // Nodes 1 to 3 sign together. Nodes 4 to 7 hear each other in pairs, and none of the first three, who have most misfits.
    const names = [1, 2, 3, 4, 5, 6, 7].map((k) => `node-${k}`);
    const hears = [[2, 3], [1, 3], [1, 2], [5], [4], [7], [6]].map((some) => some.map((k) => `node-${k}`));
    const alive = { live: true, ageMs: 0 };
    const from = names.map((nodeId, index) => ({ ...alive, index, nodeId, status: { ...READY_STATUS, hears: hears[index] ?? [] } }));
    expect(largestSignerSet(from)).toEqual(['node-1', 'node-2', 'node-3']);
  });
});

describe('another life under the own name', () => {
  const lives = async (said: Said, proven = true): Promise<Life[]> => {
    const heard: Life[] = [];
    const self = { index: 0, incarnation: 'own', onOtherLife: ({ life }: NodeStatements) => void heard.push(life) };
    const { show } = reader({ self, ...(proven ? {} : { proof: NO_PROOF }) });
    await show(await record(1, said));
    return heard;
  };

  it('is told when it is proven', async () => {
    expect(await lives({ incarnation: 'own' })).toEqual([]);
    expect(await lives({ incarnation: 'other', started: 7 })).toEqual([{ incarnation: 'other', started: 7 }]);
    expect(await lives({ incarnation: 'other', signer: { identity: identityOf(2), roster } })).toEqual([]);
    expect(await lives({ incarnation: 'other' }, false)).toEqual([]);
  });
});

describe('signing together', () => {
  type Change = Partial<NodeStatus & Pick<PeerView, 'live' | 'ageMs'>>;
  const peer = (number: number, { live = true, ageMs = 0, ...status }: Change = {}): PeerView => ({
    index: number - 1, nodeId: `node-${number}`, live, ageMs, status: { ...READY_STATUS, ...status },
  });
  const NAMES = ['node-1', 'node-2', 'node-3'];

  it('needs all of them alive and ready', () => {
    expect(canSignTogether([peer(1), peer(2), peer(3)], NAMES)).toBe(true);
    expect(canSignTogether([peer(1), peer(2, { live: false }), peer(3)], NAMES)).toBe(false);
    expect(canSignTogether([peer(1), peer(2, { stage: 'keygen' }), peer(3)], NAMES)).toBe(false);
    expect(isReady({ ...peer(1), status: undefined })).toBe(false);
  });

  it('needs none of them to accuse another one, the reader included', () => {
    expect(canSignTogether([peer(1, { culprits: ['node-4'] }), peer(2), peer(3)], NAMES)).toBe(true);
    expect(canSignTogether([peer(1, { culprits: ['node-3'] }), peer(2), peer(3)], NAMES)).toBe(false);
    expect(canSignTogether([peer(1, { culprits: ['node-3'] }), peer(2)], NAMES)).toBe(false);
  });

  it('knows who accuses whom, and who is late', () => {
    const peers = [peer(1, { culprits: ['node-3'] }), peer(2, { culprits: ['node-2', 'node-3'] }), peer(3, { culprits: ['node-3'] })];
    expect([accusersOf('node-3', peers), accusersOf('node-2', peers)]).toEqual([['node-1', 'node-2'], []]);
    expect([2_500, 2_501, Infinity].map((ageMs) => isLate(peer(1, { ageMs })))).toEqual([false, true, true]);
  });
});
