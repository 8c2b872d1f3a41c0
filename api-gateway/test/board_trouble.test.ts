import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { request as ask } from 'undici';
import { ServiceError, TransportError } from 'service/errors';
import { caller } from 'testkit/caller';
import { newSigner } from 'testkit/signer';
import { until } from 'testkit/eventually';
import { VirtualClock } from 'testkit/virtual_clock';
import { viaBoard } from '../src/board_unavailable.js';
import type { SigningStatus } from '../src/contract.js';
import { passUntil, passUntilSettled } from './passing.js';
import { cluster, type Cluster } from './support.js';

let clock: VirtualClock;
let c: Cluster;
beforeEach(async () => {
  clock = new VirtualClock();
  c = await cluster({ clock });
});
afterEach(() => c.stop());

const sign = async (message: string, query = ''): Promise<SigningStatus> =>
  (await caller(c.app).post(`/sign${query}`, { message })) as SigningStatus;
const status = (id: string, query = '', code = 200): Promise<unknown> => caller(c.app).get(`/status/${id}${query}`, code);

describe('what it says of itself', () => {
  it('before there is a key, with one, and without a board', async () => {
    const get = caller(c.app).get;
    const nothing = { unfinished: 0, oldest_pending_ms: 0, nodes: [], presignatures: {}, clock_skew_ms: null, culprits: [] };
    const noKey = { status: 'degraded', public_key: 'unknown', disk_free_bytes: 1e12, ...nothing };
    expect(await get('/health')).toEqual({ ...noKey, board: 'down', problems: ['board_unavailable', 'no_public_key'] });
    await c.gateway.sweep();
    expect(await get('/health')).toEqual({ ...noKey, board: 'up', problems: ['no_public_key'] });
    expect(await get('/ready', 503)).toMatchObject({ error: { code: 'no_public_key' } });
    expect(await get('/publickey', 503)).toMatchObject({ error: { code: 'no_public_key' } });
    await c.postKey();
    expect(await get('/ready')).toEqual({ status: 'ready' });
    expect(await get('/health')).toMatchObject({ status: 'ok', problems: [] });
    expect(await get('/publickey')).toEqual({ public_key: c.signer.publicKey });
    await c.stopBoard();
    await c.gateway.sweep();
    expect(await get('/health')).toMatchObject({ status: 'degraded', board: 'down', public_key: 'known', problems: ['board_unavailable'] });
    expect(await get('/ready', 503)).toMatchObject({ error: { code: 'board_unavailable' } });
    expect(await get('/publickey')).toEqual({ public_key: c.signer.publicKey });
    expect(await status('req_1', '', 503)).toMatchObject({ error: { code: 'board_unavailable' } });
    expect(await caller(c.app).post('/sign?wait=100', { message: 'm' }, 503)).toMatchObject({ error: { code: 'board_unavailable' } });
    expect((await c.gateway.health()).unfinished).toBe(0);
    await c.startBoard();
    expect(await get('/ready', 503)).toMatchObject({ error: { code: 'no_public_key' } });
    expect(await get('/nowhere', 404)).toMatchObject({ error: { code: 'unknown_route' } });
  });

  it('without a board it does not know the key', async () => {
    await c.stopBoard();
    expect(await caller(c.app).get('/publickey', 503)).toMatchObject({ error: { code: 'board_unavailable' } });
    await c.startBoard();
  });
});

