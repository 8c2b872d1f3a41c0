import { describe, expect, it } from '@jest/globals';
import { deflateSync, gzipSync } from 'node:zlib';
import request from 'supertest';
import { caller } from 'testkit/caller';
import { testBoard } from './support.js';

const post = (body: string | Buffer, type = 'application/json', headers: Record<string, string> = {}) =>
  request(testBoard().app).post('/requests').set('content-type', type).set(headers).serialize(String).send(body);

describe('hostile bodies', () => {
  it.each([
    ['nothing', '', 400, 'invalid_request'],
    ['no JSON', '{"message":', 400, 'malformed_json'],
    ['a bare word', 'message', 400, 'malformed_json'],
    ['a number', '7', 400, 'malformed_json'],
    ['a list', '[{"message":"m"}]', 400, 'invalid_request'],
    ['null', 'null', 400, 'malformed_json'],
    ['its own prototype', '{"message":"m","__proto__":{"status":"completed"}}', 400, 'invalid_request'],
    ['a constructor', '{"message":"m","constructor":{"prototype":{"x":1}}}', 400, 'invalid_request'],
    ['deep nesting', `{"message":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 413, 'body_too_complex'],
    ['deep nesting without an end', '['.repeat(500_000), 413, 'body_too_complex'],
    ['nesting that no record has', `{"message":${'['.repeat(32)}${']'.repeat(32)}}`, 413, 'body_too_complex'],
    ['a string of dots', '.'.repeat(500_000), 400, 'malformed_json'],
    ['many keys', `{${Array.from({ length: 50_000 }, (_, k) => `"k${k}":0`).join()}}`, 413, 'body_too_large'],
    ['as many keys as fit', `{${Array.from({ length: 20_000 }, (_, k) => `"k${k}":0`).join()}}`, 413, 'body_too_complex'],
    ['a long key', `{"${'k'.repeat(500_000)}":0,"message":"m"}`, 400, 'invalid_request'],
    ['more than 2 MiB', `{"message":"${'m'.repeat(2_097_153)}"}`, 413, 'body_too_large'],
  ])('%s', async (_name, text, status, code) => {
    const { body } = (await post(text).expect(status)) as { body: { error: { code: string; message: string } } };
    expect(body).toMatchObject({ error: { code } });
    expect(body.error.message.length).toBeLessThan(1000);
  });

  it('bytes that are not UTF-8 are refused, not repaired', async () => {
    const bytes = Buffer.concat([Buffer.from('{"message":"'), Buffer.from([0xff, 0xc3, 0x28]), Buffer.from('"}')]);
    const answer = await request(testBoard().app)
      .post('/requests')
      .set('content-type', 'application/json')
      .serialize((sent: unknown) => sent as string)
      .send(bytes);
    expect([answer.status, answer.body]).toEqual([400, { error: { code: 'malformed_json', message: 'body: is not UTF-8' } }]);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/jsonp',
  ])('content type %s is 415', async (type) => {
    expect((await post('{"message":"m"}', type).expect(415)).body).toMatchObject({ error: { code: 'unsupported_media_type' } });
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ])('%s is 415, however small', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(50_000_000, 0x20));
    const answer = await request(testBoard().app)
      .post('/requests')
      .set({ 'content-type': 'application/json', 'content-encoding': encoding })
      .serialize((sent: unknown) => sent as string)
      .send(bomb);
    expect([answer.status, answer.body]).toMatchObject([415, { error: { code: 'unsupported_media_type' } }]);
  });

  it('does not change any prototype', async () => {
    await post('{"message":"m","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}').expect(400);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('hostile paths and queries', () => {
  it.each([
    ['/nowhere', 404, 'unknown_route'],
    ['/', 404, 'unknown_route'],
    ['/requests/a/b', 404, 'unknown_route'],
    ['/requests/%E0%A4%A', 400, 'malformed_request'],
    ['/requests/%00', 400, 'invalid_request'],
    ['/requests/__proto__', 400, 'invalid_request'],
    ['/requests/constructor', 404, 'unknown_request'],
    ['/requests?__proto__=x', 400, 'invalid_request'],
    ['/requests?constructor=x', 400, 'invalid_request'],
    ['/requests?status[$ne]=pending', 400, 'invalid_request'],
    [`/requests?${Array.from({ length: 1000 }, (_, k) => `k${k}`).join('&')}`, 400, 'invalid_request'],
    ['/messages?request_id=keygen&to_node=%FF', 400, 'invalid_request'],
  ])('GET %s is %d %s', async (path, status, code) => {
    expect(await caller(testBoard().app).get(path, status)).toMatchObject({ error: { code } });
  });

  it.each(['delete', 'patch'] as const)('%s is 405', async (method) => {
    const answer = await request(testBoard().app)[method]('/requests/req_1');
    expect([answer.status, answer.body]).toMatchObject([405, { error: { code: 'method_not_allowed' } }]);
  });

  it('does not say what it is made with', async () => {
    const { headers } = await request(testBoard().app).get('/health');
    expect(headers).not.toHaveProperty('x-powered-by');
  });
});

describe('an error nobody foresaw', () => {
  it('is 500 with its details in the log alone', async () => {
    const clock = { broken: false };
    const now = (): number => {
      if (clock.broken) throw new Error('clock of /secret/path fell over');
      return 0;
    };
    const board = testBoard({}, { clock: { now, monotonic: now, after: () => ({ stop: () => undefined }) } });
    clock.broken = true;
    const body = await caller(board.app).post('/requests', { message: 'm' }, 500);
    expect(body).toEqual({ error: { code: 'internal_error', message: 'something went wrong here' } });
    expect(board.log.join('')).toContain('clock of /secret/path fell over');
  });
});

describe('the log', () => {
  it('never has a message or a payload in it', async () => {
    const board = testBoard();
    const app = caller(board.app);
    await app.post('/requests', { id: 'req_1', message: 'S3CRET-message' });
    for (const path of ['/messages', '/presignature-messages']) {
      await app.post(path, { request_id: 'req_1', from_node: 'node-1', to_node: '*', round: 1, payload: 'S3CRET-payload' });
    }
    await app.post('/partial-signatures', { request_id: 'req_1', from_node: 'node-1', payload: 'S3CRET-share' });
    await app.post('/requests', { message: 'S3CRET', extra: 'S3CRET' }, 400);
    await app.post('/requests', '{"message":"S3CRET', 400);
    await app.put('/requests/req_1', { signature: 'S3CRET' }, 400);
    await app.get('/requests?status=S3CRET', 400);
    const log = board.log.join('');
    expect(log).toContain('request_posted');
    expect(log).toContain('http_request');
    expect(log).not.toContain('S3CRET');
  });
});
