import { describe, expect, it } from '@jest/globals';
import { MessageSchema, PartialSignatureSchema, type Message, type PartialSignature } from '../src/contract/contract.js';
import { caller } from 'testkit/caller';
import { testBoard } from './support.js';

type Board = ReturnType<typeof testBoard>;

const MESSAGE = { request_id: 'keygen', from_node: 'node-1', to_node: '*', round: 1, payload: '{"Round1":{}}' };

const list = async (board: Board, path: string): Promise<Message[]> => (await caller(board.app).get(path)) as Message[];

describe.each(['/messages', '/presignature-messages'])('%s', (path) => {
  async function post(board: Board, body: object): Promise<Message> {
    const entry = await caller(board.app).post(path, body);
    return MessageSchema.strict().parse(entry);
  }

  it('answers what is for the node and for all, in order', async () => {
    const board = testBoard();
    const first = await post(board, MESSAGE);
    const second = await post(board, { ...MESSAGE, from_node: 'node-2', to_node: 'node-1' });
    const third = await post(board, { ...MESSAGE, from_node: 'node-2', to_node: 'node-3' });
    const query = `${path}?request_id=keygen`;
    expect(await list(board, `${query}&to_node=node-1`)).toEqual([first, second]);
    expect(await list(board, `${query}&to_node=node-3`)).toEqual([first, third]);
    expect(await list(board, `${query}&to_node=*`)).toEqual([first]);
    expect(await list(board, `${query}&to_node=node-1&after=${first.id}`)).toEqual([second]);
    expect(await list(board, `${query}&to_node=node-3&after=${second.id}`)).toEqual([third]);
    expect(await list(board, `${query}&to_node=node-1&after=unknown`)).toEqual([first, second]);
    expect(await list(board, `${query}&to_node=node-1`)).toEqual([first, second]);
  });

  it('takes the same again as the same entry, and keeps a contradiction', async () => {
    const board = testBoard();
    const entry = await post(board, MESSAGE);
    board.clock.pass(5000);
    expect(await post(board, MESSAGE)).toEqual(entry);
    const others = [];
    for (const change of [{ payload: 'x' }, { round: 2 }, { from_node: 'node-2' }, { to_node: 'node-2' }]) {
      others.push((await post(board, { ...MESSAGE, ...change })).id);
    }
    expect(new Set([entry.id, ...others]).size).toBe(5);
    await post(board, { ...MESSAGE, request_id: 'auxgen' });
    expect(await list(board, `${path}?request_id=keygen&to_node=node-2`)).toHaveLength(5);
  });

  it.each([
    ['request_id', undefined],
    ['request_id', 'a b'],
    ['from_node', undefined],
    ['from_node', '*'],
    ['from_node', 'node-0'],
    ['to_node', undefined],
    ['to_node', 'all'],
    ['round', undefined],
    ['round', 1.5],
    ['round', '1'],
    ['round', -1],
    ['round', 65_536],
    ['payload', undefined],
    ['payload', ''],
    ['payload', { a: 1 }],
    ['id', 'x'],
    ['created_at', '2026-01-01T00:00:00Z'],
  ])('refuses %s = %j by name', async (field, value) => {
    const body = await caller(testBoard().app).post(path, { ...MESSAGE, [field]: value }, 400);
    expect(body).toMatchObject({ error: { code: 'invalid_request', message: expect.stringContaining(`${field}: `) } });
  });

  it.each([
    ['', 'request_id'],
    ['?request_id=keygen', 'to_node'],
    ['?to_node=node-1', 'request_id'],
    ['?request_id=keygen&to_node=1', 'to_node'],
    ['?request_id=keygen&to_node=node-1&to_node=node-2', 'to_node'],
    ['?request_id=keygen&to_node=node-1&wait=-1', 'wait'],
    ['?request_id=keygen&to_node=node-1&round=1', 'round'],
  ])('GET %s is 400 naming %s', async (query, field) => {
    const body = await caller(testBoard().app).get(`${path}${query}`, 400);
    expect(body).toMatchObject({ error: { message: expect.stringContaining(`${field}: `) } });
  });
});

