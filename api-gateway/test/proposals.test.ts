/** Which presignature the gateway proposes with a request, if any. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Heartbeat, NodeRecord, NodeStatus } from 'message-board/contract';
import { askingFor } from 'message-board/signing_request';
import type { PeerView } from 'message-board/peer_view';
import type { Identity } from 'sealing/identity';
import { caller } from 'testkit/caller';
import { until } from 'testkit/eventually';
import { heartbeatOf, READY_STATUS } from 'testkit/heartbeat';
import { members } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';
import type { SigningStatus } from '../src/contract.js';
import { Proposals } from '../src/proposals.js';
import { sealedCluster, type SealedCluster } from './sealed_support.js';
import { cluster } from './support.js';

/** The status of a node that offers these presignatures and holds no others. */
const offering = (offers: Record<string, string[]>, patch: Partial<NodeStatus> = {}): Partial<NodeStatus> => ({
  offers,
  pool: Object.fromEntries(Object.entries(offers).map(([label, ids]) => [label, ids.length])),
  ...patch,
});

describe('of what the nodes offer', () => {
  let clock: VirtualClock;
  let proposals: Proposals;
  beforeEach(() => {
    clock = new VirtualClock();
    proposals = new Proposals(members(4, 3).roster, clock);
  });
  /** Node-1 to node-4, which are ready and alive unless a view says otherwise. */
  const nodes = (...views: { readonly says?: Partial<NodeStatus>; readonly ageMs?: number }[]): PeerView[] =>
    [0, 1, 2, 3].map((index) => {
      const { says, ageMs = 0 } = views[index] ?? {};
      return { index, nodeId: `node-${index + 1}`, live: true, status: { ...READY_STATUS, ...says }, ageMs };
    });
  const take = (from: PeerView[], count: number) => Array.from({ length: count }, () => proposals.next(from));

  it('it proposes the oldest, each once, and then none', () => {
    expect(take(nodes({ says: offering({ '1-2-3': ['a', 'b'] }) }), 4)).toEqual(['a', 'b', undefined, undefined]);
  });

  it('it takes from the signer set that has most', () => {
    const more = { says: offering({ '1-2-3': ['a', 'b'], '1-3-4': ['e'] }) };
    const most = { says: offering({ '2-3-4': ['c', 'd'] }, { pool: { '1-2-3': 9, '2-3-4': 4 } }) };
    expect(take(nodes(more, most), 5)).toEqual(['c', 'd', 'a', 'b', 'e']);
    const [as, ms] = [offering({ '1-2-3': ['k', 'l'] }), offering({ '2-3-4': ['m', 'n'] })];
    expect(take(nodes({ says: as }, { says: ms }), 5)).toEqual(['k', 'm', 'l', 'n', undefined]);
  });

  const OFFER = offering({ '1-2-3': ['a'] });
  it.each<[what: string, from: () => PeerView[]]>([
    ['is late', () => nodes({ says: OFFER }, {}, { ageMs: 2_501 })],
    ['is late, the one that offers', () => nodes({ says: OFFER, ageMs: 2_501 })],
    ['is not ready', () => nodes({ says: OFFER }, { says: { stage: 'aux_info' } })],
    ['was never heard of', () => nodes({ says: OFFER }).slice(0, 2)],
    ['says that another has cheated', () => nodes({ says: OFFER }, { says: { culprits: ['node-3'] } })],
  ])('it proposes none of a set of which one %s', (_what, from) => {
    expect(proposals.next(from())).toBeUndefined();
    expect(proposals.next(nodes({ says: OFFER }))).toBe('a');
  });

  it('it proposes one all the same when others than its makers are late, or are called cheats', () => {
    const first = { says: { ...OFFER, culprits: ['node-4'] } };
    const fourth = { says: { stage: 'keygen', culprits: ['node-1'] }, ageMs: 60_000 };
    expect(proposals.next(nodes(first, { ageMs: 2_500 }, {}, fourth))).toBe('a');
  });

  const NO_SETS = ['2-3-4', '1-2', '1-2-3-4', '1-1-2', '1-2-3-3', '1-2-3-9', '1-2-5', '1'];
  it.each(NO_SETS)('it proposes none that node-1 offers of %s', (label) => {
    expect(proposals.next(nodes({ says: offering({ [label]: ['a'] }) }))).toBeUndefined();
  });

  it('it proposes again what is still offered a minute later: the request did not get through', async () => {
    const from = nodes({ says: OFFER });
    expect(take(from, 2)).toEqual(['a', undefined]);
    await clock.advance(60_000);
    expect(proposals.next(from)).toBeUndefined();
    await clock.advance(1);
    expect(take(from, 2)).toEqual(['a', undefined]);
  });

  it('it remembers only those that are still offered', () => {
    for (let k = 0; k < 10; k += 1) {
      const ids = [`a${k}`, `b${k}`];
      expect(take(nodes({ says: offering({ '1-2-3': ids }) }), 3)).toEqual([...ids, undefined]);
    }
    expect(proposals.remembered).toBe(2);
    take(nodes(), 1);
    expect(proposals.remembered).toBe(0);
  });
});

