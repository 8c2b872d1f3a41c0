/** The board's routes and its client, given what no honest client and no honest board sends. */
import { verifierFor } from '../src/server/verifiers.js';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seal } from 'sealing/envelope';
import { CLOSING, NAMING, PARTIAL_SIGNATURE, PRESIGNATURE_REQUEST, REFUSAL, SIGNING_REQUEST } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { Pool } from 'undici';
import { z } from 'zod';
import { changedJson, changedJsonText, readOrRefusedLater, runs } from 'testkit/fuzz';
import type { Json } from 'testkit/json';
import { heartbeatOf } from 'testkit/heartbeat';
import { sessionHeaders } from 'testkit/session';
import { members } from 'testkit/roster';
import { ServiceError, TransportError } from 'service/errors';
import { BoardClient } from '../src/client/client.js';
import * as contract from '../src/contract/contract.js';
import { refusalOf } from '../src/contract/outcome.js';
import { messageHash, payloadSha256 } from '../src/contract/payload.js';
import { newSigner } from 'testkit/signer';
import { runningBoard } from './support.js';

type Board = Awaited<ReturnType<typeof runningBoard>>;
interface Call {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly body: Json;
}

const { roster, identities, gateway } = members(4, 3);
const [one, two] = identities;
if (one === undefined || two === undefined) throw new Error('two members');
const signer = newSigner();
const IDLE = { ready: false, next: 0, running: null, completed: null, committed: null };
const status = {
  incarnation: 'a',
  public_key: signer.publicKey,
  stage: 'ready',
  keygen: IDLE,
  aux_info: IDLE,
  pool: { '1-2-3': 4 },
  offers: { '1-2-3': ['p'] },
  attempts: ['req_1_a.0.1-2-3'],
  culprits: ['node-4'],
  clock: 1,
  problems: ['disk_full'],
  disk_free_bytes: 1,
  hears: ['node-2'],
} satisfies contract.NodeStatus;
const presignature_id = 'presig_gen_node-1_ab';
const message_sha256 = messageHash('m');
const participants = [0, 1, 2];
const BYTES = { message: '00ff', kind: 'bytes', hash: 'keccak256' } as const;
const DIGEST = { message: 'ab'.repeat(32), kind: 'digest' } as const;

/** One honest call of each kind; a board with the roster accepts them all. */
async function honestCalls(): Promise<Call[]> {
  const place = { session: 'req_1_a', incarnation: 'a', setting: 'ab'.repeat(32), to: 'node-2', round: 1 };
  const fields = { request_id: 'req_1_a', from_node: 'node-1', to_node: 'node-2', round: 1 };
  const message = await seal(one ?? gateway, roster, { ...place, namespace: 'messages' }, '{}');
  const presignatureMessage = await seal(one ?? gateway, roster, { ...place, namespace: 'presignature-messages' }, '{}');
  const partial = { request_id: 'req_1_a', message_sha256, presignature_id, sigma: '0'.repeat(64) };
  const asked = { message_sha256, time: '2026-01-02T03:04:05.678Z', expires: '2026-01-02T04:04:05.678Z' };
  const origin = await sign(gateway, roster, SIGNING_REQUEST, { id: 'req_1_a', ...asked });
  const proposing = await sign(gateway, roster, SIGNING_REQUEST, { id: 'req_2_a', ...asked, presignature_id });
  const originFor = (id: string, what: contract.Payload): Promise<string> =>
    sign(gateway, roster, SIGNING_REQUEST, { ...asked, id, message_sha256: payloadSha256(what) });
  const naming = await sign(one ?? gateway, roster, NAMING, { request_id: 'req_1_a', presignature_id });
  const refusal = await sign(two ?? gateway, roster, REFUSAL, refusalOf({ id: 'req_1_a', origin }, 'policy_refused'));
  const closing = await sign(gateway, roster, CLOSING, { request_id: 'req_1_a', reason: 'cancelled' });
  const asking = await sign(one ?? gateway, roster, PRESIGNATURE_REQUEST, { id: presignature_id, participants });
  const payload = await sign(one ?? gateway, roster, PARTIAL_SIGNATURE, partial);
  return [
    { method: 'POST', path: '/requests', body: { id: 'req_1_a', message: 'm', origin } },
    { method: 'POST', path: '/requests', body: { id: 'req_2_a', message: 'm', presignature_id, origin: proposing } },
    { method: 'POST', path: '/requests', body: { id: 'req_3_a', ...BYTES, origin: await originFor('req_3_a', BYTES) } },
    { method: 'POST', path: '/requests', body: { id: 'req_4_a', ...DIGEST, origin: await originFor('req_4_a', DIGEST) } },
    { method: 'PUT', path: '/requests/req_1_a', body: { presignature_id, naming } },
    { method: 'PUT', path: '/requests/req_1_a', body: { refusal } },
    { method: 'POST', path: '/messages', body: { ...fields, payload: message } },
    { method: 'POST', path: '/presignature-messages', body: { ...fields, payload: presignatureMessage } },
    { method: 'POST', path: '/presignature-requests', body: { request_id: presignature_id, participants, origin: asking } },
    { method: 'PUT', path: `/presignature-requests/${presignature_id}`, body: { status: 'completed' } },
    { method: 'POST', path: '/partial-signatures', body: { request_id: 'req_1_a', from_node: 'node-1', payload } },
    { method: 'PUT', path: '/nodes/node-1', body: { ...(await heartbeatOf(status, { signer: { identity: one ?? gateway, roster } })) } },
    { method: 'POST', path: '/publickey', body: { public_key: signer.publicKey } },
    { method: 'PUT', path: '/requests/req_1_a', body: { status: 'failed', reason: 'too_late: node-1' } },
    { method: 'PUT', path: '/requests/req_1_a', body: { closing } },
    { method: 'PUT', path: '/requests/req_1_a', body: { signature: signer.sign('m') } },
  ];
}

