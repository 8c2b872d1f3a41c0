import { describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { request as ask } from 'undici';
import { ErrorBodySchema } from 'service/errors';
import { caller } from 'testkit/caller';
import { until } from 'testkit/eventually';
import { SigningStatusSchema, type SigningStatus } from '../src/contract.js';
import { stoppedAfterEach, type Cluster } from './support.js';

const start = stoppedAfterEach();

const sign = async (c: Cluster, message: string, query = ''): Promise<SigningStatus> =>
  SigningStatusSchema.strict().parse(await caller(c.app).post(`/sign${query}`, { message }));
const status = async (c: Cluster, id: string, query = ''): Promise<SigningStatus> =>
  SigningStatusSchema.strict().parse(await caller(c.app).get(`/status/${id}${query}`));

describe('POST /sign', () => {
  it('puts a request on the board under an id of its own', async () => {
    const c = await start();
    const { request_id, ...rest } = await sign(c, 'Hello, threshold signing!');
    expect(rest).toEqual({ status: 'pending' });
    expect(request_id).toMatch(/^req_\d{10}_[0-9a-f]{16}$/);
    const posted = { message: 'Hello, threshold signing!', origin: 'gateway', status: 'pending' };
    expect(await c.nodes.getRequest(request_id)).toMatchObject(posted);
  });

  it('puts a text with the hash that is preset on the board as one without it', async () => {
    const c = await start();
    const asked = { message: 'm', hash: 'sha256' };
    const { request_id: id } = SigningStatusSchema.parse(await caller(c.app).post('/sign', asked));
    const record = await c.nodes.getRequest(id);
    expect(record).toMatchObject({ message: 'm' });
    expect(Object.keys(record ?? {})).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(kind|hash)$/)]));
  });

  it('makes a new request of each call', async () => {
    const c = await start();
    expect((await sign(c, 'same')).request_id).not.toBe((await sign(c, 'same')).request_id);
  });

  it('with wait answers the finished signature', async () => {
    const c = await start();
    await c.postKey();
    const answer = sign(c, 'Hello', '?wait=30000');
    const [record] = await c.nodes.listRequests({ status: 'pending', wait: 30_000 });
    await c.finish(record?.id ?? '');
    const signature = expect.stringMatching(/^\{"r":"[0-9a-f]{64}","s":"[0-9a-f]{64}"\}$/) as unknown;
    expect(await answer).toEqual({ request_id: record?.id, status: 'completed', signature, ...c.signer.forms('Hello') });
    expect((await c.gateway.health()).unfinished).toBe(0);
  });

  it('with wait answers the failure and its reason', async () => {
    const c = await start();
    const answer = sign(c, 'Hello', '?wait=30000');
    const [record] = await c.nodes.listRequests({ status: 'pending', wait: 30_000 });
    await c.nodes.updateRequest(record?.id ?? '', { status: 'failed', reason: 'refused_by_policy: node-2' });
    expect(await answer).toMatchObject({ status: 'failed', reason: 'refused_by_policy: node-2' });
  });

  it('with wait answers pending when the time is over', async () => {
    const c = await start();
    expect(await sign(c, 'Hello', '?wait=30')).toMatchObject({ status: 'pending' });
  });

  it('keeps every character, up to 64 KiB of UTF-8', async () => {
    const c = await start();
    await c.postKey();
    for (const message of ['Şifre 😀 \u0000 "\\', 'é'.repeat(32_768), '\u0001'.repeat(65_536)]) {
      const { request_id } = await sign(c, message);
      expect((await c.nodes.getRequest(request_id))?.message).toBe(message);
      await c.finish(request_id);
      expect(await status(c, request_id)).toMatchObject({ status: 'completed' });
    }
  });

  it.each([
    ['{}', 400, 'message: is required'],
    ['{"message":""}', 400, 'message: must not be empty'],
    ['{"message":5}', 400, 'message: must be text'],
    ['{"message":null}', 400, 'message: must be text'],
    ['{"message":"a\\udfff"}', 400, 'message: must be well-formed'],
    [`{"message":"${'m'.repeat(65_537)}"}`, 400, 'message: must be at most 65536 bytes of UTF-8'],
    [`{"message":"${'é'.repeat(32_769)}"}`, 400, 'message: must be at most 65536 bytes of UTF-8'],
    ['{"message":"m","wait":5}', 400, 'wait: '],
    ['{"message":"m","bytes":"00"}', 400, 'bytes: cannot be given with message'],
    ['{"bytes":"00","digest":"0000"}', 400, 'digest: must be 64 hexadecimal digits'],
    [`{"bytes":"00","digest":"${'1'.repeat(64)}"}`, 400, 'digest: cannot be given with bytes'],
    [`{"message":"m","digest":"${'1'.repeat(64)}"}`, 400, 'digest: cannot be given with message'],
    ['{"bytes":""}', 400, 'bytes: must not be empty'],
    ['{"bytes":"abc"}', 400, 'bytes: must be an even number of hexadecimal digits'],
    ['{"bytes":"0x00"}', 400, 'bytes: must be an even number of hexadecimal digits'],
    ['{"bytes":5}', 400, 'bytes: must be text'],
    [`{"bytes":"${'00'.repeat(65_537)}"}`, 400, 'bytes: must be at most 65536 bytes'],
    [`{"digest":"${'1'.repeat(63)}"}`, 400, 'digest: must be 64 hexadecimal digits'],
    [`{"digest":"${'0'.repeat(64)}"}`, 400, 'digest: must not be zero modulo the group order'],
    [`{"digest":"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"}`, 400, 'digest: must not be zero modulo'],
    [`{"digest":"${'1'.repeat(64)}","hash":"sha256"}`, 400, 'hash: cannot be given with digest'],
    ['{"message":"m","hash":"sha1"}', 400, 'hash: must be one of sha256, sha256d, keccak256'],
    ['{"hash":"sha256"}', 400, 'message: is required, or bytes, or digest'],
    // Rust nodes know nothing else than text with SHA-256.
    ['{"bytes":"00"}', 400, 'bytes: the nodes of a plain cluster'],
    [`{"digest":"${'1'.repeat(64)}"}`, 400, 'digest: the nodes of a plain cluster'],
    ['{"message":"m","hash":"keccak256"}', 400, 'hash: the nodes of a plain cluster'],
    ['{"message":"m","__proto__":{}}', 400, '__proto__: '],
    ['[]', 400, 'body: '],
    ['', 400, 'message: is required'],
    ['{"message"', 400, 'body: is not JSON, or no object'],
    [`{"message":"${'m'.repeat(600_000)}"}`, 413, 'body: '],
  ])('%#: refuses %.40s', async (text, code, complaint) => {
    const c = await start();
    const body = await caller(c.app).post('/sign', text, code);
    const { message } = ErrorBodySchema.parse(body).error;
    expect(message).toContain(complaint);
    // Once.
    expect(message.split(complaint)).toHaveLength(2);
    expect(await c.nodes.listRequests()).toEqual([]);
  });

  it('refuses what is not JSON', async () => {
    const c = await start();
    await request(c.app).post('/sign').set('content-type', 'text/plain').send('Hello').expect(415);
    await request(c.app).post('/sign').type('form').send({ message: 'Hello' }).expect(415);
  });

  it.each(['wait=-1', 'wait=30001', 'wait=1&wait=2', 'wait=soon', 'message=x'])('refuses ?%s', async (query) => {
    const c = await start();
    await caller(c.app).post(`/sign?${query}`, { message: 'm' }, 400);
    await caller(c.app).get(`/status/req_1?${query}`, 400);
    expect(await c.nodes.listRequests()).toEqual([]);
  });

  it('refuses more than it may remember, until something is finished', async () => {
    const c = await start({ maxUnfinished: 2 });
    await c.postKey();
    const { request_id } = await sign(c, 'a');
    await sign(c, 'b');
    expect(await caller(c.app).post('/sign', { message: 'c' }, 429)).toMatchObject({ error: { code: 'too_many_unfinished' } });
    await c.finish(request_id);
    await c.gateway.sweep();
    await sign(c, 'c');
  });

  it('lets one client wait after another', async () => {
    const c = await start({ maxWaiting: 1 });
    await c.postKey();
    for (const message of ['a', 'b']) {
      const answer = sign(c, message, '?wait=30000');
      await until(async () => (await c.nodes.health()).waiting === 1);
      const [record] = await c.nodes.listRequests({ status: 'pending' });
      await c.finish(record?.id ?? '');
      expect(await answer).toMatchObject({ status: 'completed' });
    }
  });

  it('answers a client at once when too many wait', async () => {
    const c = await start({ maxWaiting: 0 });
    expect(await sign(c, 'm', '?wait=30000')).toMatchObject({ status: 'pending' });
  });
});

