/**
 * Every route of the message board, as the specification has it: a board of its own, without a roster, which takes what anybody posts.
 * What it does with signatures is in board_signatures.test.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { departs } from './departures.js';
import { bodyOf, type HttpService, type Method } from './http.js';
import { StartedService } from './programs.js';
import {
  ErrorSchema,
  HealthSchema,
  NodeMessageSchema,
  PartialSignatureMessageSchema,
  PresignatureRequestSchema,
  SigningRequestSchema,
} from './schemas.js';

let folder: string;
let service: StartedService;
let board: HttpService;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'specification-'));
  service = await StartedService.start('message-board/dist/main.js', 'PORT', {}, join(folder, 'board.log'));
  board = service.http;
});
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

const payload = '{"test": "data"}';

async function post<T>(path: string, body: object, schema: z.ZodType<T>): Promise<T> {
  return bodyOf(await board.post(path, body), 200, schema);
}

/** A list is a bare array. */
async function list<T>(path: string, schema: z.ZodType<T>): Promise<T[]> {
  return bodyOf(await board.get(path), 200, z.array(schema));
}

async function idsOf(path: string): Promise<string[]> {
  return (await list(path, z.object({ id: z.string() }))).map(({ id }) => id);
}

async function roundsOf(path: string): Promise<number[]> {
  return (await list(path, NodeMessageSchema)).map(({ round }) => round);
}

async function newRequest(message: string): Promise<string> {
  return (await post('/requests', { message }, SigningRequestSchema)).id;
}

describe('POST answers 200 with the record: what was sent, an id and times', () => {
  const forAll = { request_id: 'test_123', from_node: 'node-1', to_node: '*', round: 1, payload };
  const posts: [path: string, body: object, schema: z.ZodType<object>][] = [
    ['/requests', { message: 'test' }, SigningRequestSchema],
    ['/messages', forAll, NodeMessageSchema],
    ['/messages', { ...forAll, to_node: 'node-2' }, NodeMessageSchema],
    ['/presignature-messages', { ...forAll, request_id: 'presig_gen_42' }, NodeMessageSchema],
    ['/presignature-requests', { request_id: 'presig_gen_42' }, PresignatureRequestSchema],
    ['/partial-signatures', { request_id: 'test_123', from_node: 'node-1', payload }, PartialSignatureMessageSchema],
  ];
  it.each(posts)('POST %s %j', async (path, body, schema) => {
    expect(await post(path, body, schema)).toMatchObject(body);
  });

  it('a signing request is pending, has no signature yet, and an id with the time in it', async () => {
    const before = Math.floor(Date.now() / 1000);
    const record = await post('/requests', { message: 'test' }, SigningRequestSchema);
    expect(record.status).toBe('pending');
    expect(record).not.toHaveProperty('signature');
    const seconds = /^req_(\d+)_[0-9a-z]+$/.exec(record.id)?.[1];
    expect(Number(seconds)).toBeGreaterThanOrEqual(before);
  });

  it('a presignature request is pending, and its id is its request_id', async () => {
    const record = await post('/presignature-requests', { request_id: 'presig_gen_1' }, PresignatureRequestSchema);
    expect(record).toMatchObject({ id: 'presig_gen_1', status: 'pending' });
  });
});

