import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestRecord } from 'message-board/contract';
import { refusalOf } from 'message-board/outcome';
import { messageHash } from 'message-board/payload';
import { REFUSAL, REQUEST_STATUS } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { systemClock } from 'service/clock';
import { ALLOW_ALL, parsePolicy, type Policy } from '../../src/approval/policy.js';
import { nodeId } from '../../src/base/utils.js';
import { eventually, SigningCluster } from '../util/cluster.js';
import { present } from 'testkit/present';
import { originOf } from 'testkit/roster';

const WITHOUT_POOL = { POOL_TARGET: '0', POOL_MAX: '0' };
const WITH_POOL = { POOL_TARGET: '4', POOL_MAX: '8' };
const NO_BAD = '{"version":1,"deny":["bad*"]}';

let cluster: SigningCluster;
afterEach(async () => {
  await cluster.stop();
});

/** A cluster in which these nodes have this policy. */
async function start(policy: string, nodes: readonly number[], settings = WITHOUT_POOL, checking = false): Promise<void> {
  const policyOf = (index: number): Policy => (nodes.includes(index) ? parsePolicy(policy, systemClock) : ALLOW_ALL);
  cluster = await SigningCluster.start({ settings, policyOf, checking });
  if (settings === WITH_POOL) await eventually('the pool is filled', () => cluster.pooled() >= 3 * 4);
}

/** What a node has recorded about a request. */
async function recorded(index: number, id: string): Promise<{ event: string; fields: Record<string, unknown> }[]> {
  const lines = (await readFile(cluster.auditPath(index), 'utf8')).split('\n').slice(0, -1);
  return lines
    .map((line) => JSON.parse(line) as { event: string; fields: Record<string, unknown> })
    .filter(({ fields }) => fields['request_id'] === id);
}

const refusers = (record: RequestRecord): number => record.refusals?.length ?? 0;
const posted = (id: string, message: string, origin?: string): Promise<RequestRecord> =>
  cluster.client.createRequest({ id, message, ...(origin === undefined ? {} : { origin }) });

describe('a request that one node refuses', () => {
  it('is signed by the others in full, whichever signers come first', async () => {
    await start(NO_BAD, [1]);
    const ids = await Promise.all([1, 2, 3, 4].map(async (k) => (await cluster.request(`bad ${k}`)).id));
    const records = await Promise.all(ids.map((id) => cluster.finished(id)));
    expect(records.map((record) => cluster.isSigned(record))).toEqual([true, true, true, true]);
    for (const id of ids) {
      const signatures = cluster.log.lines.filter(({ event, request_id }) => event === 'signature_generated' && request_id === id);
      expect(new Set(signatures.map(({ signers }) => signers))).toEqual(new Set(['1-3-4']));
      expect(await recorded(1, id)).toMatchObject([
        {
          event: 'request_refused',
          fields: { code: 'policy_refused', message_sha256: messageHash(present(records.find((record) => record.id === id)).message) },
        },
      ]);
    }
    // Nobody waited for its silence.
    const missed = cluster.log.lines.flatMap(({ err }) => (err as { missing?: string[] } | undefined)?.missing ?? []);
    expect(missed).not.toContain('node-2');
    expect(cluster.isSigned(await cluster.finished((await cluster.request('good')).id))).toBe(true);
  });

  it('is signed though it was named a presignature of the refusing node, whose halves nobody keeps', async () => {
    await start(NO_BAD, [1], WITH_POOL);
    const records = await Promise.all([1, 2, 3].map(async (k) => cluster.finished((await cluster.request(`bad ${k}`)).id)));
    expect(records.map((record) => cluster.isSigned(record))).toEqual([true, true, true]);
    const used = new Set(records.flatMap(({ presignature_id }) => presignature_id ?? []));
    expect(used.size).toBeGreaterThan(0);
    for (const { id } of records) expect((await recorded(1, id)).map(({ event }) => event)).toEqual(['request_refused']);
    await eventually('the pool is filled again', () => cluster.pooled() >= 3 * 4);
  });
});

describe('a request that too few nodes would sign', () => {
  it('fails by the refusals alone, with their code and the names of who refuses, and nobody signs anything', async () => {
    await start(NO_BAD, [1, 3], WITHOUT_POOL, true);
    const { id } = await cluster.request('bad one');
    const record = await cluster.finished(id);
    expect([record.status, record.reason]).toEqual(['failed', 'policy_refused: node-2, node-4']);
    expect(refusers(record)).toBe(2);
    expect(cluster.log.lines.filter(({ event }) => event === 'signature_generated')).toEqual([]);
    expect(cluster.isSigned(await cluster.finished((await cluster.request('good')).id))).toBe(true);
  });

  it('fails also when the lowest node is down', async () => {
    await start(NO_BAD, [1, 2, 3], WITHOUT_POOL, true);
    await cluster.stopNode(0);
    const record = await cluster.finished((await cluster.request('bad one')).id);
    expect([record.status, record.reason]).toEqual(['failed', expect.stringMatching(/^policy_refused: node-[23], node-[34]$/)]);
  });

  it('stays refused by a node that is restarted with another mind', async () => {
    const files = [NO_BAD, '{"version":1}'];
    const policyOf = (index: number): Policy => (index === 1 ? parsePolicy(files.shift() ?? NO_BAD, systemClock) : ALLOW_ALL);
    cluster = await SigningCluster.start({ settings: WITHOUT_POOL, policyOf });
    await cluster.stopNode(2);
    const { id } = await cluster.request('bad one');
    await eventually('it is refused', () =>
      cluster.log.lines.some(({ event, request_id }) => event === 'request_refused' && request_id === id),
    );
    for (;;) if (refusers(present(await cluster.client.getRequest(id))) === 1) break;
    await cluster.stopNode(1);
    await cluster.startNode(1);
    expect(cluster.isSigned(await cluster.finished((await cluster.request('bad two')).id))).toBe(true);
    expect((await cluster.client.getRequest(id))?.status).toBe('pending');
    await cluster.startNode(2);
    expect(cluster.isSigned(await cluster.finished(id))).toBe(true);
    expect((await recorded(1, id)).map(({ event }) => event)).toEqual(['request_refused']);
  });
});

