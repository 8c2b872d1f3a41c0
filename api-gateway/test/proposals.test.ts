/** Which presignature the gateway proposes with a request, if any. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Heartbeat, NodeRecord, NodeStatus } from 'message-board/contract';
import { askingFor } from 'message-board/signing_request';
import type { PeerView } from 'message-board/peer_view';
import type { Identity } from 'sealing/identity';
import { NAMING } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { caller } from 'testkit/caller';
import { until } from 'testkit/eventually';
import { heartbeatOf, READY_STATUS } from 'testkit/heartbeat';
import { members, originOf } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';
import type { SigningStatus } from '../src/contract.js';
import { Proposals } from '../src/proposals.js';
import { sealedCluster, type SealedCluster } from './sealed_support.js';
import { cluster } from './support.js';

/** What a node states that holds these presignatures. */
const holding = (offers: Record<string, string[]>, patch: Partial<NodeStatus> = {}): Partial<NodeStatus> => ({
  offers,
  pool: Object.fromEntries(Object.entries(offers).map(([label, ids]) => [label, ids.length])),
  ...patch,
});

describe('of what the nodes hold', () => {
  let proposals: Proposals;
  beforeEach(() => {
    proposals = new Proposals(members(4, 3).roster);
  });
  interface View {
    readonly says?: Partial<NodeStatus>;
    readonly ageMs?: number;
  }
  /** Node-1 to node-4, which are ready and alive, and hold what they have made, unless a view of one says otherwise. */
  const nodes = (held: Record<string, string[]>, views: readonly View[] = []): PeerView[] =>
    [0, 1, 2, 3].map((index) => {
      const { says, ageMs = 0 } = views[index] ?? {};
      const own = Object.fromEntries(Object.entries(held).filter(([label]) => label.split('-').includes(String(index + 1))));
      return { index, nodeId: `node-${index + 1}`, live: true, status: { ...READY_STATUS, ...holding(own), ...says }, ageMs };
    });
  const take = (from: PeerView[], count: number) => Array.from({ length: count }, () => proposals.next(from));

  it('it proposes the oldest, each once, and then none', () => {
    expect(take(nodes({ '1-2-3': ['a', 'b'] }), 4)).toEqual(['a', 'b', undefined, undefined]);
  });

  it('it takes from the signer set that has most', () => {
    const from = nodes({ '1-2-3': ['a', 'b'], '1-3-4': ['e'], '2-3-4': ['c', 'd', 'f'] });
    expect(proposals.counts(from)).toEqual({ '1-2-3': 2, '1-3-4': 1, '2-3-4': 3 });
    expect(take(from, 7)).toEqual(['c', 'a', 'd', 'b', 'e', 'f', undefined]);
    expect(proposals.counts(from)).toEqual({});
  });

  it.each([
    ['last from a set with a member that so many suspect that one of them is honest', [1, 3], ['c', 'a', 'b']],
    ['as ever when those who suspect might all be cheats', [3], ['a', 'b', 'c']],
    ['as ever when a node suspects itself', [3, 4], ['a', 'b', 'c']],
  ])('it takes %s', (_what, suspecting, expected) => {
    const held = { '1-2-4': ['a', 'b'], '1-2-3': ['c'] };
    const own = (number: number) => Object.fromEntries(Object.entries(held).filter(([label]) => label.includes(String(number))));
    const says = (number: number) => ({ says: holding(own(number), { suspects: suspecting.includes(number) ? ['node-4'] : [] }) });
    expect(take(nodes(held, [1, 2, 3, 4].map(says)), 3)).toEqual(expected);
  });

  it('it proposes only what all makers state', () => {
    const without = (number: number, id: string): PeerView[] => {
      const left = ['a', 'b'].filter((each) => each !== id);
      return nodes({ '1-2-3': ['a', 'b'] }, [1, 2, 3].map((other) => (other === number ? { says: holding({ '1-2-3': left }) } : {})));
    };
    for (const number of [1, 2, 3]) expect(proposals.counts(without(number, 'a'))).toEqual({ '1-2-3': 1 });
    expect([...take(without(3, 'a'), 2), ...take(without(2, 'b'), 2)]).toEqual(['b', undefined, 'a', undefined]);
    expect(proposals.next(nodes({ '1-2-3': ['c'] }, [{}, { says: { offers: undefined } }]))).toBeUndefined();
  });

  const HELD = { '1-2-3': ['a'] };
  it.each<[what: string, from: () => PeerView[]]>([
    ['is late', () => nodes(HELD, [{}, { ageMs: 2_501 }])],
    ['is late, the first one', () => nodes(HELD, [{ ageMs: 2_501 }])],
    ['is not ready', () => nodes(HELD, [{}, { says: { stage: 'aux_info' } }])],
    ['is impaired', () => nodes(HELD, [{}, {}, { says: { stage: 'impaired' } }])],
    ['was never heard of', () => nodes(HELD).slice(0, 2)],
    ['says that another has cheated', () => nodes(HELD, [{}, { says: { culprits: ['node-3'] } }])],
  ])('it proposes none of a set of which one %s', (_what, from) => {
    expect([proposals.counts(from()), proposals.next(from())]).toEqual([{}, undefined]);
    expect(proposals.next(nodes(HELD))).toBe('a');
  });

  it('it proposes one all the same when others than its makers are late, or are called cheats', () => {
    const fourth = { says: { stage: 'keygen', culprits: ['node-1'] }, ageMs: 60_000 };
    expect(proposals.next(nodes(HELD, [{ says: { culprits: ['node-4'] } }, { ageMs: 2_500 }, {}, fourth]))).toBe('a');
  });

  const NO_SETS = ['1-2', '1-2-3-4', '1-1-2', '1-2-3-3', '3-2-1', '1-2-9', '1-2-5', '1'];
  it.each(NO_SETS)('it proposes none of %s, which is no signer set', (label) => {
    expect(proposals.next(nodes({ [label]: ['a'] }))).toBeUndefined();
  });

  it('it never proposes one again, however long it is still stated, or is stated again', () => {
    const from = nodes(HELD);
    expect(take(from, 2)).toEqual(['a', undefined]);
    expect([...take(nodes({}), 1), ...take(from, 1)]).toEqual([undefined, undefined]);
  });

  it('it proposes again what was given back, the oldest first', () => {
    const from = nodes({ '1-2-3': ['a', 'b'] });
    expect(take(from, 2)).toEqual(['a', 'b']);
    for (const id of ['b', 'a', 'never proposed']) proposals.giveBack(id);
    expect(take(from, 3)).toEqual(['a', 'b', undefined]);
  });

  it('it remembers a bounded number', () => {
    for (let k = 0; k <= 10_000; k += 1) expect(proposals.next(nodes({ '1-2-3': [`p${k}`] }))).toBe(`p${k}`);
    expect(take(nodes({ '1-2-3': ['p1', 'p10000'] }), 1)).toEqual([undefined]);
    expect(take(nodes({ '1-2-3': ['p0'] }), 1)).toEqual(['p0']);
  });
});

