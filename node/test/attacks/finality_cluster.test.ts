/** A request that has ended comes again, word for word, when the board has forgotten it. It ends in the same way. */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestRecord } from 'message-board/contract';
import { CLOSING } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { systemClock } from 'service/clock';
import { ALLOW_ALL, parsePolicy, type Policy } from '../../src/approval/policy.js';
import { SigningCluster } from '../util/cluster.js';

const REFUSERS = [1, 3];
const IN_FULL = { POOL_TARGET: '0', POOL_MAX: '0' };
const NO_BAD = parsePolicy('{"version":1,"deny":["bad*"]}', systemClock);

let cluster: SigningCluster;
let policy: Policy;
afterEach(async () => {
  await cluster.stop();
});

async function start(): Promise<void> {
  policy = NO_BAD;
  // It is asked anew for each request, as after a change of the file.
  const current: Policy = { get sha256() { return policy.sha256; }, check: (request) => policy.check(request) };
  const policyOf = (index: number): Policy => (REFUSERS.includes(index) ? current : ALLOW_ALL);
  cluster = await SigningCluster.start({ settings: IN_FULL, policyOf, checking: true, limits: { maxFinished: 1 } });
}

/** The board keeps one finished request. */
async function forget(id: string): Promise<void> {
  await cluster.finished((await cluster.request('the next one')).id);
  expect(await cluster.client.getRequest(id)).toBeUndefined();
}

async function restartAll(): Promise<void> {
  for (const index of [0, 1, 2, 3]) await cluster.stopNode(index);
  for (const index of [0, 1, 2, 3]) await cluster.startNode(index);
}

function again({ id, message, origin }: RequestRecord): Promise<RequestRecord> {
  return cluster.client.createRequest({ id, message, origin });
}

/** How many attempts at it these nodes have begun. */
function begun(id: string, nodes = ['node-1', 'node-2', 'node-3', 'node-4']): number {
  const ofThese = cluster.log.lines.filter(({ node }) => nodes.includes(String(node)));
  return ofThese.filter(({ event, request_id }) => event === 'full_signing_started' && request_id === id).length;
}

describe.each([['run on', false], ['are restarted', true]])('with nodes that %s, a request that comes again', (_what, restart) => {

  it('stays refused, though the policy would now allow it', async () => {
    await start();
    const request = await cluster.request('bad one');
    const before = await cluster.finished(request.id);
    expect(before).toMatchObject({ status: 'failed', reason: 'policy_refused: node-2, node-4' });
    await forget(request.id);
    policy = ALLOW_ALL;
    if (restart) await restartAll();
    await again(request);
    expect(await cluster.finished(request.id)).toMatchObject({ status: 'failed', reason: expect.stringMatching(/^policy_refused: /) });
    // The other two may begin before they have heard of the refusals, in vain.
    expect(begun(request.id, ['node-2', 'node-4'])).toBe(0);
  });

  it('is not signed a second time: it has the signature that it had', async () => {
    await start();
    const request = await cluster.request('good');
    const before = await cluster.finished(request.id);
    expect(before.status).toBe('completed');
    await forget(request.id);
    const attempts = begun(request.id);
    if (restart) await restartAll();
    await again(request);
    expect(await cluster.finished(request.id)).toMatchObject({ status: 'completed', signature: before.signature });
    expect(begun(request.id)).toBe(attempts);
  });

  it('stays cancelled', async () => {
    await start();
    for (const index of [2, 3]) await cluster.stopNode(index);
    const request = await cluster.request('good');
    const { gateway, roster } = cluster.members;
    // Two nodes wait for a third.
    while ((await cluster.client.getRequest(request.id))?.reason === undefined);
    const closing = await sign(gateway, roster, CLOSING, { request_id: request.id, reason: 'cancelled' });
    await cluster.client.updateRequest(request.id, { closing });
    for (const index of [2, 3]) await cluster.startNode(index);
    await forget(request.id);
    const attempts = begun(request.id);
    if (restart) await restartAll();
    await again(request);
    expect(await cluster.finished(request.id)).toMatchObject({ status: 'failed', reason: expect.stringMatching(/^cancelled: node-/) });
    expect(begun(request.id)).toBe(attempts);
  });
});