it('a request that the gateway has not asked for is refused by all, visibly, and no more is told', async () => {
  await start(NO_BAD, []);
  const { members } = cluster;
  const message = 'pay mallory';
  const cases: [string, string | undefined][] = [
    ['req_unsigned', undefined],
    ['req_message', await originOf(members, 'req_message', 'another')],
    ['req_id', await originOf(members, 'req_8', message)],
    ['other_9', await originOf(members, 'other_9', message)],
  ];
  for (const [id, origin] of cases) {
    await posted(id, message, origin);
    const shown = async (): Promise<RequestRecord> => present(await cluster.client.getRequest(id));
    // Who sees that enough others have refused it says nothing more.
    await eventually('enough nodes have refused it', async () => refusers(await shown()) >= 2);
    const record = await shown();
    const all = (await Promise.all([0, 1, 2, 3].map((index) => recorded(index, id)))).flat();
    expect(all.length).toBeGreaterThanOrEqual(refusers(record));
    for (const entry of all) expect(entry).toMatchObject({ event: 'request_refused', fields: { code: 'unauthorized' } });
    expect(JSON.stringify(record)).not.toMatch(/another|there is none/);
  }
  expect(cluster.log.lines.filter(({ event }) => event === 'full_signing_started')).toEqual([]);
});

it('a message that the board changes later is never signed', async () => {
  let message = 'pay alice';
  cluster = await SigningCluster.start({ settings: WITHOUT_POOL, checking: true, show: (record) => ({ ...record, message }) });
  for (const index of [1, 2]) await cluster.stopNode(index);
  const { id } = await cluster.request(message);
  await eventually('the others have begun', () =>
    cluster.log.lines.some(({ event }) => event === 'not_enough_signers' || event === 'full_signing_started'),
  );
  message = 'pay mallory';
  for (const index of [1, 2]) await cluster.startNode(index);
  // What it waits for is news of the request, too.
  const { members } = cluster;
  const statement = await sign(present(members.identities[0]), members.roster, REQUEST_STATUS, { request_id: id, reason: 'news' });
  await cluster.client.updateRequest(id, { reason: 'news', statement });
  const record = await cluster.finished(id);
  expect([record.status, record.reason]).toEqual(['failed', expect.stringMatching(/^unauthorized: /)]);
  expect(cluster.log.lines.filter(({ event }) => event === 'signature_generated')).toEqual([]);
});

it('the rate of requests is limited at each node, and told', async () => {
  await start('{"version":1,"max_requests_per_minute":2}', [0, 1, 2, 3], WITHOUT_POOL, true);
  const records: RequestRecord[] = [];
  for (const k of [1, 2, 3]) records.push(await cluster.finished((await cluster.request(`message ${k}`)).id));
  expect(records.map((record) => cluster.isSigned(record))).toEqual([true, true, false]);
  expect([records[2]?.status, records[2]?.reason]).toEqual(['failed', expect.stringMatching(/^rate_limited: node-\d, /)]);
});

it('a refusal that nobody has signed keeps nobody from signing', async () => {
  cluster = await SigningCluster.start({ settings: WITHOUT_POOL });
  for (const index of [1, 2]) await cluster.stopNode(index);
  const request = await cluster.request('good');
  const { id } = request;
  const { members, client } = cluster;
  const by = present(members.identities[0]);
  const mine = await sign(by, members.roster, REFUSAL, refusalOf(request, 'unauthorized'));
  const other = await sign(by, members.roster, REFUSAL, refusalOf({ ...request, id: 'req_8' }, 'unauthorized'));
  for (const refusal of [other, `${mine.slice(0, -6)}AAAAAA`, 'a.b.c']) await client.updateRequest(id, { refusal });
  for (const index of [1, 2]) await cluster.startNode(index);
  expect(cluster.isSigned(await cluster.finished(id))).toBe(true);
  expect(
    cluster.log.lines.filter(({ event, request_id, node }) => event === 'refusal_ignored' && request_id === id && node === nodeId(1))
      .length,
  ).toBe(3);
});
