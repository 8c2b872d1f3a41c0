/** What the nodes of the running cluster have left on its board, and what that board refuses. */
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { departs } from './departures.js';
import { bodyOf, eventually } from './http.js';
import { messagesTo } from './messages.js';
import { board, gateway, NODES, publicKey, sign } from './running_cluster.js';
import {
  ErrorSchema,
  PartialSignatureClaimsSchema,
  PartialSignatureMessageSchema,
  PublicKeySchema,
  SealedPresignatureRequestSchema,
  SigningRequestSchema,
  StatusAnswerSchema,
} from './schemas.js';

/** Departure `namedPresignature`. */
const PresignedRequestSchema = SigningRequestSchema.extend({ presignature_id: z.string().optional() });

describe.each([
  { what: 'key generation', requestId: 'keygen' },
  { what: 'auxiliary info', requestId: 'auxgen' },
])('the messages of $what', ({ requestId }) => {
  it('every node has posted in rounds 1 to 4, for all and for single nodes', async () => {
    for (const node of NODES) {
      const messages = await messagesTo(board, node, requestId);
      expect(new Set(messages.map(({ from_node }) => from_node))).toEqual(new Set(NODES));
      expect(new Set(messages.map(({ round }) => round))).toEqual(new Set([1, 2, 3, 4]));
      expect(new Set(messages.map(({ to_node }) => to_node))).toEqual(new Set(['*', node]));
      expect(new Set(messages.map(({ request_id }) => request_id))).toEqual(new Set([requestId]));
    }
  });

  it(`their request is in progress and has no message ${departs('protocolRecords')}`, async () => {
    const record = bodyOf(await board.get(`/requests/${requestId}`), 200, SigningRequestSchema);
    expect(record).toMatchObject({ message: '', status: 'in_progress' });
  });
});

describe('presignatures', () => {
  it(`their requests have request_id, participants and status ${departs('presignatureIds')}`, async () => {
    const requests = bodyOf(await board.get('/presignature-requests'), 200, z.array(SealedPresignatureRequestSchema));
    expect(requests.length).toBeGreaterThan(0);
    for (const { id, request_id, participants } of requests) {
      expect(request_id).toBe(id);
      expect([...new Set(participants)].sort()).toEqual(participants);
    }
    const completed = bodyOf(await board.get('/presignature-requests?status=completed'), 200, z.array(SealedPresignatureRequestSchema));
    expect(completed.length).toBeGreaterThan(0);
    expect(new Set(completed.map(({ status }) => status))).toEqual(new Set(['completed']));
  });

  it(`every node takes part in some ${departs('signerSets')}`, async () => {
    await eventually('the pool has presignatures of all four nodes', async () => {
      const requests = bodyOf(await board.get('/presignature-requests?status=completed'), 200, z.array(SealedPresignatureRequestSchema));
      const makers = new Set(requests.flatMap(({ participants }) => participants));
      return makers.size === NODES.length ? makers : undefined;
    });
  });

  it('their messages are at /presignature-messages, posted by the participants', async () => {
    // The board keeps them only for a minute after the presignature is made: using one has another one made.
    const { participants, messages } = await eventually('a presignature is made', async () => {
      const requests = bodyOf(await board.get('/presignature-requests'), 200, z.array(SealedPresignatureRequestSchema));
      for (const { id, participants, status } of requests.slice(-10).reverse()) {
        const messages = await messagesTo(board, `node-${(participants[0] ?? 0) + 1}`, id, '/presignature-messages');
        if (messages.length > 0 && status === 'completed') return { participants, messages };
      }
      await sign('to use one up');
      return undefined;
    });
    const names = participants.map((index) => `node-${index + 1}`);
    expect(new Set(messages.map(({ from_node }) => from_node))).toEqual(new Set(names));
    expect(new Set(messages.map(({ to_node }) => to_node))).toEqual(new Set(['*', names[0]]));
  });
});

describe('a signature of a presignature', () => {
  it(`consists of the partial signatures of three nodes ${departs('partialSignature', 'namedPresignature')}`, async () => {
    // On a machine with much else to do a request may be signed in full instead.
    const { record, parts } = await eventually('a request is signed with a presignature', async () => {
      const { requestId } = await sign('a message for three signers');
      const record = bodyOf(await board.get(`/requests/${requestId}`), 200, PresignedRequestSchema);
      const parts = bodyOf(await board.get(`/partial-signatures?request_id=${requestId}`), 200, z.array(PartialSignatureMessageSchema));
      return parts.length === 3 ? { record, parts } : undefined;
    });
    expect(new Set(parts.map(({ from_node }) => from_node)).size).toBe(3);
    for (const { request_id, payload } of parts) {
      expect(request_id).toBe(record.id);
      const [, claims = ''] = payload.split('.');
      const statement: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString());
      const { presignature_id } = z.object({ claims: PartialSignatureClaimsSchema }).parse(statement).claims;
      expect(presignature_id).toBe(record.presignature_id);
    }
  });

  it('its presignature is used up: no other request names it', async () => {
    const records = bodyOf(await board.get('/requests'), 200, z.array(PresignedRequestSchema));
    const named = records.flatMap(({ presignature_id }) => presignature_id ?? []);
    expect(named.length).toBeGreaterThan(0);
    expect(new Set(named).size).toBe(named.length);
  });
});

describe('a board with a roster', () => {
  const message = { request_id: 'test_123', from_node: 'node-1', to_node: '*', round: 1, payload: '{"test": "data"}' };
  const unsigned: [path: string, body: object][] = [
    ['/messages', message],
    ['/presignature-messages', message],
    ['/presignature-requests', { request_id: 'presig_gen_42' }],
    ['/partial-signatures', { request_id: 'test_123', from_node: 'node-1', payload: '{"s": "1", "e": "2"}' }],
  ];
  it.each(unsigned)(`POST %s is 403 for what no member has signed ${departs('signedEntries')}`, async (path, body) => {
    bodyOf(await board.post(path, body), 403, ErrorSchema);
  });

  it('takes its own public key again, and answers 409 to another one', async () => {
    const public_key = await publicKey();
    expect(bodyOf(await board.post('/publickey', { public_key }), 200, PublicKeySchema)).toEqual({ public_key });
    const generator = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
    bodyOf(await board.post('/publickey', { public_key: generator }), 409, ErrorSchema);
  });

  it(`keeps a request that the gateway has not signed, and the nodes refuse it ${departs('gatewayAsks')}`, async () => {
    const { id, status } = bodyOf(await board.post('/requests', { message: 'test' }), 200, SigningRequestSchema);
    expect(status).toBe('pending');
    const answer = await eventually('it has failed', async () => {
      const found = bodyOf(await gateway.get(`/status/${id}`), 200, StatusAnswerSchema.extend({ reason: z.string().optional() }));
      return found.status === 'pending' ? undefined : found;
    });
    expect(answer).toMatchObject({ status: 'failed', reason: expect.stringMatching(/^unauthorized: node-\d/) });
  });
});