describe('the gateway of a sealed cluster', () => {
  let c: SealedCluster;
  beforeEach(async () => {
    c = await sealedCluster();
    for (const number of [2, 3, 4]) await c.state(number, {});
  });
  afterEach(() => c.stop());

  /** The presignature of a new request, which the board shows and the gateway has signed. */
  const proposed = async (): Promise<string | undefined> => {
    const { request_id } = (await caller(c.app).post('/sign', { message: 'm' })) as SigningStatus;
    const record = await c.nodes.getRequest(request_id);
    if (record === undefined) throw new Error('it is not there');
    expect(record).not.toHaveProperty('naming');
    expect((await askingFor(c.roster, record))?.proposal).toBe(record.presignature_id);
    return record.presignature_id;
  };

  it('proposes what is offered, in the statement by which it asks', async () => {
    await c.state(1, offering({ '1-2-3': ['a', 'b'] }));
    await c.gateway.sweep();
    expect([await proposed(), await proposed(), await proposed()]).toEqual(['a', 'b', undefined]);
  });

  it('hears at once what is offered, and stops with its signal', async () => {
    await c.stop();
    // Time stands still, so that there is one sweep only: what is offered later is not heard of by a sweep.
    c = await sealedCluster({ deps: { clock: new VirtualClock() } });
    for (const number of [2, 3, 4]) await c.state(number, {});
    const stopping = new AbortController();
    const running = c.gateway.run(stopping.signal);
    const readings = (): number => c.liar.asked.filter(({ path }) => path.includes('wait=')).length;
    try {
      await until(() => readings() > 0);
      for (let k = 0; k < 3; k += 1) {
        const before = readings();
        await c.state(1, offering({ '1-2-3': [`a${k}`] }));
        await until(() => readings() > before);
        expect(await proposed()).toBe(`a${k}`);
      }
    } finally {
      stopping.abort();
      await running;
    }
  });

  it('proposes nothing that the board invents, nor what was offered before, nor what a silent node offers', async () => {
    await c.state(1, offering({ '1-2-3': ['old'] }));
    const old = await c.nodes.listNodes();
    await c.state(1, {});
    const stranger = members(5, 3);
    const lie = offering({ '1-2-3': ['x'] });
    const lieBy = (identity: Identity | null, roster = c.roster): Promise<Heartbeat> =>
      heartbeatOf({ ...READY_STATUS, ...lie }, { sequence: 99, ...(identity === null ? {} : { signer: { identity, roster } }) });
    const forged = [await lieBy(null), await lieBy(c.identityOf(2)), await lieBy(c.identityOf(1), stranger.roster)];
    const shown = (statements: Partial<NodeRecord['statements']>) => (records: NodeRecord[]) =>
      records.map((record) => (record.node_id === 'node-1' ? { ...record, statements: { ...record.statements, ...statements } } : record));
    const changes: ((records: NodeRecord[]) => NodeRecord[])[] = [
      ...forged.flatMap(({ statements }) => [shown(statements), shown({ pool: statements.pool })]),
      () => old,
    ];
    await c.gateway.sweep();
    const tell = (change: (records: NodeRecord[]) => NodeRecord[]): void => {
      c.liar.tell((asked, truth) => (asked.path.startsWith('/nodes') ? { ...truth, body: change(truth.body as NodeRecord[]) } : truth));
    };
    for (const change of changes) {
      tell(change);
      await c.gateway.sweep();
      expect(await proposed()).toBeUndefined();
    }
    await c.state(1, offering({ '1-2-3': ['new'] }));
    tell((records) => records.map((record) => ({ ...record, age_ms: 2_600 })));
    await c.gateway.sweep();
    expect(await proposed()).toBeUndefined();
    c.liar.tell((_asked, truth) => truth);
    await c.state(1, offering({ '1-2-3': ['new'] }));
    await c.gateway.sweep();
    expect(await proposed()).toBe('new');
  });

  // A presignature signs once: with another message under the same id, it would be wasted.
  it('posts a request again as it was, with the same presignature, when the board was restarted', async () => {
    await c.state(1, offering({ '1-2-3': ['a'] }));
    await c.gateway.sweep();
    await proposed();
    const [before] = await c.nodes.listRequests();
    await c.stopBoard();
    await c.startBoard();
    await c.gateway.sweep();
    const [again] = await c.nodes.listRequests();
    const { id, message, origin, presignature_id } = before ?? {};
    expect(presignature_id).toBe('a');
    expect(again).toMatchObject({ id, message, origin, presignature_id });
  });
});

describe('the gateway of a plain cluster', () => {
  it('proposes nothing, whatever the board shows', async () => {
    const c = await cluster();
    try {
      await c.nodes.putNode('node-1', await heartbeatOf({ ...READY_STATUS, ...offering({ '1-2-3': ['a'] }) }));
      for (const number of [2, 3]) await c.nodes.putNode(`node-${number}`, await heartbeatOf(READY_STATUS));
      await c.gateway.sweep();
      const { request_id } = (await caller(c.app).post('/sign', { message: 'm' })) as SigningStatus;
      expect(await c.nodes.getRequest(request_id)).not.toHaveProperty('presignature_id');
    } finally {
      await c.stop();
    }
  });
});