describe('a board that was restarted', () => {
  it('gets the unfinished requests again under their ids, not the finished ones', async () => {
    await c.postKey();
    const ids = [];
    for (const message of ['a', 'b', 'c']) ids.push((await sign(message)).request_id);
    await c.finish(ids[0] ?? '');
    await c.gateway.sweep();
    expect((await c.gateway.health()).unfinished).toBe(2);
    await c.stopBoard();
    await c.gateway.sweep();
    expect(await c.gateway.health()).toMatchObject({ board: 'down', unfinished: 2 });
    await c.startBoard();
    await c.gateway.sweep();
    const pending = await c.nodes.listRequests({ status: 'pending' });
    expect(pending.map(({ id, message, origin }) => [id, message, origin])).toEqual([
      [ids[1], 'b', 'gateway'],
      [ids[2], 'c', 'gateway'],
    ]);
    expect(c.log.filter((line) => line.includes('request_posted_again'))).toHaveLength(2);
  });

  it('gets a request again when a client asks for it', async () => {
    const { request_id } = await sign('a');
    await c.stopBoard();
    await c.startBoard();
    expect(await status(request_id)).toEqual({ request_id, status: 'pending', reason: 'no_public_key' });
    expect(await c.nodes.getRequest(request_id)).toMatchObject({ message: 'a', status: 'pending' });
  });

  it('gets it also when a node made a protocol record of it meanwhile', async () => {
    const { request_id } = await sign('a');
    await c.stopBoard();
    await c.startBoard();
    await c.nodes.listMessages(request_id, 'node-1');
    await c.gateway.sweep();
    expect(await c.nodes.listRequests({ status: 'pending' })).toMatchObject([{ id: request_id, message: 'a' }]);
    await c.stopBoard();
    await c.startBoard();
    await c.nodes.listMessages(request_id, 'node-1');
    expect(await status(request_id)).toEqual({ request_id, status: 'pending', reason: 'no_public_key' });
    expect(await c.nodes.listRequests({ status: 'pending' })).toMatchObject([{ id: request_id, message: 'a' }]);
  });

  it('gets the others though it refuses one, whose id stands for something else by now', async () => {
    const taken = (await sign('a')).request_id;
    const ids = [];
    for (let k = 0; k < 20; k += 1) ids.push((await sign(`b${k}`)).request_id);
    await c.stopBoard();
    await c.startBoard();
    await c.nodes.createRequest({ id: taken, message: 'something else' });
    await c.nodes.updateRequest(taken, { status: 'failed', reason: 'x' });
    await c.gateway.sweep();
    expect((await c.nodes.listRequests({ status: 'pending' })).map(({ id }) => id).sort()).toEqual(ids.sort());
    expect(c.log.filter((line) => line.includes('request_not_settled'))).toHaveLength(1);
    expect(c.log.join('')).not.toContain('sweep_failed');
  });

  it('does not cost a waiting client its answer', async () => {
    const answer = sign('a', '?wait=30000');
    await until(async () => (await c.nodes.health().catch(() => ({ waiting: 0 }))).waiting === 1);
    const [record] = await c.nodes.listRequests({ status: 'pending' });
    await c.stopBoard();
    // Longer than the tries of one call.
    for (let k = 0; k < 2; k += 1) await c.gateway.sweep();
    await c.startBoard();
    await c.postKey();
    const [again] = await passUntilSettled(clock, c.nodes.listRequests({ status: 'pending', wait: 30_000 }));
    expect(again?.id).toBe(record?.id);
    await c.finish(again?.id ?? '');
    expect(await answer).toMatchObject({ request_id: record?.id, status: 'completed' });
  });

  it('that stays away leaves a client with the id of its request', async () => {
    const answer = sign('a', '?wait=700');
    await until(async () => (await c.nodes.health()).waiting === 1);
    await c.stopBoard();
    expect(await passUntilSettled(clock, answer)).toMatchObject({ status: 'pending', request_id: expect.stringMatching(/^req_/) });
    await c.startBoard();
  });

  it('that stays away keeps no client from an answer when the gateway closes', async () => {
    const body = JSON.stringify({ message: 'm' });
    const asking = ask(`${c.url}/sign?wait=30000`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    await until(async () => (await c.nodes.health()).waiting === 1);
    await c.stopBoard();
    // The gateway pauses between two tries, and time stands still.
    await until(() => clock.pending === 1);
    const closed = c.running.close();
    const answer = await asking;
    expect(await answer.body.json()).toMatchObject({ status: 'pending', request_id: expect.stringMatching(/^req_/) });
    await closed;
  });

  it('is seen by the sweeping that runs by itself', async () => {
    const stopping = new AbortController();
    const sweeping = c.gateway.run(stopping.signal);
    const { request_id } = await sign('a');
    await c.stopBoard();
    await passUntil(clock, async () => (await c.gateway.health()).board === 'down');
    await c.startBoard();
    await passUntil(clock, async () => (await c.nodes.getRequest(request_id)) !== undefined);
    stopping.abort();
    await sweeping;
  });
});

describe('sweeping', () => {
  it('happens at once, then every second, and stops with its signal', async () => {
    const sweep = jest.spyOn(c.gateway, 'sweep').mockResolvedValue();
    const stopping = new AbortController();
    const sweeping = c.gateway.run(stopping.signal);
    await clock.advance(999);
    expect(sweep).toHaveBeenCalledTimes(1);
    await clock.advance(1);
    expect(sweep).toHaveBeenCalledTimes(2);
    await clock.advance(1_000);
    expect(sweep).toHaveBeenCalledTimes(3);
    stopping.abort();
    await sweeping;
    expect(clock.pending).toBe(0);
  });
});

describe('a board that shows what is not true', () => {
  it('another key than before is an error that is seen, and nothing is signed', async () => {
    await c.postKey();
    await c.gateway.sweep();
    const { request_id } = await sign('a');
    await c.finish(request_id);
    await c.stopBoard();
    await c.startBoard();
    await c.nodes.postPublicKey(newSigner().publicKey);
    await c.gateway.sweep();
    const { get, post } = caller(c.app);
    expect(await get('/health')).toMatchObject({ status: 'degraded', board: 'up', public_key: 'conflict' });
    for (const path of ['/ready', '/publickey']) expect(await get(path, 503)).toMatchObject({ error: { code: 'public_key_conflict' } });
    expect(await post('/sign', { message: 'm' }, 503)).toMatchObject({ error: { code: 'public_key_conflict' } });
    expect(c.log.filter((line) => line.includes('"public_key_conflict"'))).toHaveLength(1);
  });

  it('a signature under another key is never called completed', async () => {
    await c.postKey();
    await c.gateway.sweep();
    const { request_id } = await sign('a');
    await c.stopBoard();
    await c.startBoard();
    const other = newSigner();
    await c.nodes.postPublicKey(other.publicKey);
    await c.gateway.sweep();
    await c.nodes.updateRequest(request_id, { signature: other.sign('a') });
    expect(await status(request_id, '', 503)).toMatchObject({ error: { code: 'invalid_signature' } });
    expect(await status(request_id, '?wait=1000', 503)).toMatchObject({ error: { code: 'invalid_signature' } });
  });
});

describe("the board's refusals", () => {
  it.each([
    [new ServiceError(429, 'too_many_pending', 'x'), { status: 429, code: 'too_many_pending' }],
    [new ServiceError(503, 'closing', 'x'), { status: 503, code: 'board_unavailable' }],
    [new ServiceError(500, 'internal_error', 'x'), { status: 503, code: 'board_unavailable' }],
    [new TransportError('x', false), { status: 503, code: 'board_unavailable' }],
    [new ServiceError(409, 'request_exists', 'x'), { name: 'Error' }],
    [new ServiceError(400, 'invalid_request', 'x'), { name: 'Error' }],
  ])('%#: a client is not blamed for %s', async (thrown, seen) => {
    await expect(viaBoard(Promise.reject(thrown))).rejects.toMatchObject(seen);
  });
});

describe('finished requests', () => {
  it('are forgotten, though nobody asked for them', async () => {
    await c.postKey();
    for (const message of ['a', 'b', 'c']) await c.finish((await sign(message)).request_id);
    const { request_id } = await sign('d');
    await c.nodes.updateRequest(request_id, { status: 'failed', reason: 'x' });
    await sign('e');
    expect((await c.gateway.health()).unfinished).toBe(5);
    await c.gateway.sweep();
    expect((await c.gateway.health()).unfinished).toBe(1);
    expect(c.log.join('')).not.toContain('request_posted_again');
    expect(await status(request_id)).toEqual({ request_id, status: 'failed', reason: 'x' });
  });
});
