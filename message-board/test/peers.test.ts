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
import { accusersOf, canSignTogether, isLate, isReady, type PeerView } from '../src/peers/peer_view.js';
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