describe('GET /status/{id}', () => {
  it('tells pending, why it waits, and completed', async () => {
    const c = await start();
    await c.postKey();
    const { request_id } = await sign(c, 'Hello');
    expect(await status(c, request_id)).toEqual({ request_id, status: 'pending' });
    await c.nodes.updateRequest(request_id, { reason: 'not_enough_signers: node-3' });
    expect(await status(c, request_id)).toEqual({ request_id, status: 'pending', reason: 'not_enough_signers: node-3' });
    await c.finish(request_id);
    const done = await status(c, request_id);
    expect(done).toMatchObject({ request_id, status: 'completed', signature: (await c.nodes.getRequest(request_id))?.signature });
    expect(await status(c, request_id)).toEqual(done);
  });

  it('waits for the end', async () => {
    const c = await start();
    await c.postKey();
    const { request_id } = await sign(c, 'Hello');
    const answer = status(c, request_id, '?wait=30000');
    await until(async () => (await c.nodes.health()).waiting === 1);
    await c.finish(request_id);
    expect(await answer).toMatchObject({ status: 'completed' });
  });

  it('knows requests that others posted', async () => {
    const c = await start();
    await c.nodes.createRequest({ id: 'req_1_other', message: 'm' });
    await c.postKey();
    expect(await status(c, 'req_1_other')).toEqual({ request_id: 'req_1_other', status: 'pending' });
  });

  it('does not know other ids, wait or not', async () => {
    const c = await start();
    await c.nodes.listMessages('keygen', 'node-1');
    for (const id of ['req_9', 'keygen', 'a b', '%2e%2e', '__proto__', 'x'.repeat(300)]) {
      const body = { request_id: decodeURIComponent(id), status: 'not_found' };
      expect(await caller(c.app).get(`/status/${encodeURI(id).replaceAll('%25', '%')}?wait=30000`, 404)).toEqual(body);
    }
  });

  it('stops asking when the client goes away', async () => {
    const c = await start();
    const { request_id } = await sign(c, 'Hello');
    const leave = new AbortController();
    const asking = ask(`${c.url}/status/${request_id}?wait=30000`, { signal: leave.signal });
    await until(async () => (await c.nodes.health()).waiting === 1);
    leave.abort();
    await expect(asking).rejects.toThrow();
    await until(async () => (await c.nodes.health()).waiting === 0);
    expect(c.log.join('')).not.toContain('unexpected_error');
  });
});

describe('closing', () => {
  it('releases clients: the one that asked with its request id', async () => {
    const c = await start();
    const body = JSON.stringify({ message: 'm' });
    const asking = ask(`${c.url}/sign?wait=30000`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    await until(async () => (await c.nodes.health()).waiting === 1);
    const closed = c.running.close();
    const answer = await asking;
    const pending = { status: 'pending', request_id: expect.stringMatching(/^req_/) };
    expect([answer.statusCode, await answer.body.json()]).toMatchObject([200, pending]);
    await closed;
    expect(c.log.join('')).not.toContain('waiting_failed');
  });
});

describe('the log', () => {
  it('has ids and no messages', async () => {
    const c = await start();
    const { request_id } = await sign(c, 'S3CRET');
    await caller(c.app).post('/sign', { message: 'S3CRET', x: 1 }, 400);
    expect(c.log.join('')).toContain(request_id);
    expect(c.log.join('')).not.toContain('S3CRET');
  });
});
