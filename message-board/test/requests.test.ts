import { describe, expect, it } from '@jest/globals';
import { RequestRecordSchema, type RequestRecord } from '../src/contract/contract.js';
import { caller } from 'testkit/caller';
import { until } from 'testkit/eventually';
import { highS, newSigner } from 'testkit/signer';
import { VirtualClock } from 'testkit/virtual_clock';
import { START, testBoard } from './support.js';

type Board = ReturnType<typeof testBoard>;

async function post(board: Board, body: object): Promise<RequestRecord> {
  const record = await caller(board.app).post('/requests', body);
  return RequestRecordSchema.strict().parse(record);
}

const list = async (board: Board, query: string): Promise<RequestRecord[]> =>
  (await caller(board.app).get(`/requests${query}`)) as RequestRecord[];

const ids = async (board: Board, query: string): Promise<string[]> => (await list(board, query)).map((record) => record.id);

/** A board with a key and one pending request `req_1`, `message`. */
async function withRequest(message = 'Hello') {
  const board = testBoard();
  const signer = newSigner();
  await caller(board.app).post('/publickey', { public_key: signer.publicKey });
  await post(board, { id: 'req_1', message });
  const put = (body: unknown, status = 200) => caller(board.app).put('/requests/req_1', body, status);
  return { board, signer, put, signature: signer.sign(message) };
}

describe('POST /requests', () => {
  it('makes a pending record, its id from the time and the random source', async () => {
    const record = await post(testBoard(), { message: 'Hello' });
    expect(record).toMatchObject({ message: 'Hello', status: 'pending' });
    expect(record.id).toMatch(new RegExp(`^req_${Math.floor(START / 1000)}_[0-9a-f]{16}$`));
    expect(record.created_at).toBe(new Date(START).toISOString());
    expect(record.updated_at).toBe(record.created_at);
  });

  it('takes the id and origin of the poster', async () => {
    expect(await post(testBoard(), { id: 'sign-0', message: 'm', origin: 'gateway' })).toMatchObject({ id: 'sign-0', origin: 'gateway' });
  });

  it.each([
    [{ kind: 'bytes', message: '00' }, 'kind: the nodes of a plain cluster'],
    [{ kind: 'digest', message: 'ab'.repeat(32) }, 'kind: the nodes of a plain cluster'],
    [{ hash: 'keccak256', message: 'm' }, 'hash: the nodes of a plain cluster'],
    [{ kind: 'text', message: 'm' }, 'kind: '],
    [{ hash: 'sha256', message: 'm' }, 'hash: '],
    [{ kind: 'bytes', message: 'AB' }, 'message: must be in lower case'],
    [{ kind: 'bytes', message: 'abc' }, 'message: must be an even number'],
    [{ kind: 'digest', message: 'ab' }, 'message: must be 64 hexadecimal digits'],
    [{ kind: 'digest', message: 'ab'.repeat(32), hash: 'sha256d' }, 'hash: cannot be given with a digest'],
  ])('of a plain cluster refuses %j', async (body, complaint) => {
    const { app } = testBoard();
    const answer = await caller(app).post('/requests', body, 400);
    expect(answer).toMatchObject({ error: { code: 'invalid_request', message: expect.stringContaining(complaint) } });
    expect(await caller(app).get('/requests')).toEqual([]);
  });

  it('answers the stored record when the same is posted again, also when it is finished', async () => {
    const { board, put, signature } = await withRequest('m');
    const first = (await list(board, ''))[0];
    expect(await post(board, { id: 'req_1', message: 'm' })).toEqual(first);
    await put({ signature });
    expect(await post(board, { id: 'req_1', message: 'm' })).toMatchObject({ status: 'completed', signature });
    expect(await ids(board, '')).toEqual(['req_1']);
  });

  it('takes the place of a protocol record only under an id that no attempt can have', async () => {
    const { app } = testBoard();
    for (const id of ['req_1', 'req_1.5.7']) await caller(app).get(`/messages?request_id=${id}&to_node=node-1`);
    expect(await caller(app).post('/requests', { id: 'req_1', message: 'm' })).toMatchObject({ status: 'pending' });
    const answer = await caller(app).post('/requests', { id: 'req_1.5.7', message: 'm' }, 409);
    expect(answer).toMatchObject({ error: { code: 'request_exists' } });
  });

  it.each([{ message: 'other' }, { message: 'm', origin: 'someone' }])('refuses %j under a known id', async (body) => {
    const { board } = await withRequest('m');
    const answer = await caller(board.app).post('/requests', { id: 'req_1', ...body }, 409);
    expect(answer).toMatchObject({ error: { code: 'request_exists' } });
  });

  it.each([
    [{}, 'message'],
    [{ message: '' }, 'message'],
    [{ message: 1 }, 'message'],
    [{ message: null }, 'message'],
    [{ message: ['a'] }, 'message'],
    [{ message: 'a'.repeat(65_537) }, 'message'],
    [{ message: 'é'.repeat(32_769) }, 'message'],
    [{ message: 'm', id: '../x' }, 'id'],
    [{ message: 'm', id: 7 }, 'id'],
    [{ message: 'm', origin: '' }, 'origin'],
    [{ message: 'm', status: 'completed' }, 'status'],
    [{ message: 'm', signature: 'x' }, 'signature'],
    [{ message: 'm', presignature_id: 'x' }, 'presignature_id'],
    [[], 'body'],
  ])('%#: refuses %j naming %s', async (body, field) => {
    const board = testBoard();
    const answer = await caller(board.app).post('/requests', body, 400);
    expect(answer).toMatchObject({ error: { code: 'invalid_request', message: expect.stringContaining(`${field}: `) } });
    expect(await ids(board, '')).toEqual([]);
  });

  it('refuses a lone surrogate, which has no UTF-8 form', async () => {
    const text = '{"message":"a\\ud800b"}';
    const body = await caller(testBoard().app).post('/requests', text, 400);
    expect(body).toMatchObject({ error: { message: expect.stringContaining('surrogate') } });
  });

  it('keeps every character of the message', async () => {
    const message = '\u0000 "\\ é 😀 \u2028 __proto__ Şifre';
    const board = testBoard();
    await post(board, { id: 'req_1', message });
    expect((await list(board, ''))[0]?.message).toBe(message);
  });
});

