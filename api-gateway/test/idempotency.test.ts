/** One key, one request: whatever is restarted, and however often a client tries. */
import { describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { until } from 'testkit/eventually';
import { members } from 'testkit/roster';
import { SigningStatusSchema, type SigningStatus } from '../src/contract.js';
import { stoppedAfterEach, type Cluster } from './support.js';

const start = stoppedAfterEach();

const post = async (c: Cluster, key: string, body: object, query = ''): Promise<{ status: number; body: unknown }> => {
  const answer = await request(c.app).post(`/sign${query}`).set('Idempotency-Key', key).send(body);
  return { status: answer.status, body: answer.body as unknown };
};
const sign = async (c: Cluster, key: string, message = 'm', query = ''): Promise<SigningStatus> => {
  const { status, body } = await post(c, key, { message }, query);
  expect(status).toBe(200);
  return SigningStatusSchema.strict().parse(body);
};
const onBoard = async (c: Cluster): Promise<string[]> => (await c.nodes.listRequests()).map(({ id }) => id);

describe('the same key', () => {
  it('with the same body is the same request, before and after its end', async () => {
    const c = await start();
    await c.postKey();
    const { request_id: id } = await sign(c, 'k');
    expect(await sign(c, 'k')).toEqual({ request_id: id, status: 'pending' });
    await c.finish(id);
    await c.gateway.sweep();
    const done = { request_id: id, status: 'completed', signature: c.signer.sign('m'), ...c.signer.forms('m') };
    expect(await sign(c, 'k')).toEqual(done);
    expect(await sign(c, 'k', 'm', '?wait=30000')).toEqual(done);
    expect(await onBoard(c)).toEqual([id]);
  });

  it('waits for the end of the request that it names', async () => {
    const c = await start();
    await c.postKey();
    const { request_id: id } = await sign(c, 'k');
    const waiting = sign(c, 'k', 'm', '?wait=30000');
    await until(async () => (await c.nodes.health()).waiting === 1);
    await c.finish(id);
    expect(await waiting).toMatchObject({ request_id: id, status: 'completed' });
  });

  it('is known after restarts of the gateway and the board', async () => {
    const c = await start();
    await c.postKey();
    const [a, b] = [await sign(c, 'a'), await sign(c, 'b')];
    await c.finish(a.request_id);
    await c.gateway.sweep();
    await c.stopBoard();
    await c.restartGateway(() => c.startBoard());
    const done = { request_id: a.request_id, status: 'completed', signature: c.signer.sign('m'), ...c.signer.forms('m') };
    expect(await sign(c, 'a')).toEqual(done);
    expect(await sign(c, 'b')).toEqual(b);
    await c.gateway.sweep();
    expect(await onBoard(c)).toEqual([b.request_id]);
  });

  it('with another body is refused, also when both come at the same moment', async () => {
    const c = await start();
    const { request_id: id } = await sign(c, 'k');
    const { status, body } = await post(c, 'k', { message: 'n' });
    expect([status, body]).toMatchObject([409, { error: { code: 'idempotency_conflict', message: expect.stringContaining(id) } }]);
    const both = await Promise.all(['x', 'y'].map((message) => post(c, 'l', { message })));
    expect(both.map(({ status: code }) => code).sort()).toEqual([200, 409]);
    await c.restartGateway();
    expect((await post(c, 'k', { message: 'n' })).status).toBe(409);
    expect(await onBoard(c)).toHaveLength(2);
  });

  it('is the same for equal bytes in another letter case, and with the hash that is preset; not for another hash or kind', async () => {
    const c = await start({}, members(4, 3));
    const same = [{ bytes: 'ABcd' }, { bytes: 'abCD', hash: 'sha256' }];
    const answers = await Promise.all(same.map((body) => post(c, 'k', body)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[0]?.body).toEqual(answers[1]?.body);
    for (const other of [{ bytes: 'abcd', hash: 'sha256d' }, { message: 'abcd' }, { bytes: 'abce' }, { digest: 'ab'.repeat(32) }]) {
      expect(await post(c, 'k', other)).toMatchObject({ status: 409, body: { error: { code: 'idempotency_conflict' } } });
    }
    const digests = await Promise.all(['ab', 'AB'].map((digits) => post(c, 'l', { digest: digits.repeat(32) })));
    expect(digests[0]?.body).toEqual(digests[1]?.body);
    expect((await post(c, 'l', { bytes: 'ab'.repeat(32) })).status).toBe(409);
    await c.restartGateway();
    expect((await post(c, 'k', { bytes: 'abcd' })).body).toEqual(answers[0]?.body);
  });

  it('twenty times at the same moment is one request', async () => {
    const c = await start();
    const answers = await Promise.all(Array.from({ length: 20 }, () => sign(c, 'k')));
    expect(new Set(answers.map(({ request_id }) => request_id)).size).toBe(1);
    expect(await onBoard(c)).toEqual([answers[0]?.request_id]);
  });

  it('is answered when a new request would be refused', async () => {
    const c = await start({ maxUnfinished: 1 });
    const { request_id: id } = await sign(c, 'k');
    expect((await post(c, 'l', { message: 'm' })).status).toBe(429);
    await c.stopBoard();
    await c.gateway.sweep();
    expect(await sign(c, 'k')).toMatchObject({ request_id: id, status: 'pending' });
    await c.startBoard();
  });
});

describe('a request that is refused', () => {
  it('leaves no key', async () => {
    const c = await start({ maxUnfinished: 1 });
    await c.postKey();
    expect((await post(c, 'k', { message: '' })).status).toBe(400);
    expect((await post(c, 'k', { message: 'm' }, '?wait=x')).status).toBe(400);
    await c.stopBoard();
    await c.gateway.sweep();
    expect((await post(c, 'k', { message: 'a' })).status).toBe(503);
    await c.startBoard();
    await c.postKey();
    await c.gateway.sweep();
    const { request_id: first } = await sign(c, 'other');
    expect((await post(c, 'k', { message: 'b' })).status).toBe(429);
    await c.finish(first);
    await c.gateway.sweep();
    expect((await sign(c, 'k', 'c')).request_id).not.toBe(first);
  });
});

describe('the header', () => {
  it.each(['a', '!', '~'.repeat(128), '"quoted"', '0b4ad8a2-5d7e-4f27-9d2c-0d9e8d5f0b3a'])('may be %.40s', async (key) => {
    const c = await start();
    expect((await sign(c, key)).request_id).toBe((await sign(c, key)).request_id);
  });

  it.each(['', ' ', 'a b', 'é', 'a\tb', 'x'.repeat(129)])('must not be "%.20s"', async (key) => {
    const c = await start();
    const { status, body } = await post(c, key, { message: 'm' });
    const message = expect.stringContaining('idempotency-key: must be 1 to 128 visible ASCII characters') as unknown;
    expect([status, body]).toMatchObject([400, { error: { code: 'invalid_request', message } }]);
    expect(await onBoard(c)).toEqual([]);
  });

  it('must not be there twice', async () => {
    const c = await start();
    const asked = request(c.app).post('/sign').set('Idempotency-Key', ['a', 'b'] as unknown as string).send({ message: 'm' });
    expect((await asked).status).toBe(400);
  });

  it('need not be there: each call is then a request of its own', async () => {
    const c = await start();
    const calls = [0, 1].map(() => request(c.app).post('/sign').send({ message: 'm' }));
    const [a, b] = (await Promise.all(calls)).map((answer) => SigningStatusSchema.parse(answer.body).request_id);
    expect(a).not.toBe(b);
  });
});
