import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TOPICS, type RequestRecord } from 'message-board/contract';
import { nodeId } from '../../src/base/utils.js';
import { signerSets } from '../../src/cluster/signer_sets.js';
import { eventually, SigningCluster } from '../util/cluster.js';
import { present } from 'testkit/present';
import { originOf } from 'testkit/roster';

describe('a cluster with a pool', () => {
  let cluster: SigningCluster;
  beforeAll(async () => {
    cluster = await SigningCluster.start({
      settings: { POOL_TARGET: '8', POOL_MAX: '12', FAST_SIGNING_TIMEOUT_MS: '60000', PEER_DEAD_AFTER_MS: '60000' },
    });
    await eventually('the pool is filled', () => cluster.pooled() >= 3 * 8);
  });
  afterAll(async () => {
    await cluster.stop();
  });

  it('spreads its presignatures over all signer sets, so that any node may be missing', () => {
    const sets = new Set([0, 1, 2, 3].flatMap((index) => Object.keys(cluster.status(index)?.pool ?? {})));
    expect([...sets].sort()).toEqual(['1-2-3', '1-2-4', '1-3-4', '2-3-4']);
  });

  it('signs with what the gateway proposes, of any set that offers, without a word between the nodes', async () => {
    const { '1-2-3': [one = ''] = [], '1-3-4': [two = ''] = [] } = present(cluster.status(0)?.offers);
    const [three = ''] = present(cluster.status(1)?.offers)['2-3-4'] ?? [];
    const records = await Promise.all(
      [one, two, three].map(async (id) => cluster.finished((await cluster.request(`with ${id}`, `req_of_${id}`, id)).id)),
    );
    expect(records.map((record) => [cluster.isSigned(record), record.presignature_id, record.naming, cluster.pathOf(record.id)])).toEqual(
      [one, two, three].map((id) => [true, id, undefined, 'fast']),
    );
  });

  it('signs with a presignature that was assigned to no request before', async () => {
    const records = await Promise.all(
      ['one', 'two', 'three'].map(async (message) => cluster.finished((await cluster.request(message)).id)),
    );
    expect(records.every((record) => cluster.isSigned(record))).toBe(true);
    expect(records.map(({ id }) => cluster.pathOf(id))).toEqual(['fast', 'fast', 'fast']);
    expect(new Set(records.map(({ presignature_id }) => presignature_id)).size).toBe(3);
  });

  it('completes thirty requests at once, each with a valid signature, and uses no presignature twice', async () => {
    const created = await Promise.all(Array.from({ length: 30 }, (_, k) => cluster.request(`request ${k}`)));
    const records = await Promise.all(created.map(({ id }) => cluster.finished(id)));
    expect(records.filter((record) => !cluster.isSigned(record))).toEqual([]);
    const named = records.flatMap(({ presignature_id }) => presignature_id ?? []);
    expect(named.length).toBeGreaterThan(0);
    expect(new Set(named).size).toBe(named.length);
    // Whoever had gone on to full signing when a name came still gave its part: none was wasted.
    expect(cluster.log.lines.filter(({ event }) => event === 'fast_signing_timeout')).toEqual([]);
  });
});

describe('a request that came before the nodes', () => {
  it('is signed in full when nobody holds the presignature that is assigned to it', async () => {
    const id = 'req_1_early';
    const prepare = async ({ client, members }: SigningCluster): Promise<void> => {
      await client.createRequest({ id, message: 'early', origin: await originOf(members, id, 'early') });
      await client.updateRequest(id, { presignature_id: 'presig_gen_node-1_lost' });
    };
    const cluster = await SigningCluster.start({ prepare, settings: { FAST_SIGNING_TIMEOUT_MS: '500' } });
    try {
      const record = await cluster.finished(id);
      expect(cluster.isSigned(record)).toBe(true);
      expect(record.presignature_id).toBe('presig_gen_node-1_lost');
      expect(cluster.pathOf(id)).toBe('full');
    } finally {
      await cluster.stop();
    }
  });
});