describe('GET /requests', () => {
  it('lists in order of arrival, by status, and after a cursor', async () => {
    const { board, put, signature } = await withRequest();
    await post(board, { id: 'b', message: 'm' });
    await post(board, { id: 'a', message: 'm' });
    await caller(board.app).get('/messages?request_id=keygen&to_node=node-1');
    await put({ signature });
    expect(await ids(board, '')).toEqual(['req_1', 'b', 'a', 'keygen']);
    expect(await ids(board, '?status=pending')).toEqual(['b', 'a']);
    expect(await ids(board, '?status=completed')).toEqual(['req_1']);
    expect(await ids(board, '?status=in_progress')).toEqual(['keygen']);
    expect(await ids(board, '?status=failed')).toEqual([]);
    expect(await ids(board, '?after=b')).toEqual(['a', 'keygen']);
    expect(await ids(board, '?status=pending&after=b')).toEqual(['a']);
  });

  it('reads on after a request that is no longer pending, and from the start after an unknown one', async () => {
    const { board, put, signature } = await withRequest();
    await post(board, { id: 'b', message: 'm' });
    await put({ signature });
    expect(await ids(board, '?status=pending&after=req_1')).toEqual(['b']);
    expect(await ids(board, '?status=pending&after=forgotten')).toEqual(['b']);
    expect(await ids(board, '?status=pending&after=b')).toEqual([]);
  });

  it('lists changes in their order after a revision, each request once', async () => {
    const { board, put, signature } = await withRequest();
    await post(board, { id: 'b', message: 'm' });
    const [first, second] = await list(board, '?changed_after=0');
    expect([first?.id, second?.id]).toEqual(['req_1', 'b']);
    await put({ presignature_id: 'presig_gen_1_x' });
    const changed = await list(board, `?status=pending&changed_after=${second?.revision ?? ''}`);
    expect(changed.map((record) => [record.id, record.presignature_id])).toEqual([['req_1', 'presig_gen_1_x']]);
    expect(await ids(board, '?changed_after=0')).toEqual(['b', 'req_1']);
    await put({ signature });
    expect(await ids(board, `?status=pending&changed_after=${second?.revision ?? ''}`)).toEqual([]);
    expect(await ids(board, `?changed_after=${second?.revision ?? ''}`)).toEqual(['req_1']);
    expect(await ids(board, `?changed_after=another.000000000001`)).toEqual(['b', 'req_1']);
  });

  it.each([
    ['?status=done', 'status'],
    ['?status=pending&status=failed', 'status'],
    ['?wait=30001', 'wait'],
    ['?wait=x', 'wait'],
    ['?after=a&after=b', 'after'],
    [`?after=${'a'.repeat(257)}`, 'after'],
    ['?after=a&changed_after=b', 'changed_after'],
    ['?limit=1', 'limit'],
    ['?status[]=pending', 'status[]'],
  ])('refuses %s naming %s', async (query, field) => {
    const body = await caller(testBoard().app).get(`/requests${query}`, 400);
    expect(body).toMatchObject({ error: { code: 'invalid_request', message: expect.stringContaining(`${field}: `) } });
  });
});

