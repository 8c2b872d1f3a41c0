/** What a board once kept back from the nodes holds nothing up for good. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestRecord } from 'message-board/contract';
import { SigningCluster } from '../util/cluster.js';

const IN_FULL = { POOL_TARGET: '0', POOL_MAX: '0' };
const withheld = new Set<string>();
let cluster: SigningCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  withheld.clear();
});

const start = async (show: (record: RequestRecord) => RequestRecord | null): Promise<SigningCluster> => {
  cluster = await SigningCluster.start({ parties: 3, threshold: 2, settings: IN_FULL, show });
  return cluster;
};

describe('a board that does not say what is finished', () => {
  it('does not have it signed again and again, before whatever comes next', async () => {
    const finished = (record: RequestRecord): boolean => withheld.has(record.id) && record.status === 'completed';
    const nodes = await start((record) => (finished(record) ? { ...record, status: 'pending', signature: undefined } : record));
    const ids = [1, 2, 3, 4, 5].map((k) => `req_1_withheld_${k}`);
    for (const id of ids) withheld.add(id);
    for (const id of ids) await nodes.request('withheld', id);
    for (const id of ids) await nodes.finished(id);
    const next = await nodes.finished((await nodes.request('next')).id, 20_000);
    expect(nodes.isSigned(next)).toBe(true);
    const attempts = nodes.log.lines.filter(({ event }) => event === 'full_signing_started').length;
    expect(attempts).toBeLessThanOrEqual(2 * 2 * (ids.length + 1));
    expect((await nodes.client.listRequests({ status: 'pending' })).map(({ id }) => id)).toEqual([]);
  });
});

describe('a board that does not show a request at first', () => {
  it('finds it signed when it shows it again to who asks', async () => {
    const nodes = await start((record) => (withheld.has(record.id) ? null : record));
    withheld.add('req_1_first');
    await nodes.request('first', 'req_1_first');
    await nodes.finished((await nodes.request('second')).id);
    withheld.clear();
    // Pending requests are read again when there is news, after ten seconds by the cluster's clock. On a busy machine that clock is slower
    // than ours, so there is news until then.
    const isPending = async (): Promise<boolean> => (await nodes.client.getRequest('req_1_first'))?.status === 'pending';
    while (await isPending()) {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await nodes.finished((await nodes.request('news')).id);
    }
    expect(nodes.isSigned(await nodes.finished('req_1_first'))).toBe(true);
  });
});