const ROUTES = [
  '/requests', '/requests/req_1_a', '/messages', '/presignature-messages', '/presignature-requests', '/partial-signatures', '/publickey',
  '/nodes', '/nodes/node-1', '/health',
];
const QUERY_KEYS = [
  'request_id', 'to_node', 'after', 'changed_after', 'status', 'wait', '__proto__', 'constructor', 'toString', 'a[b]', 'a[]',
  'hasOwnProperty',
];
const QUERY_VALUES = [
  'req_1_a', 'node-1', '*', 'pending', '0', '1', '', '-1', '1e1', '0x5', '00001', '9'.repeat(40), 'x'.repeat(1000), '\ud800', '__proto__',
];
const PATH_ENDS = ['/', '//', '/..', '/%00', '/%', '/%ff', '%2e%2e', '/__proto__', `/${'x'.repeat(3000)}`, '/%E2%80%AE'];
const ANSWERS = new Set([200, 400, 403, 404, 405, 409, 413, 415, 429]);
const ErrorSchema = z.strictObject({ error: z.strictObject({ code: z.string().regex(/^[a-z_]{1,64}$/), message: z.string().max(1000) }) });

describe.each(['no roster', 'a sealed roster'])('a board with %s', (kind) => {
  let board: Board;
  let pool: Pool;
  let member = {};
  beforeAll(async () => {
    const sessions = { maxEntriesPerRequest: 20, maxPendingRequests: 50, maxOpenSessions: 50 };
    const limits = { ...sessions, maxFinished: 20, maxStoredBytes: 1 << 20 };
    board = await runningBoard(limits, kind === 'no roster' ? {} : { verifier: verifierFor(roster) });
    pool = new Pool(board.url);
    if (kind !== 'no roster') member = await sessionHeaders(board.app, roster, gateway, 4_000);
  });
  afterAll(async () => {
    await pool.destroy();
    await board.stop();
  });

  async function call(method: Call['method'], path: string, body: string | null): Promise<void> {
    const type = body === null ? {} : { 'content-type': 'application/json' };
    const answer = await pool.request({ method, path, body, headers: { ...type, ...member } });
    const text = await answer.body.text();
    expect([...ANSWERS]).toContain(answer.statusCode);
    if (answer.statusCode !== 200) ErrorSchema.parse(JSON.parse(text));
  }

  /** Nothing is broken, and everything that is there can be read. */
  async function expectSound(): Promise<void> {
    await board.client.health();
    await board.client.listRequests({});
    await board.client.listRequests({ changedAfter: '0' });
    await board.client.listPresignatureRequests({});
    await board.client.listNodes({ changedAfter: '0' });
    await board.client.listMessages('req_1_a', 'node-2', {});
    await board.client.listPresignatureMessages('req_1_a', 'node-2', {});
    await board.client.listPartialSignatures('req_1_a', {});
    expect(board.log.filter((line) => line.includes('unexpected_error'))).toEqual([]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  }

  it('answers every body, and keeps only what can be read again', async () => {
    const calls = await honestCalls();
    const any = fc.constantFrom(...calls).chain(({ method, path, body }) => {
      const text = JSON.stringify(body);
      const sent = fc.oneof({ weight: 1, arbitrary: fc.constant(text) }, { weight: 4, arbitrary: changedJsonText([text]) });
      return fc.record({ method: fc.constant(method), path: fc.constant(path), body: sent });
    });
    await fc.assert(
      fc.asyncProperty(fc.array(any, { minLength: 4, maxLength: 12 }), async (list) => {
        for (const { method, path, body } of list) await call(method, path, body);
        await expectSound();
      }),
      runs(25),
    );
  });

  it('answers every path and query', async () => {
    const key = fc.oneof(fc.constantFrom(...QUERY_KEYS), fc.string({ maxLength: 5 }));
    const value = fc.oneof(fc.constantFrom(...QUERY_VALUES), fc.string({ unit: 'binary', maxLength: 8 }));
    const escaped = (text: string): string => encodeURIComponent(Buffer.from(text).toString());
    const parameter = fc.tuple(key, value, fc.boolean()).map(([k, v, isTwice]) => {
      const once = `${escaped(k)}=${escaped(v)}`;
      return isTwice ? `${once}&${once}` : once;
    });
    const query = fc.array(parameter, { maxLength: 5 }).map((parameters) => parameters.join('&'));
    const suffix = fc.oneof({ weight: 6, arbitrary: fc.constant('') }, fc.constantFrom(...PATH_ENDS));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ROUTES), suffix, query, async (path, end, search) => {
        await call('GET', `${path}${end}?${search}`, null);
        expect(board.log.filter((line) => line.includes('unexpected_error'))).toEqual([]);
      }),
      runs(150),
    );
    await expectSound();
  });
});

