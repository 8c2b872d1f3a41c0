import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { highS, newSigner } from 'testkit/signer';
import { VirtualClock } from 'testkit/virtual_clock';
import { GatewayClient } from '../src/client.js';
import { passUntilSettled } from './passing.js';
import { cluster, type Cluster } from './support.js';

describe('the client, with a gateway', () => {
  let c: Cluster;
  let client: GatewayClient;
  beforeEach(async () => {
    c = await cluster();
    client = new GatewayClient(c.url);
  });
  afterEach(async () => {
    await client.close();
    await c.stop();
  });

  it('asks for a signature, waits for it, and asks for it again', async () => {
    await c.postKey();
    const answer = client.sign('Hello', { wait: 30_000 });
    const [record] = await c.nodes.listRequests({ status: 'pending', wait: 30_000 });
    const id = record?.id ?? '';
    await c.finish(id);
    const signed = { request_id: id, status: 'completed', signature: c.signer.sign('Hello'), ...c.signer.forms('Hello') };
    expect(await answer).toEqual(signed);
    expect(await client.status(id, 'Hello')).toEqual(signed);
    expect(await client.finished(id, 'Hello', 0)).toEqual(signed);
  });

  it('tells what is pending, failed or unknown', async () => {
    const { request_id: id, status } = await client.sign('Hello');
    expect(status).toBe('pending');
    expect(await client.finished(id, 'Hello', 30)).toEqual({ request_id: id, status: 'pending', reason: 'no_public_key' });
    await c.nodes.updateRequest(id, { status: 'failed', reason: 'policy_refused: node-2' });
    expect(await client.finished(id, 'Hello', 30_000)).toEqual({ request_id: id, status: 'failed', reason: 'policy_refused: node-2' });
    expect(await client.status('req_1_none', 'Hello')).toBeUndefined();
    expect(await client.finished('req_1_none', 'Hello', 30_000)).toBeUndefined();
  });

  it('waits until a request is finished', async () => {
    await c.postKey();
    const { request_id: id } = await client.sign('Hello');
    const finished = client.finished(id, 'Hello', 30_000);
    await c.finish(id);
    expect(await finished).toMatchObject({ status: 'completed' });
  });

  it('lists requests, and knows them by their keys', async () => {
    await c.postKey();
    const [a, b] = [await client.sign('a'), await client.sign('b', { idempotencyKey: 'k' })];
    expect(await client.sign('b', { idempotencyKey: 'k' })).toEqual(b);
    await expect(client.sign('c', { idempotencyKey: 'k' })).rejects.toMatchObject({ status: 409, code: 'idempotency_conflict' });
    await c.finish(b.request_id);
    await c.gateway.sweep();
    expect((await client.list()).map(({ status }) => status)).toEqual(['pending', 'completed']);
    expect(await client.list({ after: a.request_id, limit: 1, status: 'completed' })).toHaveLength(1);
  });

  it('tells the key, the health and why nothing can be signed', async () => {
    await expect(client.publicKey()).rejects.toMatchObject({ name: 'ServiceError', status: 503, code: 'no_public_key' });
    await expect(client.ready()).rejects.toMatchObject({ name: 'ServiceError', code: 'no_public_key' });
    await c.postKey();
    expect(await client.publicKey()).toBe(c.signer.publicKey);
    await client.ready();
    expect(await client.health()).toMatchObject({ public_key: 'known', unfinished: 0 });
  });

  it('throws what the gateway refuses', async () => {
    await expect(client.sign('')).rejects.toMatchObject({ name: 'ServiceError', status: 400, code: 'invalid_request' });
    await expect(client.status('req_1', 'm', { wait: 30_001 })).rejects.toMatchObject({ name: 'ServiceError', status: 400 });
  });

  it('finds out that the message is not the one that was signed', async () => {
    await c.postKey();
    const { request_id: id } = await client.sign('pay 1');
    await c.finish(id);
    const error = { name: 'InvalidSignature', retryable: false, message: expect.stringContaining(id) };
    await expect(client.status(id, 'pay 2')).rejects.toMatchObject(error);
  });
});