describe('records of messages', () => {
  it('GET /messages makes one that is in progress, never pending', async () => {
    const board = testBoard();
    expect(await list(board, '/messages?request_id=keygen&to_node=node-1')).toEqual([]);
    expect(await caller(board.app).get('/requests/keygen')).toMatchObject({ status: 'in_progress', message: '' });
    expect(await caller(board.app).get('/requests?status=pending')).toEqual([]);
  });

  it('POST /messages makes the same', async () => {
    const board = testBoard();
    await caller(board.app).post('/messages', MESSAGE);
    expect(await caller(board.app).get('/requests/keygen')).toMatchObject({ status: 'in_progress', message: '' });
  });

  it('presignature messages make none', async () => {
    const board = testBoard();
    await caller(board.app).post('/presignature-messages', MESSAGE);
    await list(board, '/presignature-messages?request_id=other&to_node=node-1');
    expect(await caller(board.app).get('/requests')).toEqual([]);
    expect(await caller(board.app).get('/presignature-requests')).toEqual([]);
  });

  it('the two name spaces are apart', async () => {
    const board = testBoard();
    await caller(board.app).post('/presignature-messages', MESSAGE);
    expect(await list(board, '/messages?request_id=keygen&to_node=node-1')).toEqual([]);
  });

  it('cannot be made a signing request, unless the board had lost one', async () => {
    const board = testBoard();
    await list(board, '/messages?request_id=keygen&to_node=node-1');
    await caller(board.app).post('/requests', { id: 'keygen', message: 'sign me' }, 409);
    await caller(board.app).post('/messages', { ...MESSAGE, request_id: 'req_1_a' });
    await caller(board.app).post('/requests', { id: 'req_0_a', message: 'm' });
    await caller(board.app).post('/requests', { id: 'req_1_a', message: 'm' });
    const body = await caller(board.app).get('/requests?status=pending&after=req_0_a');
    expect(body).toMatchObject([{ id: 'req_1_a', status: 'pending', message: 'm' }]);
    expect(await list(board, '/messages?request_id=req_1_a&to_node=node-1')).toHaveLength(1);
  });
});

describe('/partial-signatures', () => {
  const PARTIAL = { request_id: 'req_1', from_node: 'node-1', payload: '{"sigma":"01"}' };

  it('lists each once, in order, after a cursor', async () => {
    const board = testBoard();
    const post = async (body: object): Promise<PartialSignature> =>
      PartialSignatureSchema.strict().parse(await caller(board.app).post('/partial-signatures', body));
    const first = await post(PARTIAL);
    const second = await post({ ...PARTIAL, payload: 'contradicts' });
    const third = await post({ ...PARTIAL, from_node: 'node-2' });
    expect(await post(PARTIAL)).toEqual(first);
    const path = '/partial-signatures?request_id=req_1';
    expect(await caller(board.app).get(path)).toEqual([first, second, third]);
    expect(await caller(board.app).get(`${path}&after=${first.id}`)).toEqual([second, third]);
    expect(await caller(board.app).get('/partial-signatures?request_id=req_2')).toEqual([]);
    await caller(board.app).get('/requests/req_2', 404);
  });

  it.each([
    ['request_id', ''],
    ['from_node', 'node-70000'],
    ['payload', 7],
    ['to_node', '*'],
  ])('refuses %s = %j by name', async (field, value) => {
    const body = await caller(testBoard().app).post('/partial-signatures', { ...PARTIAL, [field]: value }, 400);
    expect(body).toMatchObject({ error: { message: expect.stringContaining(`${field}: `) } });
  });

  it('answers with the whole list who asks for it, so that the last one has them all', async () => {
    const board = testBoard();
    const post = (from_node: string): Promise<unknown> =>
      caller(board.app).post('/partial-signatures?list=true', { ...PARTIAL, from_node });
    expect(await post('node-1')).toMatchObject([{ from_node: 'node-1' }]);
    const both = await post('node-2');
    expect(both).toMatchObject([{ from_node: 'node-1' }, { from_node: 'node-2' }]);
    expect(await post('node-1')).toEqual(both);
    expect(await caller(board.app).get('/partial-signatures?request_id=req_1')).toEqual(both);
    const body = await caller(board.app).post('/partial-signatures?list=yes', PARTIAL, 400);
    expect(body).toMatchObject({ error: { message: expect.stringContaining('list: ') } });
  });

  it('GET without request_id is 400 naming it', async () => {
    const body = await caller(testBoard().app).get('/partial-signatures', 400);
    expect(body).toMatchObject({ error: { message: expect.stringContaining('request_id: ') } });
  });
});