describe('the age of a request', () => {
  it('is in every answer, runs on the monotonic clock, and begins anew only with a new request', async () => {
    const { board, put } = await withRequest();
    const { clock } = board;
    const call = caller(board.app);
    clock.pass(700);
    clock.jump(-3_600_000);
    expect(await list(board, '')).toMatchObject([{ id: 'req_1', age_ms: 700 }]);
    expect(await list(board, '?changed_after=0')).toMatchObject([{ age_ms: 700 }]);
    expect(await call.get('/requests/req_1')).toMatchObject({ age_ms: 700 });
    expect(await post(board, { id: 'req_1', message: 'Hello' })).toMatchObject({ age_ms: 700 });
    expect(await put({ presignature_id: 'p' })).toMatchObject({ age_ms: 700 });
    await call.get('/messages?request_id=req_2&to_node=node-1');
    clock.pass(300);
    expect(await post(board, { id: 'req_2', message: 'm' })).toMatchObject({ age_ms: 0 });
    expect(await list(board, '?status=pending')).toMatchObject([{ age_ms: 1000 }, { age_ms: 0 }]);
  });

  it('is that of the answer, when the answer was held back', async () => {
    const clock = new VirtualClock();
    const board = testBoard({}, { clock });
    await post(board, { id: 'req_1', message: 'm' });
    const answer = caller(board.app).get('/requests/req_1?status=pending&wait=20000');
    await until(() => clock.pending > 0);
    await clock.advance(20_000);
    expect(await answer).toMatchObject({ status: 'pending', age_ms: 20_000 });
  });
});

describe('GET /requests/{id}', () => {
  it('answers the record, or 404', async () => {
    const { board } = await withRequest();
    expect(await caller(board.app).get('/requests/req_1')).toMatchObject({ id: 'req_1', message: 'Hello' });
    expect(await caller(board.app).get('/requests/req_2', 404)).toMatchObject({ error: { code: 'unknown_request' } });
  });

  it.each([
    ['/requests/req_1?wait=10', 'status'],
    ['/requests/a%2Fb', 'id'],
    ['/requests/req_1?x=1', 'x'],
  ])('%s is 400 naming %s', async (path, field) => {
    const { board } = await withRequest();
    const body = await caller(board.app).get(path, 400);
    expect(body).toMatchObject({ error: { message: expect.stringContaining(`${field}: `) } });
  });
});