describe('a cluster whose gateway or board errs with a proposal', () => {
  let cluster: SigningCluster;
  const show = (record: RequestRecord): RequestRecord =>
    record.message === 'another is shown' ? { ...record, presignature_id: 'presig_gen_node-1_other' } : record;
  beforeAll(async () => {
    cluster = await SigningCluster.start({ show, settings: { POOL_TARGET: '8', POOL_MAX: '12', FAST_SIGNING_TIMEOUT_MS: '500' } });
    await eventually('there are offers', () => [0, 1].every((index) => offersOf(index).length > 1));
  });
  afterAll(async () => {
    await cluster.stop();
  });
  const offersOf = (index: number): string[] => Object.values(cluster.status(index)?.offers ?? {}).flat();
  /** Which node has used its half, and for which request. */
  const usesOf = (id: string): string[] =>
    cluster.log.lines.flatMap(({ event, presignature_id, node, request_id }) =>
      event === 'presignature_used' && presignature_id === id ? [`${String(node)} ${String(request_id)}`] : [],
    );

  it('signs in full when nobody holds what is proposed', async () => {
    const { id } = await cluster.request('nobody has it', 'req_none', 'presig_gen_node-1_lost');
    expect(cluster.isSigned(await cluster.finished(id))).toBe(true);
    expect(cluster.pathOf(id)).toBe('full');
  });

  it('signs both of two requests for which one is proposed: each half signs once', async () => {
    const [offered = ''] = offersOf(1);
    // The board takes no second record that names it. Without the name, the gateway's signed proposal is still there.
    const origin = await originOf(cluster.members, 'req_second', 'second', 0, offered);
    await Promise.all([
      cluster.request('first', 'req_first', offered),
      cluster.client.createRequest({ id: 'req_second', message: 'second', origin }),
    ]);
    const records = await Promise.all(['req_first', 'req_second'].map((id) => cluster.finished(id)));
    expect(records.map((record) => cluster.isSigned(record))).toEqual([true, true]);
    expect(new Set(usesOf(offered).map((use) => use.split(' ')[0])).size).toBe(usesOf(offered).length);
    expect(records.map(({ id }) => cluster.pathOf(id))).toContain('full');
  });

  it('signs with what the gateway proposes, and with nothing that the board shows in its place', async () => {
    const offered = offersOf(0).find((free) => usesOf(free).length === 0) ?? '';
    const { id } = await cluster.request('another is shown', 'req_hidden', offered);
    expect(cluster.isSigned(await cluster.finished(id))).toBe(true);
    expect([cluster.pathOf(id), usesOf(offered).length]).toEqual(['fast', 3]);
  });
});

describe('a cluster without a pool', () => {
  it('signs every request in full', async () => {
    const cluster = await SigningCluster.start({ settings: { POOL_TARGET: '0', POOL_MAX: '0' } });
    try {
      const { id } = await cluster.request('in full');
      expect(cluster.isSigned(await cluster.finished(id))).toBe(true);
      expect(cluster.pathOf(id)).toBe('full');
    } finally {
      await cluster.stop();
    }
  });
});

describe('a plain cluster', () => {
  it('signs in clear, without a pool', async () => {
    const cluster = await SigningCluster.start({ messages: 'plain' });
    try {
      const { id } = await cluster.request('in clear');
      expect(cluster.isSigned(await cluster.finished(id))).toBe(true);
      expect(cluster.pathOf(id)).toBe('full');
      const signers = signerSets(id, 4, 3)[0]?.map(nodeId) ?? [];
      for (const { payload } of await cluster.client.listMessages(id, present(signers[0])))
        expect(Object.keys(JSON.parse(payload) as object)).toHaveLength(1);
      const texts = (await cluster.client.listNodes()).flatMap(({ statements }) => Object.values(statements));
      expect(texts.map((text) => text.startsWith('{'))).toEqual(Array(4 * TOPICS.length).fill(true));
    } finally {
      await cluster.stop();
    }
  });
});

describe('a cluster that loses nodes', () => {
  let cluster: SigningCluster;
  beforeAll(async () => {
    cluster = await SigningCluster.start({ settings: { POOL_TARGET: '4', POOL_MAX: '8', POOL_LEADER_TIMEOUT_MS: '3000' } });
    await eventually('the pool is filled', () => cluster.pooled() >= 3 * 4);
  });
  afterAll(async () => {
    await cluster.stop();
  });

  it.each([0, 1, 2, 3])('signs while node %# is stopped, and takes it back', async (down) => {
    await cluster.stopNode(down);
    const records = await Promise.all([1, 2].map(async (k) => cluster.finished((await cluster.request(`without ${down}, ${k}`)).id)));
    expect(records.every((record) => cluster.isSigned(record))).toBe(true);
    await cluster.startNode(down);
    await eventually('the restarted node has new presignatures', () => Object.keys(cluster.status(down)?.pool ?? {}).length > 0);
  });

  it('drops the halves of a restarted node, at each of the others', async () => {
    await eventually('each of the others holds halves that belong with its', () =>
      [0, 1, 2].every((index) => Object.keys(cluster.status(index)?.pool ?? {}).some((set) => set.includes('4'))),
    );
    const before = cluster.log.lines.length;
    await cluster.stopNode(3);
    await cluster.startNode(3);
    const droppers = (): string[] =>
      cluster.log.lines
        .slice(before)
        .flatMap((line) => (line.event === 'presignatures_dropped' && line.lost === nodeId(3) ? [String(line.node)] : []));
    await eventually('all have dropped them', () => new Set(droppers()).size === 3);
  });

  it('keeps a request pending with the reason when two are stopped, and completes it when one comes back', async () => {
    await cluster.stopNode(1);
    await cluster.stopNode(2);
    const { id } = await cluster.request('too few');
    const started = performance.now();
    for (;;) {
      const record = await cluster.client.getRequest(id);
      expect(record?.status).toBe('pending');
      if (record?.reason === 'not_enough_signers: node-2, node-3') break;
      if (performance.now() - started > 120_000) throw new Error(`reason is ${record?.reason}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await cluster.startNode(2);
    expect(cluster.isSigned(await cluster.finished(id))).toBe(true);
    await cluster.startNode(1);
  });
});
