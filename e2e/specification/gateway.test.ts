/** The gateway, as a client of the specification calls it. What it says without a key or without a board is in restored_cluster.test.ts. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { departs } from './departures.js';
import { bodyOf, type Method } from './http.js';
import { board, gateway, publicKey, sign, type SignedMessage } from './running_cluster.js';
import { CompletedAnswerSchema, ErrorSchema, HealthSchema, NotFoundSchema, PublicKeySchema, SigningRequestSchema } from './schemas.js';
import { isValid } from './signature_check.js';

const MESSAGE = 'Hello, threshold signing!';
const UNKNOWN = 'req_1705067890_abc123';

describe('POST /sign, GET /status/{request_id}, GET /publickey', () => {
  let signed: SignedMessage;
  let again: SignedMessage;
  beforeAll(async () => {
    // Each of them is first answered 200 with request_id and status pending.
    [signed, again] = await Promise.all([sign(MESSAGE), sign(MESSAGE)]);
  });

  it('a completed request has request_id, status and signature, the same every time it is asked', async () => {
    for (let time = 0; time < 2; time++) {
      const answer = bodyOf(await gateway.get(`/status/${signed.requestId}`), 200, CompletedAnswerSchema);
      expect(answer).toEqual({ request_id: signed.requestId, status: 'completed', signature: signed.signature });
    }
  });

  it('the signature is one of SHA-256 of the message under the public key, and of no other message', async () => {
    const key = await publicKey();
    expect(await isValid(signed, key)).toBe(true);
    expect(await isValid({ ...signed, message: `${MESSAGE} ` }, key)).toBe(false);
  });

  it('the same message again is another request with another signature', () => {
    expect(again.requestId).not.toBe(signed.requestId);
    expect(again.signature).not.toBe(signed.signature);
  });

  it('the board has it under the same id, and the same public key', async () => {
    const record = bodyOf(await board.get(`/requests/${signed.requestId}`), 200, SigningRequestSchema);
    expect(record).toMatchObject({ id: signed.requestId, message: MESSAGE, status: 'completed', signature: signed.signature });
    expect(bodyOf(await board.get('/publickey'), 200, PublicKeySchema).public_key).toBe(await publicKey());
  });

  it('an unknown request is 404, by its id and status not_found', async () => {
    const answer = bodyOf(await gateway.get(`/status/${UNKNOWN}`), 404, NotFoundSchema);
    expect(answer).toEqual({ request_id: UNKNOWN, status: 'not_found' });
  });

  const refused: [method: Method, path: string, what: string, body: unknown, status: number][] = [
    ['POST', '/sign', 'an empty message', { message: '' }, 400],
    ['POST', '/sign', 'no message', {}, 400],
    ['POST', '/sign', 'a message that is no text', { message: 5 }, 400],
    ['POST', '/sign', `an unknown field ${departs('strictBodies')}`, { message: 'm', mesage: 'm' }, 400],
    ['POST', '/sign', `what is not JSON ${departs('errorBody')}`, '{"message":', 400],
    ['GET', '/signatures', 'an unknown route', undefined, 404],
  ];
  it.each(refused)('%s %s, %s', async (method, path, _what, body, status) => {
    bodyOf(await gateway.call(method, path, body), status, ErrorSchema);
  });
});

describe('GET /health', () => {
  it('is 200 with a status', async () => {
    bodyOf(await gateway.get('/health'), 200, HealthSchema);
  });
});