/** A server that answers as it is told. */
class Liar {
  answer = { status: 200, text: '', instance: 'a' };
  readonly #server: Server = createServer((_request, response) => {
    const { status: code, text, instance } = this.answer;
    response.writeHead(code, { 'content-type': 'application/json', [contract.INSTANCE_HEADER]: instance });
    response.end(text);
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }
}

describe('the client of a board that lies', () => {
  const liar = new Liar();
  let client: BoardClient;
  let samples: readonly (readonly [string, Json, (client: BoardClient) => Promise<unknown>, z.ZodType])[];
  beforeAll(async () => {
    client = new BoardClient(await liar.start(), { tries: 1, timeoutMs: 5_000 });
    const board = await runningBoard({}, { verifier: verifierFor(roster) });
    for (const { method, path, body } of await honestCalls()) {
      await new Promise((resolve) => setImmediate(resolve));
      const pool = new Pool(board.url);
      const headers = { 'content-type': 'application/json', ...(await sessionHeaders(board.app, roster, gateway)) };
      await (await pool.request({ method, path, body: JSON.stringify(body), headers })).body.dump();
      await pool.destroy();
    }
    const fetched = async (path: string): Promise<Json> => {
      const pool = new Pool(board.url);
      const json = (await (await pool.request({ method: 'GET', path })).body.json()) as Json;
      await pool.destroy();
      return json;
    };
    samples = [
      ['requests', await fetched('/requests'), (c) => c.listRequests({}), z.array(contract.RequestRecordSchema)],
      ['request', await fetched('/requests/req_1_a'), (c) => c.getRequest('req_1_a'), contract.RequestRecordSchema],
      [
        'messages',
        await fetched('/messages?request_id=req_1_a&to_node=node-2'),
        (c) => c.listMessages('req_1_a', 'node-2', {}),
        z.array(contract.MessageSchema),
      ],
      [
        'presignature requests',
        await fetched('/presignature-requests'),
        (c) => c.listPresignatureRequests({}),
        z.array(contract.PresignatureRequestSchema),
      ],
      [
        'partial signatures',
        await fetched('/partial-signatures?request_id=req_1_a'),
        (c) => c.listPartialSignatures('req_1_a', {}),
        z.array(contract.PartialSignatureSchema),
      ],
      ['nodes', await fetched('/nodes'), (c) => c.listNodes({ changedAfter: '0' }), z.array(contract.NodeRecordSchema)],
      ['public key', { public_key: signer.publicKey }, (c) => c.getPublicKey(), contract.PublicKeyHexSchema],
      ['health', await fetched('/health'), (c) => c.health(), contract.HealthSchema],
    ];
    await board.stop();
  });
  afterAll(async () => {
    await client.close();
    await liar.stop();
  });

  it('takes what is of the contract, and refuses the rest', async () => {
    const otherStatuses = fc.constantFrom(201, 204, 301, 304, 400, 404, 409, 429, 500, 503, 999);
    const statuses = fc.oneof({ weight: 6, arbitrary: fc.constant(200) }, otherStatuses);
    const lie = fc.nat({ max: samples.length - 1 }).chain((k) => {
      const text = changedJsonText([JSON.stringify(samples[k]?.[1] ?? null)]);
      return fc.tuple(fc.constant(k), text, statuses, fc.constantFrom('a', 'b'));
    });
    await fc.assert(
      fc.asyncProperty(lie, async ([k, text, code, instance]) => {
        const sample = samples[k];
        if (sample === undefined) return;
        liar.answer = { status: code, text, instance };
        const isRefusal = (error: unknown): boolean => error instanceof TransportError || error instanceof ServiceError;
        const read = await readOrRefusedLater(() => sample[2](client), isRefusal);
        if (read !== null && read.value !== undefined) expect(sample[3].safeParse(read.value).error).toBeUndefined();
      }),
      runs(200),
    );
  });

  it('does not repeat a long complaint', async () => {
    await fc.assert(
      fc.asyncProperty(changedJson([{ error: { code: 'x'.repeat(2000), message: 'y'.repeat(2000) } }]), async (json) => {
        liar.answer = { status: 400, text: JSON.stringify(json), instance: 'a' };
        await readOrRefusedLater(() => client.health(), (error) => error instanceof ServiceError);
      }),
      runs(20),
    );
  });
});
