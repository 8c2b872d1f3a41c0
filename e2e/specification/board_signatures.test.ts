/** A signing request's way to its signature, and the public key: on a board of its own, with a key of the test's. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getPublicKey, signAsync, utils } from '@noble/secp256k1';
import { departs } from './departures.js';
import { bodyOf, type HttpService } from './http.js';
import { StartedService } from './programs.js';
import { ErrorSchema, PublicKeySchema, SigningRequestSchema } from './schemas.js';

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

const secret = utils.randomSecretKey();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const public_key = hex(getPublicKey(secret));
const another_key = hex(getPublicKey(utils.randomSecretKey()));

async function newRequest(message: string): Promise<string> {
  return bodyOf(await board.post('/requests', { message }), 200, SigningRequestSchema).id;
}

async function signatureOf(message: string): Promise<{ r: string; s: string }> {
  const bytes = await signAsync(Buffer.from(message), secret);
  return { r: hex(bytes.subarray(0, 32)), s: hex(bytes.subarray(32)) };
}

// In this order: the board has no key at first.
describe('the public key', () => {
  it('GET /publickey is 404 before there is one', async () => {
    bodyOf(await board.get('/publickey'), 404, ErrorSchema);
  });

  it(`nothing can be completed before there is one: 409 ${departs('checkedSignature')}`, async () => {
    const id = await newRequest('too early');
    bodyOf(await board.put(`/requests/${id}`, { signature: JSON.stringify(await signatureOf('too early')) }), 409, ErrorSchema);
  });

  it('POST /publickey answers 200 with it, the same again too, another one 409; the first stays', async () => {
    expect(bodyOf(await board.post('/publickey', { public_key }), 200, PublicKeySchema)).toEqual({ public_key });
    expect(bodyOf(await board.post('/publickey', { public_key }), 200, PublicKeySchema)).toEqual({ public_key });
    bodyOf(await board.post('/publickey', { public_key: another_key }), 409, ErrorSchema);
    expect(bodyOf(await board.get('/publickey'), 200, PublicKeySchema)).toEqual({ public_key });
  });
});

describe('PUT /requests/{id}', () => {
  it('with a signature completes the request, and answers the updated record', async () => {
    const id = await newRequest('to be signed');
    const { r, s } = await signatureOf('to be signed');
    // Spaced as in the specification.
    const answer = bodyOf(await board.put(`/requests/${id}`, { signature: `{"r": "${r}", "s": "${s}"}` }), 200, SigningRequestSchema);
    expect(answer).toMatchObject({ id, message: 'to be signed', status: 'completed' });
    expect(JSON.parse(answer.signature ?? '')).toEqual({ r, s });
    expect(bodyOf(await board.get(`/requests/${id}`), 200, SigningRequestSchema)).toEqual(answer);
    // As a second node does, which found the same signature.
    expect(bodyOf(await board.put(`/requests/${id}`, { signature: answer.signature }), 200, SigningRequestSchema).status).toBe('completed');
  });

  it('with a status sets it, and the same again is 200', async () => {
    const id = await newRequest('to fail');
    for (let time = 0; time < 2; time++) {
      const answer = bodyOf(await board.put(`/requests/${id}`, { status: 'failed', reason: 'for_a_test' }), 200, SigningRequestSchema);
      expect(answer).toMatchObject({ id, status: 'failed' });
    }
  });

  const refused: { what: string; put: () => Promise<object>; status: number }[] = [
    { what: 'a signature of another message', put: async () => ({ signature: JSON.stringify(await signatureOf('another')) }), status: 400 },
    { what: 'what is no signature', put: () => Promise.resolve({ signature: '{"r": "1"}' }), status: 400 },
    { what: 'completed without a signature', put: () => Promise.resolve({ status: 'completed' }), status: 409 },
    { what: 'failed without a reason', put: () => Promise.resolve({ status: 'failed' }), status: 400 },
    { what: 'nothing', put: () => Promise.resolve({}), status: 400 },
  ];
  it.each(refused)(`$what is refused: $status ${departs('checkedSignature')}`, async ({ put, status }) => {
    const id = await newRequest('to be refused');
    bodyOf(await board.put(`/requests/${id}`, await put()), status, ErrorSchema);
    expect(bodyOf(await board.get(`/requests/${id}`), 200, SigningRequestSchema).status).toBe('pending');
  });

  it(`a final state does not change: 409 ${departs('checkedSignature')}`, async () => {
    const id = await newRequest('failed for ever');
    await board.put(`/requests/${id}`, { status: 'failed', reason: 'for_a_test' });
    bodyOf(await board.put(`/requests/${id}`, { status: 'pending' }), 409, ErrorSchema);
    bodyOf(await board.put(`/requests/${id}`, { signature: JSON.stringify(await signatureOf('failed for ever')) }), 409, ErrorSchema);
    expect(bodyOf(await board.get(`/requests/${id}`), 200, SigningRequestSchema).status).toBe('failed');
  });
});