describe('the gateway of a sealed cluster', () => {
  let c: SealedCluster;
  beforeEach(async () => {
    c = await sealedCluster();
    await c.state(4, {});
  });
  afterEach(() => c.stop());

  /** Node-1 to node-3 state that they hold these presignatures of theirs. */
  const hold = async (...ids: string[]): Promise<void> => {
    for (const number of [2, 3, 1]) await c.state(number, holding({ '1-2-3': ids }, { public_key: c.signer.publicKey }));
  };

  /** The board assigns this presignature to a request that this gateway knows nothing of. */
  const assign = async (presignature_id: string): Promise<void> => {
    const id = `req_9_${presignature_id}`;
    const origin = await originOf({ roster: c.roster, gateway: c.gatewayIdentity, identities: [] }, id, 'm', 0, presignature_id);
    await c.nodes.createRequest({ id, message: 'm', origin, presignature_id });
  };

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
    await hold('a', 'b');
    await c.gateway.sweep();
    expect([await proposed(), await proposed(), await proposed()]).toEqual(['a', 'b', undefined]);
  });

  it('proposes none for a digest: whoever has chosen it may have known the presignature', async () => {
    await hold('p');
    await c.gateway.sweep();
    const { request_id: id } = (await caller(c.app).post('/sign', { digest: 'ab'.repeat(32) })) as SigningStatus;
    const record = await c.nodes.getRequest(id);
    expect(record !== undefined && (await askingFor(c.roster, record))?.proposal).toBeUndefined();
    expect(record?.presignature_id).toBeUndefined();
    const { request_id: other } = (await caller(c.app).post('/sign', { bytes: 'ab'.repeat(32), hash: 'keccak256' })) as SigningStatus;
    expect((await c.nodes.getRequest(other))?.presignature_id).toBe('p');
  });

  it('proposes none for a request that it does not keep', async () => {
    await c.stop();
    c = await sealedCluster({ deps: { maxUnfinished: 3 } });
    await c.state(4, {});
    await hold('a', 'b', 'c', 'd');
    await c.gateway.sweep();
    const ask = (key?: string) => c.gateway.sign({ message: 'm' }, key, 0, new AbortController().signal);
    const [first, second] = await Promise.all([ask('k'), ask('k')]);
    expect(first).toEqual(second);
    const burst = Array.from({ length: 3 }, () => ask());
    const refused = (await Promise.allSettled(burst)).flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    expect(refused).toMatchObject([{ status: 429, code: 'too_many_unfinished' }]);
    const used = (await c.nodes.listRequests()).map(({ presignature_id }) => presignature_id);
    expect(['a', 'b', 'c', 'd'].filter((id) => used.includes(id))).toHaveLength(3);
    expect((await c.gateway.health()).presignatures).toEqual({ '1-2-3': 1 });
  });

  it('hears at once what is offered, and stops with its signal', async () => {
    await c.stop();
    // Time stands still, so that there is one sweep only: what is offered later is not heard of by a sweep.
    c = await sealedCluster({ deps: { clock: new VirtualClock() } });
    const stopping = new AbortController();
    const running = c.gateway.run(stopping.signal);
    const readings = (): number => c.liar.asked.filter(({ path }) => path.includes('wait=')).length;
    try {
      await until(() => readings() > 0);
      for (let k = 0; k < 3; k += 1) {
        await hold(`a${k}`);
        await until(async () => (await c.gateway.health()).presignatures['1-2-3'] === 1);
        expect(await proposed()).toBe(`a${k}`);
      }
    } finally {
      stopping.abort();
      await running;
    }
  });

  it('proposes nothing that the board invents, nor what was offered before, nor what a silent node offers', async () => {
    await hold('old');
    const old = await c.nodes.listNodes();
    await hold();
    const stranger = members(5, 3);
    const lie = holding({ '1-2-3': ['x'] });
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
    await hold('new');
    tell((records) => records.map((record) => ({ ...record, age_ms: 2_600 })));
    await c.gateway.sweep();
    expect(await proposed()).toBeUndefined();
    c.liar.tell((_asked, truth) => truth);
    await hold('new');
    await c.gateway.sweep();
    expect(await proposed()).toBe('new');
  });

  it('proposes another one where the board has assigned the first, and none where it has assigned all', async () => {
    await hold('a', 'b', 'c', 'd', 'e', 'f', 'g');
    await c.gateway.sweep();
    for (const id of ['a', 'c', 'd', 'e', 'f']) await assign(id);
    expect([await proposed(), await proposed(), await proposed(), await proposed()]).toEqual(['b', undefined, 'g', undefined]);
  });

  it('does that once where the sweep and clients post the same request at the same time, and hears of its signature', async () => {
    await hold('a', 'b', 'c', 'd');
    await c.gateway.sweep();
    const { request_id: id } = (await caller(c.app).post('/sign', { message: 'm' })) as SigningStatus;
    await c.stopBoard();
    await c.startBoard();
    await hold('a', 'b', 'c', 'd');
    await assign('a');
    const never = new AbortController().signal;
    await Promise.all([c.gateway.sweep(), c.gateway.status(id, 0, never), c.gateway.status(id, 0, never)]);
    expect(await c.nodes.getRequest(id)).toMatchObject({ presignature_id: 'b' });
    expect(await proposed()).toBe('c');
    await c.finish(id);
    expect(await caller(c.app).get(`/status/${id}`)).toMatchObject({ status: 'completed' });
  });

  it('takes a request as the board has it where its own disk is from before it proposed another presignature', async () => {
    await hold('a', 'b', 'c');
    await assign('a');
    await c.gateway.sweep();
    const { request_id: id } = (await caller(c.app).post('/sign', { message: 'm' })) as SigningStatus;
    const { message = '', origin = '' } = (await c.nodes.getRequest(id)) ?? {};
    const old = await originOf({ roster: c.roster, gateway: c.gatewayIdentity, identities: [] }, id, message, 0, 'a');
    await c.store.replacePosted(id, origin, { message, origin: old, presignature_id: 'a' });
    await c.gateway.sweep();
    expect((await c.store.get(id))?.state).toMatchObject({ posted: { message, origin, presignature_id: 'b' } });
    await c.finish(id);
    expect(await caller(c.app).get(`/status/${id}`)).toMatchObject({ status: 'completed' });
  });

  it('shows a client that asks meanwhile that it is pending', async () => {
    await hold('a', 'b');
    await c.gateway.sweep();
    const { request_id: id } = (await caller(c.app).post('/sign', { message: 'm' })) as SigningStatus;
    const { message = '', origin = '' } = (await c.nodes.getRequest(id)) ?? {};
    await c.stopBoard();
    await c.startBoard();
    await hold('a', 'b');
    const asked = c.liar.asked.length;
    const release = c.liar.hang();
    const shown = caller(c.app).get(`/status/${id}`);
    await until(() => c.liar.asked.slice(asked).some(({ path }) => path.startsWith(`/requests/${id}`)));
    const other = await originOf({ roster: c.roster, gateway: c.gatewayIdentity, identities: [] }, id, message, 0, 'b');
    await c.store.replacePosted(id, origin, { message, origin: other, presignature_id: 'b' });
    await c.nodes.createRequest({ id, message, origin: other, presignature_id: 'b' });
    release();
    expect(await shown).toEqual({ request_id: id, status: 'pending' });
  });

  it('posts a request that it has taken over with what it has proposed itself, not with what a node has named', async () => {
    await hold();
    await c.gateway.sweep();
    const { request_id: id } = (await caller(c.app).post('/sign', { message: 'm' })) as SigningStatus;
    const naming = await sign(c.identityOf(1), c.roster, NAMING, { request_id: id, presignature_id: 'named' });
    await c.nodes.updateRequest(id, { presignature_id: 'named', naming });
    await c.restartGateway(() => rm(join(c.folder, 'gateway.sqlite')));
    await c.gateway.sweep();
    await c.stopBoard();
    await c.startBoard();
    await c.gateway.sweep();
    expect(await c.nodes.getRequest(id)).toMatchObject({ status: 'pending' });
  });

  // A presignature signs once: with another message under the same id, it would be wasted.
  it('posts a request again as it was, with the same presignature, when the board was restarted', async () => {
    await hold('a');
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
      const said = await heartbeatOf({ ...READY_STATUS, ...holding({ '1-2-3': ['a'] }) });
      for (const number of [1, 2, 3]) await c.nodes.putNode(`node-${number}`, said);
      await c.gateway.sweep();
      const { request_id } = (await caller(c.app).post('/sign', { message: 'm' })) as SigningStatus;
      expect(await c.nodes.getRequest(request_id)).not.toHaveProperty('presignature_id');
    } finally {
      await c.stop();
    }
  });
});