describe('the client, with a gateway that is not honest', () => {
  const signer = newSigner();
  const other = newSigner();
  let server: Server;
  let url: string;
  let asked: string[];
  /** Idempotency keys, one of each call. */
  let keys: (string | undefined)[];
  let answers: Record<string, readonly [status: number, body: unknown]>;
  /** What happens before the answer to a call with this query. */
  let onQuery: (query: URLSearchParams) => Promise<void>;
  const clients: GatewayClient[] = [];
  beforeEach(async () => {
    asked = [];
    keys = [];
    answers = { '/publickey': [200, { public_key: signer.publicKey }] };
    onQuery = () => Promise.resolve();
    server = createServer((incoming, outgoing) => {
      const { pathname: path, searchParams } = new URL(incoming.url ?? '', url);
      asked.push(`${incoming.method ?? ''} ${path}`);
      keys.push(incoming.headers['idempotency-key'] as string | undefined);
      const [status, body] = answers[path] ?? [502, 'nothing here'];
      void onQuery(searchParams).then(() => {
        outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await new Promise((resolve) => server.close(resolve));
  });

  const clientOf = (publicKey?: string): GatewayClient => {
    const client = new GatewayClient(url, publicKey === undefined ? {} : { publicKey });
    clients.push(client);
    return client;
  };
  const signedBy = (signature: string | undefined, id = 'req_1') => [200, { request_id: id, status: 'completed', signature }] as const;

  it.each([
    ['by another key', other.sign('m')],
    ['of another message', signer.sign('n')],
    ['in its malleable form', highS(signer.sign('m'))],
    ['of zeros', JSON.stringify({ r: '0'.repeat(64), s: '0'.repeat(64) })],
  ])('does not take a signature %s', async (_what, signature) => {
    answers['/sign'] = answers['/status/req_1'] = signedBy(signature);
    await expect(clientOf().sign('m')).rejects.toMatchObject({ name: 'InvalidSignature' });
    await expect(clientOf().status('req_1', 'm')).rejects.toMatchObject({ name: 'InvalidSignature' });
    await expect(clientOf().finished('req_1', 'm', 1_000)).rejects.toMatchObject({ name: 'InvalidSignature' });
  });

  it.each([
    ['r', '1'.repeat(64)], ['s', '1'.repeat(64)], ['recovery_id', 2], ['der', '3006020101020101'], ['compact', '1'.repeat(128)],
  ])('does not take another %s beside a valid signature', async (form, value) => {
    const [status, body] = signedBy(signer.sign('m'));
    answers['/status/req_1'] = [status, { ...body, ...signer.forms('m'), [form]: value }];
    const error = { name: 'InvalidSignature', message: expect.stringContaining(`${form}: the gateway shows another one`) };
    await expect(clientOf().status('req_1', 'm')).rejects.toMatchObject(error);
    answers['/status/req_1'] = [status, { ...body, ...signer.forms('m') }];
    expect(await clientOf().status('req_1', 'm')).toEqual({ ...body, ...signer.forms('m') });
  });

  it('has all forms of the signature, also where an earlier gateway shows none', async () => {
    answers['/status/req_1'] = signedBy(signer.sign('m'));
    expect(await clientOf().status('req_1', 'm')).toMatchObject(signer.forms('m'));
  });

  it.each([
    ['bytes', { bytes: 'ABCD', hash: 'keccak256' }, { message: 'abcd', kind: 'bytes', hash: 'keccak256' }],
    ['text', { message: 'm', hash: 'sha256d' }, { message: 'm', hash: 'sha256d' }],
    ['a digest', { digest: 'Ab'.repeat(32) }, { message: 'ab'.repeat(32), kind: 'digest' }],
  ] as const)('verifies what is signed of %s, and nothing else', async (_what, asked, payload) => {
    answers['/status/req_1'] = signedBy(signer.sign(payload));
    expect(await clientOf().status('req_1', asked)).toMatchObject({ status: 'completed', ...signer.forms(payload) });
    for (const other of ['m', { bytes: 'abcd' }, { bytes: 'ab'.repeat(32) }, { digest: 'cd'.repeat(32) }] as const) {
      await expect(clientOf().status('req_1', other)).rejects.toMatchObject({ name: 'InvalidSignature' });
    }
  });

  it('takes a valid signature, and asks for the key once', async () => {
    answers['/status/req_1'] = signedBy(signer.sign('m'));
    const client = clientOf();
    for (let k = 0; k < 3; k += 1) expect(await client.status('req_1', 'm')).toMatchObject({ status: 'completed' });
    expect(asked.filter((call) => call === 'GET /publickey')).toHaveLength(1);
  });

  it('believes the key that it was given, not the one that is shown', async () => {
    answers['/publickey'] = [200, { public_key: other.publicKey }];
    answers['/status/req_1'] = signedBy(other.sign('m'));
    const client = clientOf(signer.publicKey);
    await expect(client.status('req_1', 'm')).rejects.toMatchObject({ name: 'InvalidSignature' });
    const error = { name: 'TransportError', retryable: false, message: expect.stringContaining(signer.publicKey) };
    await expect(client.publicKey()).rejects.toMatchObject(error);
    answers['/status/req_1'] = signedBy(signer.sign('m'));
    expect(await client.status('req_1', 'm')).toMatchObject({ status: 'completed' });
  });

  it('keeps the first key when another one is shown later', async () => {
    const client = clientOf();
    await client.publicKey();
    answers['/publickey'] = [200, { public_key: other.publicKey }];
    await expect(client.publicKey()).rejects.toMatchObject({ name: 'TransportError', retryable: false });
    answers['/status/req_1'] = signedBy(other.sign('m'));
    await expect(client.status('req_1', 'm')).rejects.toMatchObject({ name: 'InvalidSignature' });
  });

  it.each([
    ['no signature', signedBy(undefined)],
    ['the status of another request', signedBy(signer.sign('m'), 'req_2')],
    ['a signature of another form', signedBy('{"r":"1"}')],
    ['what is not a status', [200, { status: 'completed' }] as const],
  ])('does not take %s for an answer', async (_what, answer) => {
    answers['/status/req_1'] = answer;
    await expect(clientOf().status('req_1', 'm')).rejects.toMatchObject({ name: 'TransportError', retryable: false });
  });

  it('does not take for a key what is not a point of the curve', async () => {
    const noPoint = `02${'0'.repeat(64)}`;
    answers['/publickey'] = [200, { public_key: noPoint }];
    const error = { name: 'TransportError', message: expect.stringContaining('public_key: is not a point') };
    await expect(clientOf().publicKey()).rejects.toMatchObject(error);
    expect(() => clientOf(noPoint)).toThrow('is not a point');
  });

  it('takes 404 for an unknown request only when it says so', async () => {
    answers['/status/req_1'] = [404, { error: { code: 'unknown_route', message: 'no route' } }];
    await expect(clientOf().status('req_1', 'm')).rejects.toMatchObject({ name: 'ServiceError', status: 404, code: 'unknown_route' });
    answers['/status/req_1'] = [404, 'a page'];
    await expect(clientOf().status('req_1', 'm')).rejects.toMatchObject({ name: 'ServiceError', code: 'http_404' });
  });

  it('asks until its patience is over, never for longer than the gateway may wait', async () => {
    const clock = new VirtualClock();
    const client = new GatewayClient(url, { clock });
    clients.push(client);
    answers['/status/req_1'] = [200, { request_id: 'req_1', status: 'pending' }];
    // The gateway waits as long as it is asked to.
    const waits: number[] = [];
    onQuery = async (query) => {
      waits.push(Number(query.get('wait')));
      await clock.advance(Number(query.get('wait')));
    };
    expect(await client.finished('req_1', 'm', 65_000)).toEqual({ request_id: 'req_1', status: 'pending' });
    expect(waits).toEqual([30_000, 30_000, 5_000, 0]);
  });

  it('pauses between its questions to a gateway that lets nobody wait', async () => {
    const clock = new VirtualClock();
    const client = new GatewayClient(url, { clock });
    clients.push(client);
    answers['/status/req_1'] = [200, { request_id: 'req_1', status: 'pending' }];
    const finished = client.finished('req_1', 'm', 3_000);
    expect(await passUntilSettled(clock, finished)).toEqual({ request_id: 'req_1', status: 'pending' });
    expect(asked.length).toBeLessThanOrEqual(7);
  });

  it('asks again without an answer, for a signature with the same key, and another one for each request', async () => {
    const client = clientOf();
    for (let k = 0; k < 2; k += 1) await expect(client.sign('m')).rejects.toMatchObject({ name: 'ServiceError', status: 502 });
    expect(asked).toEqual(Array(8).fill('POST /sign'));
    expect(keys.every((key) => key === keys[0] || key === keys[4])).toBe(true);
    expect(new Set(keys).size).toBe(2);
    await expect(client.sign('m', { idempotencyKey: 'my own' })).rejects.toThrow('visible ASCII');
    await expect(client.sign('m', { idempotencyKey: 'my-own' })).rejects.toMatchObject({ status: 502 });
    expect(new Set(keys.slice(8))).toEqual(new Set(['my-own']));
    await expect(clientOf().status('req_1', 'm')).rejects.toMatchObject({ name: 'ServiceError', status: 502 });
    expect(asked.filter((call) => call === 'GET /status/req_1').length).toBeGreaterThan(1);
  });

  it('is told when nobody answers, and stops with its signal', async () => {
    const closed = new GatewayClient('http://127.0.0.1:1', { tries: 1 });
    clients.push(closed);
    const error = { name: 'TransportError', retryable: true, message: expect.stringContaining('ECONNREFUSED') };
    await expect(closed.health()).rejects.toMatchObject(error);
    const stopping = new AbortController();
    stopping.abort(new Error('stopped'));
    await expect(clientOf().sign('m', { signal: stopping.signal })).rejects.toThrow('stopped');
    expect(asked).toEqual([]);
  });
});
