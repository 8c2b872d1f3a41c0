import { describe, expect, it } from '@jest/globals';
import { HealthSchema, PresignatureRequestSchema } from '../src/contract/contract.js';
import { caller } from 'testkit/caller';
import { newSigner } from 'testkit/signer';
import { testBoard } from './support.js';

describe('/presignature-requests', () => {
  const BODY = { request_id: 'presig_gen_1_ab', participants: [0, 1, 3] };

  it('makes a pending record whose id is the request id, once', async () => {
    const { app } = testBoard();
    const body = await caller(app).post('/presignature-requests', BODY);
    expect(PresignatureRequestSchema.strict().parse(body)).toMatchObject({ id: 'presig_gen_1_ab', ...BODY, status: 'pending' });
    expect(await caller(app).post('/presignature-requests', { ...BODY, status: 'pending' })).toEqual(body);
    const other = await caller(app).post('/presignature-requests', { ...BODY, participants: [0, 1, 2] }, 409);
    expect(other).toMatchObject({ error: { code: 'presignature_request_exists' } });
    expect(await caller(app).get('/presignature-requests')).toEqual([body]);
  });

  it('can do without participants', async () => {
    const body = await caller(testBoard().app).post('/presignature-requests', { request_id: 'presig_gen_1' });
    expect(body).not.toHaveProperty('participants');
  });

  it('joins messages that came before it', async () => {
    const { app } = testBoard();
    const message = { request_id: BODY.request_id, from_node: 'node-1', to_node: '*', round: 1, payload: 'x' };
    await caller(app).post('/presignature-messages', message);
    await caller(app).post('/presignature-requests', BODY);
    const body = await caller(app).get(`/presignature-messages?request_id=${BODY.request_id}&to_node=node-2`);
    expect(body).toHaveLength(1);
  });

  it('moves forward only', async () => {
    const { app } = testBoard();
    await caller(app).post('/presignature-requests', BODY);
    const put = (status: string, answer = 200) => caller(app).put(`/presignature-requests/${BODY.request_id}`, { status }, answer);
    await put('pending');
    await put('in_progress');
    await put('in_progress');
    expect(await put('pending', 409)).toMatchObject({ error: { code: 'status_conflict' } });
    expect(await put('completed')).toMatchObject({ status: 'completed' });
    await put('completed');
    for (const status of ['pending', 'in_progress', 'failed']) await put(status, 409);
    expect(await caller(app).get('/presignature-requests?status=pending')).toEqual([]);
    expect(await caller(app).get('/presignature-requests?status=completed')).toHaveLength(1);
  });

  it('lists by status and after a cursor', async () => {
    const { app } = testBoard();
    for (const k of [1, 2, 3]) await caller(app).post('/presignature-requests', { request_id: `p${k}` });
    await caller(app).put('/presignature-requests/p2', { status: 'failed' });
    const ids = async (query: string): Promise<string[]> =>
      ((await caller(app).get(`/presignature-requests${query}`)) as { id: string }[]).map(({ id }) => id);
    expect(await ids('?status=pending')).toEqual(['p1', 'p3']);
    expect(await ids('?status=pending&after=p2')).toEqual(['p3']);
    expect(await ids('?after=p1')).toEqual(['p2', 'p3']);
    expect(await ids('?after=p9')).toEqual(['p1', 'p2', 'p3']);
  });

  it.each([
    ['post', '', {}, 'request_id'],
    ['post', '', { request_id: 'p', participants: [1, 0] }, 'participants'],
    ['post', '', { request_id: 'p', participants: [0, 1.5] }, 'participants.1'],
    ['post', '', { request_id: 'p', status: 'completed' }, 'status'],
    ['post', '', { request_id: 'p', id: 'p' }, 'id'],
    ['put', '/p1', {}, 'status'],
    ['put', '/p1', { status: 'done' }, 'status'],
    ['put', '/p1', { status: 'failed', reason: 'x' }, 'reason'],
  ] as const)('%s %s %j is 400 naming %s', async (method, path, body, field) => {
    const answer = await caller(testBoard().app)[method](`/presignature-requests${path}`, body, 400);
    expect(answer).toMatchObject({ error: { message: expect.stringContaining(`${field}: `) } });
  });

  it('PUT of an unknown one is 404', async () => {
    const body = await caller(testBoard().app).put('/presignature-requests/p', { status: 'failed' }, 404);
    expect(body).toMatchObject({ error: { code: 'unknown_presignature_request' } });
  });
});

describe('/publickey', () => {
  it('keeps the first key, takes it again, refuses another', async () => {
    const { app } = testBoard();
    const { publicKey } = newSigner();
    expect(await caller(app).get('/publickey', 404)).toMatchObject({ error: { code: 'no_public_key' } });
    expect(await caller(app).post('/publickey', { public_key: publicKey })).toEqual({ public_key: publicKey });
    await caller(app).post('/publickey', { public_key: publicKey.toUpperCase() });
    const body = await caller(app).post('/publickey', { public_key: newSigner().publicKey }, 409);
    expect(body).toMatchObject({ error: { code: 'public_key_conflict' } });
    expect(await caller(app).get('/publickey')).toEqual({ public_key: publicKey });
  });

  it.each([
    [{}, 'public_key'],
    [{ public_key: '' }, 'public_key'],
    [{ public_key: `04${'ab'.repeat(64)}` }, 'public_key'],
    // x = 5 is on no point of the curve; x = p is no field element.
    [{ public_key: `02${'5'.padStart(64, '0')}` }, 'public_key'],
    [{ public_key: '02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f' }, 'public_key'],
    [{ public_key: `02${'0'.repeat(64)}` }, 'public_key'],
    [{ public_key: newSigner().publicKey, from_node: 'node-1' }, 'from_node'],
  ])('%#: refuses %j naming %s', async (body, field) => {
    const { app } = testBoard();
    const answer = await caller(app).post('/publickey', body, 400);
    expect(answer).toMatchObject({ error: { code: 'invalid_request', message: expect.stringContaining(`${field}: `) } });
    await caller(app).get('/publickey', 404);
  });
});

describe('GET /health', () => {
  it('counts what is held', async () => {
    const { app } = testBoard();
    await caller(app).post('/requests', { message: 'm' });
    await caller(app).post('/partial-signatures', { request_id: 'keygen', from_node: 'node-1', payload: 'x' });
    await caller(app).post('/presignature-requests', { request_id: 'p' });
    const body = await caller(app).get('/health');
    expect(HealthSchema.strict().parse(body)).toMatchObject({
      status: 'ok',
      public_key: false,
      requests: { pending: 1, finished: 0, protocol: 1 },
      presignature_requests: { open: 1, finished: 0 },
      entries: 1,
      waiting: 0,
    });
  });
});