describe('GET answers what was posted', () => {
  it('GET /requests has all requests, ?status only those of that status', async () => {
    const pending = await newRequest('still pending');
    const failed = await newRequest('to fail');
    await board.put(`/requests/${failed}`, { status: 'failed', reason: 'for_a_test' });
    expect(await list('/requests', SigningRequestSchema)).toContainEqual(expect.objectContaining({ id: failed, status: 'failed' }));
    expect(await idsOf('/requests')).toContain(pending);
    expect(await idsOf('/requests?status=pending')).toContain(pending);
    expect(await idsOf('/requests?status=pending')).not.toContain(failed);
    expect(await idsOf('/requests?status=failed')).toContain(failed);
    expect(await idsOf('/requests?status=completed')).not.toContain(pending);
  });

  it('GET /requests/{id} has one request', async () => {
    const posted = await post('/requests', { message: 'one' }, SigningRequestSchema);
    expect(bodyOf(await board.get(`/requests/${posted.id}`), 200, SigningRequestSchema)).toEqual(posted);
  });

  it.each(['/messages', '/presignature-messages'])('GET %s has what is for one node or for all, in order of arrival', async (path) => {
    const message = { request_id: 'filter', from_node: 'node-1', payload };
    for (const [round, to_node] of ['node-2', '*', 'node-3', 'node-2'].entries()) await board.post(path, { ...message, to_node, round });
    expect(await roundsOf(`${path}?request_id=filter&to_node=node-2`)).toEqual([0, 1, 3]);
    expect(await roundsOf(`${path}?request_id=filter&to_node=node-3`)).toEqual([1, 2]);
    expect(await roundsOf(`${path}?request_id=filter&to_node=node-4`)).toEqual([1]);
  });

  it('messages and presignature messages of one request_id are kept apart', async () => {
    await board.post('/messages', { request_id: 'apart', from_node: 'node-1', to_node: '*', round: 1, payload });
    expect(await roundsOf('/presignature-messages?request_id=apart&to_node=node-2')).toEqual([]);
    expect(await roundsOf('/messages?request_id=apart&to_node=node-2')).toEqual([1]);
  });

  it('GET /partial-signatures has those of one request', async () => {
    const nodes = ['node-1', 'node-2', 'node-3'];
    for (const from_node of nodes) await board.post('/partial-signatures', { request_id: 'parts', from_node, payload });
    await board.post('/partial-signatures', { request_id: 'other', from_node: 'node-4', payload });
    const parts = await list('/partial-signatures?request_id=parts', PartialSignatureMessageSchema);
    expect(parts.map(({ from_node }) => from_node)).toEqual(nodes);
  });

  it('GET /presignature-requests has all, ?status only those of that status', async () => {
    for (const request_id of ['presig_gen_2', 'presig_gen_3']) await board.post('/presignature-requests', { request_id });
    const record = bodyOf(await board.put('/presignature-requests/presig_gen_3', { status: 'completed' }), 200, PresignatureRequestSchema);
    expect(record.status).toBe('completed');
    expect(await list('/presignature-requests', PresignatureRequestSchema)).toContainEqual(record);
    expect(await idsOf('/presignature-requests')).toContain('presig_gen_2');
    expect(await idsOf('/presignature-requests?status=pending')).toContain('presig_gen_2');
    expect(await idsOf('/presignature-requests?status=pending')).not.toContain('presig_gen_3');
  });

  it(`GET /messages with an unknown request_id makes its record ${departs('protocolRecords')}`, async () => {
    expect(await roundsOf('/messages?request_id=keygen&to_node=node-1')).toEqual([]);
    const record = bodyOf(await board.get('/requests/keygen'), 200, SigningRequestSchema);
    expect(record).toMatchObject({ message: '', status: 'in_progress' });
    expect(await idsOf('/requests?status=pending')).not.toContain('keygen');
  });

  it('a list goes on after the id of the last element seen, and from the start after an unknown one', async () => {
    const message = { request_id: 'cursor', from_node: 'node-1', to_node: '*', payload };
    const first = await post('/messages', { ...message, round: 1 }, NodeMessageSchema);
    await board.post('/messages', { ...message, round: 2 });
    expect(await roundsOf(`/messages?request_id=cursor&to_node=node-2&after=${first.id}`)).toEqual([2]);
    expect(await roundsOf('/messages?request_id=cursor&to_node=node-2&after=unknown')).toEqual([1, 2]);
  });

  it('GET /requests/{id} with status and wait is held until it has another status', async () => {
    const id = await newRequest('to wait for');
    const held = board.get(`/requests/${id}?status=pending&wait=30000`);
    await board.put(`/requests/${id}`, { status: 'failed', reason: 'for_a_test' });
    expect(bodyOf(await held, 200, SigningRequestSchema).status).toBe('failed');
  });
});

describe('what cannot be answered', () => {
  /** `names`: what the message of the error has to mention. */
  const answers: [method: Method, path: string, what: string, body: unknown, status: number, names: string][] = [
    ['GET', '/requests/req_1_none', `an unknown request ${departs('errorBody')}`, undefined, 404, ''],
    ['PUT', '/requests/req_1_none', 'an unknown request', { status: 'pending' }, 404, ''],
    ['GET', '/signatures', 'an unknown route', undefined, 404, ''],
    ['POST', '/requests', 'what is not JSON', '{"message":', 400, ''],
    ['POST', '/requests', 'no message', {}, 400, 'message'],
    ['POST', '/requests', `an unknown field ${departs('strictBodies')}`, { message: 'm', mesage: 'm' }, 400, 'mesage'],
    ['GET', '/requests?status=done', 'an unknown status', undefined, 400, 'status'],
    ['GET', '/messages', `nothing of the place ${departs('messagesNeedPlace')}`, undefined, 400, 'request_id'],
    ['GET', '/messages?request_id=x', 'no to_node', undefined, 400, 'to_node'],
    ['GET', '/presignature-messages?request_id=x', 'no to_node', undefined, 400, 'to_node'],
    ['GET', '/partial-signatures', 'no request_id', undefined, 400, 'request_id'],
    ['POST', '/messages', 'fields missing', { request_id: 'x' }, 400, 'from_node'],
    ['POST', '/presignature-messages', 'fields missing', { request_id: 'x' }, 400, 'to_node'],
    ['POST', '/partial-signatures', 'fields missing', { request_id: 'x' }, 400, 'payload'],
    ['POST', '/presignature-requests', 'fields missing', {}, 400, 'request_id'],
    ['POST', '/publickey', 'no point of the curve', { public_key: '1234' }, 400, 'public_key'],
  ];
  it.each(answers)('%s %s, %s', async (method, path, _what, body, status, names) => {
    const { error } = bodyOf(await board.call(method, path, body), status, ErrorSchema);
    expect(error.message).toContain(names);
  });
});

describe('GET /health', () => {
  it('is 200 with a status', async () => {
    bodyOf(await board.get('/health'), 200, HealthSchema);
  });
});