describe('PUT /requests/{id}', () => {
  it('completes with a valid signature, and takes the same again', async () => {
    const { board, put, signature } = await withRequest();
    board.clock.pass(1000);
    const body = await put({ signature });
    expect(body).toMatchObject({ status: 'completed', signature, updated_at: new Date(START + 1000).toISOString() });
    for (const again of [{ signature }, { status: 'completed' }, { signature, status: 'completed' }]) {
      expect(await put(again)).toEqual(body);
    }
  });

  it('takes another spelling of the same signature as the same', async () => {
    const { put, signature } = await withRequest();
    const { r, s } = JSON.parse(signature) as { r: string; s: string };
    await put({ signature: `{"s": "${s.toUpperCase()}", "r": "${r}"}` });
    expect(await put({ signature })).toMatchObject({ signature });
  });

  it('refuses a signature of another message, of another key, and the high-s form', async () => {
    const { put, signer, signature } = await withRequest();
    for (const wrong of [signer.sign('hello'), newSigner().sign('Hello'), highS(signature)]) {
      expect(await put({ signature: wrong }, 400)).toMatchObject({ error: { code: 'invalid_signature' } });
      expect(await put({ signature: wrong, status: 'completed' }, 400)).toMatchObject({ error: { code: 'invalid_signature' } });
    }
    expect(await put({ status: 'pending' })).not.toHaveProperty('signature');
  });

  it('refuses a signature that cannot be checked', async () => {
    const board = testBoard();
    await post(board, { id: 'req_1', message: 'm' });
    const body = await caller(board.app).put('/requests/req_1', { signature: newSigner().sign('m') }, 409);
    expect(body).toMatchObject({ error: { code: 'no_public_key' } });
  });

  it('refuses completed without a signature', async () => {
    const { put } = await withRequest();
    expect(await put({ status: 'completed' }, 409)).toMatchObject({ error: { code: 'signature_missing' } });
  });

  it('never leaves completed', async () => {
    const { put, signer, signature, board } = await withRequest();
    await put({ signature });
    const second = signer.sign('other');
    const bodies = [
      { status: 'pending' },
      { status: 'in_progress' },
      { status: 'failed', reason: 'x' },
      { signature: second },
      { reason: 'x' },
    ];
    for (const body of bodies) {
      expect(await put(body, 409)).toMatchObject({ error: { code: 'status_conflict' } });
    }
    await put({ presignature_id: 'late' }, 409);
    expect((await list(board, ''))[0]).toMatchObject({ status: 'completed', signature });
  });

  it('fails with a reason, and never leaves failed', async () => {
    const { put, signature } = await withRequest();
    const reason = 'refused_by_policy: node-2';
    await put({ status: 'failed', reason });
    expect(await put({ status: 'failed', reason: 'another' })).toMatchObject({ status: 'failed', reason });
    for (const body of [{ signature }, { status: 'completed' }, { status: 'pending' }]) await put(body, 409);
  });

  it('tells what a pending request waits for, until it is completed', async () => {
    const { put, signature } = await withRequest();
    const reason = 'not_enough_signers: node-1, node-4';
    const body = await put({ reason });
    expect(body).toMatchObject({ status: 'pending', reason });
    expect(await put({ reason })).toEqual(body);
    expect(await put({ signature })).not.toHaveProperty('reason');
  });

  it('stays pending until it is finished', async () => {
    const { put } = await withRequest();
    await put({ status: 'pending' });
    expect(await put({ status: 'in_progress' }, 409)).toMatchObject({ error: { code: 'status_conflict' } });
  });

  it('keeps the first name of a presignature', async () => {
    const { put } = await withRequest();
    const body = await put({ presignature_id: 'p1' });
    expect(await put({ presignature_id: 'p1' })).toEqual(body);
    expect(await put({ presignature_id: 'p2' }, 409)).toMatchObject({ error: { code: 'presignature_conflict' } });
  });

  it('takes no presignature of another request, in whatever way it was assigned, until that is forgotten', async () => {
    const { board, put, signature } = await withRequest();
    const conflict = { error: { code: 'presignature_conflict', message: 'presignature_id: p1 is assigned to req_1 already' } };
    const create = (id: string, presignature_id?: string, status = 200) =>
      caller(board.app).post('/requests', { id, message: 'Hello', origin: 'gateway', presignature_id }, status);
    await create('req_2');
    await create('req_3', 'p3');
    await put({ presignature_id: 'p1' });
    expect(await create('req_4', 'p1', 409)).toEqual(conflict);
    const name = (presignature_id: string) => caller(board.app).put('/requests/req_2', { presignature_id }, 409);
    expect(await name('p1')).toEqual(conflict);
    expect(await name('p3')).toMatchObject({ error: { code: 'presignature_conflict' } });
    await put({ signature });
    expect(await create('req_4', 'p1', 409)).toEqual(conflict);
    board.clock.pass(3_600_001);
    board.expire();
    await create('req_4', 'p1');
  });

  it('does all of a body or nothing', async () => {
    const { put, signer, board } = await withRequest();
    await put({ presignature_id: 'p1', signature: signer.sign('no') }, 400);
    expect((await list(board, ''))[0]).not.toHaveProperty('presignature_id');
  });

  it('leaves protocol records alone', async () => {
    const { board, signature } = await withRequest();
    await caller(board.app).get('/messages?request_id=keygen&to_node=node-1');
    const put = (body: object, status = 200) => caller(board.app).put('/requests/keygen', body, status);
    const bodies = [
      { status: 'completed' },
      { status: 'failed', reason: 'x' },
      { signature },
      { presignature_id: 'p' },
      { status: 'pending' },
    ];
    for (const body of bodies) {
      expect(await put(body, 409)).toMatchObject({ error: { code: 'not_a_signing_request' } });
    }
    await put({ status: 'in_progress' });
  });

  it.each([
    [{}, 'status'],
    [{ status: 'done' }, 'status'],
    [{ status: 'failed' }, 'reason'],
    [{ status: 'failed', reason: 'Check 3 of proof 7 failed' }, 'reason'],
    [{ status: 'completed', reason: 'x' }, 'reason'],
    [{ signature: '{}' }, 'signature'],
    [{ signature: { r: '0'.repeat(64), s: '0'.repeat(64) } }, 'signature'],
    [{ presignature_id: '' }, 'presignature_id'],
    [{ message: 'changed' }, 'message'],
    [{ id: 'x' }, 'id'],
    ['"text"', 'body'],
  ])('%#: refuses %j naming %s', async (body, field) => {
    const { put } = await withRequest();
    const answer = await put(body, 400);
    expect(answer).toMatchObject({ error: { message: expect.stringContaining(field) } });
  });

  it('refuses failed together with a signature', async () => {
    const { put, signature } = await withRequest();
    await put({ signature, status: 'failed', reason: 'x' }, 400);
  });

  it('is 404 for an unknown request', async () => {
    await caller(testBoard().app).put('/requests/req_9', { status: 'pending' }, 404);
  });
});
