/** What a board with the roster of a sealed cluster keeps and what it refuses. */
import { describe, expect, it } from '@jest/globals';
import { seal, type Place } from 'sealing/envelope';
import { CLOSING, NAMING, PARTIAL_SIGNATURE, PRESIGNATURE_REQUEST, REFUSAL, REQUEST_STATUS, SIGNING_REQUEST } from 'sealing/kinds';
import { Roster } from 'sealing/roster';
import { sign } from 'sealing/statement';
import { heartbeatOf, READY_STATUS } from 'testkit/heartbeat';
import { members, originOf } from 'testkit/roster';
import {
  TOPICS, type Heartbeat, type HeartbeatAnswer, type NodeStatus, type Payload, type RequestRecord, type Topic,
} from '../src/contract/contract.js';
import { refusalOf } from '../src/contract/outcome.js';
import { messageHash, payloadSha256 } from '../src/contract/payload.js';
import { verifierFor } from '../src/server/verifiers.js';
import { caller } from 'testkit/caller';
import { sessionHeaders } from 'testkit/session';
import { newSigner } from 'testkit/signer';
import { testBoard } from './support.js';

/** Counts the verifications. */
class CountingRoster extends Roster {
  verifications = 0;

  override signingKeyOf(name: string): ReturnType<Roster['signingKeyOf']> {
    this.verifications += 1;
    return super.signingKeyOf(name);
  }
}

const { roster: file, identities, gateway } = members();
const [one, two, three] = identities;
if (one === undefined || two === undefined || three === undefined) throw new Error('too few members');
const node1 = one;
const foreign = members(5, 3).roster;

function sealedBoard(limits: Parameters<typeof testBoard>[0] = {}) {
  const roster = new CountingRoster(file.file);
  const board = testBoard(limits, { verifier: verifierFor(roster) });
  let session: Promise<Record<string, string>> | undefined;
  const headers = (): Promise<Record<string, string>> => (session ??= known());
  /** The verification of the session does not count. */
  const known = async (): Promise<Record<string, string>> => {
    const own = await sessionHeaders(board.app, file, gateway);
    await caller(board.app, () => Promise.resolve(own)).get('/nodes');
    roster.verifications = 0;
    return own;
  };
  return { ...board, roster, api: caller(board.app, headers) };
}
type Api = ReturnType<typeof sealedBoard>['api'];

const refused = (code: string, complaint: string) => ({ error: { code, message: expect.stringContaining(complaint) } });
/** The signature no longer fits the text. */
const altered = (jws: string): string => {
  const [header = '', payload = '', signature = ''] = jws.split('.');
  const other = payload.startsWith('A') ? `B${payload.slice(1)}` : `A${payload.slice(1)}`;
  return [header, other, signature].join('.');
};
/** What a node says that req_1 waits for. */
async function status(reason: string, change: { id?: string; by?: typeof gateway; roster?: Roster } = {}) {
  const { id = 'req_1', by = node1, roster = file } = change;
  return { reason, statement: await sign(by, roster, REQUEST_STATUS, { request_id: id, reason }) };
}
const otherSignature = (jws: string): string => `${jws.slice(0, jws.lastIndexOf('.') + 1)}${'A'.repeat(86)}`;

describe.each(['messages', 'presignature-messages'] as const)('/%s', (namespace) => {
  const path = `/${namespace}`;
  const fields = { request_id: 'keygen', from_node: 'node-1', to_node: 'node-2', round: 1 };
  const place: Omit<Place, 'from'> = { namespace, session: 'keygen', incarnation: 'a', setting: 'ab'.repeat(32), to: 'node-2', round: 1 };
  const envelope = (change: Partial<typeof place> = {}, by = one, roster: Roster = file) =>
    seal(by, roster, { ...place, ...change }, '{"secret":1}');

  it('keeps what its sender has sealed for this place, and the same again without verifying it again', async () => {
    const { api, roster } = sealedBoard();
    const body = { ...fields, payload: await envelope() };
    const entry = await api.post(path, body);
    expect(entry).toMatchObject(body);
    expect(roster.verifications).toBe(1);
    expect(await api.post(path, body)).toEqual(entry);
    expect(roster.verifications).toBe(1);
    await api.post(path, { ...fields, to_node: '*', payload: await envelope({ to: '*' }) });
    expect(await api.get(`${path}?request_id=keygen&to_node=node-2`)).toHaveLength(2);
  });

  const otherSpace = namespace === 'messages' ? 'presignature-messages' : 'messages';
  it.each<[what: string, payload: () => string | Promise<string>, change: Partial<typeof fields>, complaint: string]>([
    ['what is not signed', () => '{"secret":1}', {}, 'payload: '],
    ['the envelope of another sender', () => envelope({}, two), {}, 'from: it was signed for node-2, not for node-1'],
    ['an envelope for another recipient', () => envelope({ to: 'node-3' }), {}, 'to: '],
    ['what was for all, for one', () => envelope({ to: '*' }), {}, 'to: '],
    ['what was for one, for all', () => envelope(), { to_node: '*' }, 'to: '],
    ['an envelope of another round', () => envelope({ round: 2 }), {}, 'round: '],
    ['an envelope of another session', () => envelope({ session: 'auxgen' }), {}, 'session: '],
    ['an envelope of the other list', () => envelope({ namespace: otherSpace }), {}, 'namespace: '],
    ['an envelope of another cluster', () => envelope({}, one, foreign), {}, 'payload: it was signed for another roster'],
    ['an altered envelope', async () => altered(await envelope()), {}, 'the signature of node-1 is not valid'],
    ['another signature', async () => otherSignature(await envelope()), {}, 'the signature of node-1 is not valid'],
    ['a truncated envelope', async () => (await envelope()).slice(0, -10), {}, 'payload: '],
    ['one without its signature', async () => (await envelope()).split('.').slice(0, 2).join('.'), {}, 'payload: '],
    [
      'no envelope but a statement',
      () => sign(one, file, NAMING, { request_id: 'keygen', presignature_id: 'p' }),
      {},
      'it is not a threshold-signing-message',
    ],
    ['an envelope in the name of the gateway', () => envelope({}, gateway), {}, 'from: '],
    [
      'a sender who is no member',
      async () => envelope({}, members(5).identities[4]),
      { from_node: 'node-5' },
      'node-5 is not in the roster',
    ],
  ])('refuses %s', async (_what, payload, change, complaint) => {
    const { api } = sealedBoard();
    const body = { ...fields, ...change, payload: await payload() };
    expect(await api.post(path, body, 403)).toMatchObject(refused('invalid_envelope', complaint));
    expect(await api.get('/health')).toMatchObject({ entries: 0, requests: { protocol: 0 }, presignature_requests: { open: 0 } });
  });

  it('has room for the honest, however many forged ones came before', async () => {
    const { api } = sealedBoard({ maxEntriesPerRequest: 1, maxOpenSessions: 1 });
    for (let k = 0; k < 5; k += 1) await api.post(path, { ...fields, request_id: `s${k}`, payload: await envelope({}, two) }, 403);
    await api.post(path, { ...fields, payload: await envelope() });
    expect(await api.post(path, { ...fields, payload: await envelope() }, 429)).toMatchObject({ error: { code: 'too_many_entries' } });
  });

  it('keeps one entry of two that come at once', async () => {
    const { api } = sealedBoard();
    const body = { ...fields, payload: await envelope() };
    const [first, second] = await Promise.all([api.post(path, body), api.post(path, body)]);
    expect(second).toEqual(first);
    expect(await api.get('/health')).toMatchObject({ entries: 1 });
  });
});

describe('/partial-signatures', () => {
  const claims = { request_id: 'req_1', message_sha256: messageHash('m'), presignature_id: 'p', sigma: '01'.repeat(32) };
  const body = { request_id: 'req_1', from_node: 'node-1' };

  it('keeps the statement of its sender for this request, once', async () => {
    const { api, roster } = sealedBoard();
    const payload = await sign(one, file, PARTIAL_SIGNATURE, claims);
    expect(await api.post('/partial-signatures', { ...body, payload })).toMatchObject({ payload });
    await api.post('/partial-signatures', { ...body, payload });
    expect(roster.verifications).toBe(1);
  });

  it.each<[what: string, payload: () => string | Promise<string>, complaint: string]>([
    ['what is not signed', () => '{"sigma":"01"}', 'payload: '],
    [
      'the statement of another node',
      () => sign(two, file, PARTIAL_SIGNATURE, claims),
      'from_node: it was signed for node-2, not for node-1',
    ],
    ['one for another request', () => sign(one, file, PARTIAL_SIGNATURE, { ...claims, request_id: 'req_2' }), 'request_id: '],
    ['one of another cluster', () => sign(one, foreign, PARTIAL_SIGNATURE, claims), 'another roster'],
    [
      'one of another kind',
      () => sign(one, file, REFUSAL, refusalOf({ id: 'req_1' }, 'x')),
      'it is not a threshold-signing-partial-signature',
    ],
    ['an altered one', async () => altered(await sign(one, file, PARTIAL_SIGNATURE, claims)), 'not valid'],
  ])('refuses %s', async (_what, payload, complaint) => {
    const { api } = sealedBoard();
    const answer = await api.post('/partial-signatures', { ...body, payload: await payload() }, 403);
    expect(answer).toMatchObject(refused('invalid_statement', complaint));
    expect(await api.get('/partial-signatures?request_id=req_1')).toEqual([]);
  });
});

const change = (api: Api, body: unknown, status = 200) => api.put('/requests/req_1', body, status) as Promise<RequestRecord>;

/** Of the request that tests change. */
const ORIGIN = originOf({ roster: file, identities, gateway }, 'req_1', 'm');

async function withRequest(limits: Parameters<typeof testBoard>[0] = {}) {
  const board = sealedBoard(limits);
  await board.api.post('/requests', { id: 'req_1', message: 'm', origin: await ORIGIN });
  board.roster.verifications = 0;
  return board;
}

describe('the name of a presignature', () => {
  const claims = { request_id: 'req_1', presignature_id: 'p1' };

  it('is taken with the statement of a node, and kept with it', async () => {
    const { api, roster } = await withRequest();
    const naming = await sign(two, file, NAMING, claims);
    const record = await change(api, { presignature_id: 'p1', naming });
    expect(record).toMatchObject({ presignature_id: 'p1', naming });
    expect(await change(api, { presignature_id: 'p1' })).toEqual(record);
    expect(await change(api, { presignature_id: 'p1', naming: await sign(one, file, NAMING, claims) })).toEqual(record);
    expect(roster.verifications).toBe(1);
    const second = await sign(one, file, NAMING, { ...claims, presignature_id: 'p2' });
    expect(await change(api, { presignature_id: 'p2', naming: second }, 409)).toMatchObject({ error: { code: 'presignature_conflict' } });
  });

  it.each<[what: string, naming: () => string | undefined | Promise<string>, complaint: string]>([
    ['no statement', () => undefined, 'naming: is required'],
    ['another request', () => sign(two, file, NAMING, { ...claims, request_id: 'req_2' }), 'request_id: '],
    ['another presignature', () => sign(two, file, NAMING, { ...claims, presignature_id: 'p2' }), 'presignature_id: '],
    ['the gateway', () => sign(gateway, file, NAMING, claims), 'it is a statement of gateway, not of a node'],
    ['another cluster', () => sign(two, foreign, NAMING, claims), 'another roster'],
    ['a forger', async () => otherSignature(await sign(two, file, NAMING, claims)), 'not valid'],
    ['a refusal', () => sign(two, file, REFUSAL, refusalOf({ id: 'req_1' }, 'x')), 'it is not a threshold-signing-naming'],
  ])('is refused with %s, and stays free', async (_what, naming, complaint) => {
    const { api } = await withRequest();
    const answer = await change(api, { presignature_id: 'p1', naming: await naming() }, 403);
    expect(answer).toMatchObject(refused('invalid_statement', complaint));
    expect(await api.get('/requests/req_1')).not.toHaveProperty('presignature_id');
    await change(api, { presignature_id: 'p2', naming: await sign(one, file, NAMING, { ...claims, presignature_id: 'p2' }) });
  });
});

it('a presignature is named by one of its makers, as long as the board knows them', async () => {
  const { api } = await withRequest();
  const claims = { request_id: 'req_1', presignature_id: 'p1' };
  const participants = [0, 2, 3];
  const origin = await sign(one, file, PRESIGNATURE_REQUEST, { id: 'p1', participants });
  await api.post('/presignature-requests', { request_id: 'p1', participants, origin });
  const answer = await change(api, { presignature_id: 'p1', naming: await sign(two, file, NAMING, claims) }, 403);
  expect(answer).toMatchObject(refused('invalid_statement', 'node-2 is no maker of p1'));
  expect(await api.get('/requests/req_1')).not.toHaveProperty('presignature_id');
  await change(api, { presignature_id: 'p1', naming: await sign(one, file, NAMING, claims) });
});

describe('a refusal', () => {
  const by = async (identity: typeof one, code = 'policy_refused', id = 'req_1', origin?: string) =>
    sign(identity, file, REFUSAL, refusalOf({ id, origin: origin ?? (await ORIGIN) }, code));

  it('is added to a pending request, one of each node, and the feed shows it', async () => {
    const { api, roster } = await withRequest();
    const { revision } = (await api.get('/requests/req_1')) as RequestRecord;
    const first = await by(one);
    const record = await change(api, { refusal: first });
    expect(record).toMatchObject({ status: 'pending', refusals: [first] });
    expect(await api.get(`/requests?status=pending&changed_after=${revision}`)).toMatchObject([{ refusals: [first] }]);
    expect(await change(api, { refusal: first })).toMatchObject({ refusals: [first], revision: record.revision });
    expect(roster.verifications).toBe(1);
    expect(await change(api, { refusal: await by(one, 'rate_limited') }, 409)).toMatchObject({ error: { code: 'refusal_conflict' } });
    expect(await api.get('/requests/req_1')).toMatchObject({ refusals: [first], revision: record.revision });
  });

  it.each<[what: string, refusal: () => Promise<string>, complaint: string]>([
    ['another request', () => by(one, 'x', 'req_2'), 'request_id: '],
    ['another request under its id', () => by(one, 'x', 'req_1', 'another'), 'origin_sha256: '],
    ['the gateway', () => by(gateway), 'it is by gateway'],
    ['another cluster', () => sign(one, foreign, REFUSAL, refusalOf({ id: 'req_1', origin: 'anything' }, 'x')), 'another roster'],
    ['a forger', async () => otherSignature(await by(one)), 'not valid'],
  ])('of %s is refused', async (_what, refusal, complaint) => {
    const { api } = await withRequest();
    expect(await change(api, { refusal: await refusal() }, 403)).toMatchObject(refused('invalid_statement', complaint));
    expect(await api.get('/requests/req_1')).not.toHaveProperty('refusals');
  });

  it('that is one of n - t + 1 fails the request: with the code of most of them, at a tie that of the lowest node', async () => {
    for (const [codes, reason] of [
      [['a', 'a'], 'a: node-1, node-2'],
      [['b', 'a'], 'b: node-1'],
    ] as const) {
      const { api } = await withRequest();
      const [first, second] = [await by(two, codes[1]), await by(one, codes[0])];
      expect(await change(api, { refusal: first })).toMatchObject({ status: 'pending' });
      expect(await change(api, { refusal: second })).toMatchObject({ status: 'failed', reason, refusals: [first, second] });
      expect(await change(api, { refusal: await by(three) }, 409)).toMatchObject({ error: { code: 'status_conflict' } });
      expect(await change(api, { refusal: first })).toMatchObject({ status: 'failed', refusals: [first, second] });
    }
  });

  it('comes too late when a signature comes with it', async () => {
    const { api } = await withRequest();
    const signer = newSigner();
    for (const node of identities.slice(0, 3)) {
      const said = { ...STATUS, public_key: signer.publicKey };
      await api.put(`/nodes/${node.name}`, await heartbeatOf(said, { signer: { identity: node, roster: file } }));
    }
    await change(api, { refusal: await by(one) });
    const record = await change(api, { refusal: await by(two), signature: signer.sign('m') });
    expect(record).toMatchObject({ status: 'completed', signature: signer.sign('m') });
  });
});

describe('what a request waits for', () => {
  it('is what a node says of it, and is kept with its statement', async () => {
    const { api } = await withRequest();
    const said = await status('not_enough_signers: node-3');
    expect(await change(api, said)).toMatchObject({ status: 'pending', ...said });
  });

  it.each<[what: string, body: () => Promise<object>, complaint: string]>([
    ['nobody', () => Promise.resolve({ reason: 'x' }), 'statement: is required'],
    ['the gateway', () => status('x', { by: gateway }), 'not of a node'],
    ['a node, of another request', () => status('x', { id: 'req_2' }), 'request_id: '],
    ['a node, in other words', async () => ({ ...(await status('x')), reason: 'y' }), 'reason: '],
    ['a node of another cluster', () => status('x', { roster: foreign }), 'another roster'],
  ])('is not what %s says', async (_what, body, complaint) => {
    const { api } = await withRequest();
    expect(await change(api, await body(), 403)).toMatchObject(refused('invalid_statement', complaint));
    expect(await api.get('/requests/req_1')).not.toHaveProperty('reason');
  });
});

describe('that a request has failed', () => {
  const closing = (reason: 'cancelled' | 'expired' = 'cancelled', { id = 'req_1', by = gateway, roster = file } = {}) =>
    sign(by, roster, CLOSING, { request_id: id, reason });

  it.each<[what: string, body: () => Promise<object>]>([
    ['anybody', () => Promise.resolve({ reason: 'x' })],
    ['a node', () => status('policy_refused: node-1')],
    ['the gateway', () => status('x', { by: gateway })],
  ])('is not what %s says', async (_what, body) => {
    const { api } = await withRequest();
    const answer = await change(api, { status: 'failed', ...(await body()) }, 403);
    expect(answer).toMatchObject(refused('failure_not_signed', 'a request fails by 2 refusals'));
    expect(await api.get('/requests/req_1')).toMatchObject({ status: 'pending' });
    await change(api, { closing: await closing() });
    await change(api, { status: 'failed', reason: 'cancelled' }, 403);
  });

  it.each(['cancelled', 'expired'] as const)('is what the gateway signs: %s', async (reason) => {
    const { api } = await withRequest();
    await change(api, await status('not_enough_signers: node-3'));
    const signed = await closing(reason);
    const record = await change(api, { closing: signed });
    expect(record).toMatchObject({ status: 'failed', reason, closing: signed });
    expect(record).not.toHaveProperty('statement');
    expect(await change(api, { closing: signed })).toMatchObject({ status: 'failed', revision: record.revision });
    const { revision } = await change(api, { closing: await closing(reason === 'expired' ? 'cancelled' : 'expired') });
    expect(revision).toBe(record.revision);
  });

  it.each<[what: string, signed: () => Promise<string>, complaint: string]>([
    ['of another request', () => closing('cancelled', { id: 'req_2' }), 'request_id: '],
    ['of a node', () => closing('cancelled', { by: node1 }), 'it is by node-1, not by the gateway'],
    ['of another cluster', () => closing('cancelled', { roster: foreign }), 'another roster'],
    ['of a forger', async () => otherSignature(await closing()), 'not valid'],
  ])('is not the closing %s', async (_what, signed, complaint) => {
    const { api } = await withRequest();
    expect(await change(api, { closing: await signed() }, 403)).toMatchObject(refused('invalid_statement', complaint));
    expect(await api.get('/requests/req_1')).toMatchObject({ status: 'pending' });
  });

  it('can be signed for one that has failed without that', async () => {
    const { api } = await withRequest();
    for (const by of [one, two]) {
      await change(api, { refusal: await sign(by, file, REFUSAL, refusalOf({ id: 'req_1', origin: await ORIGIN }, 'x')) });
    }
    const signed = await closing();
    expect(await change(api, { closing: signed })).toMatchObject({ status: 'failed', reason: 'x: node-1, node-2', closing: signed });
    expect(await api.get('/health')).toMatchObject({ requests: { pending: 0 } });
  });

  it('follows when it is pending 120 s after it has expired, counted from its arrival', async () => {
    const { app, expire, api, clock } = sealedBoard({ requestDeadlineMs: 60_000 });
    const times = { time: '2020-01-01T00:00:00.000Z', expires: '2020-01-01T00:10:00.000Z' };
    const origin = await sign(gateway, file, SIGNING_REQUEST, { id: 'req_1', message_sha256: messageHash('m'), ...times });
    await api.post('/requests', { id: 'req_1', message: 'm', origin });
    const after = async (ms: number) => {
      clock.pass(ms);
      expire();
      // The session of the test has ended by now.
      return caller(app).get('/requests');
    };
    expect(await after(719_999)).toMatchObject([{ status: 'pending' }]);
    expect(await after(1)).toMatchObject([{ status: 'failed', reason: 'expired' }]);
  });
});

describe('/presignature-requests', () => {
  const claims = { id: 'presig_1', participants: [0, 1, 2] };
  const body = { request_id: 'presig_1', participants: [0, 1, 2] };

  it('keeps what a node has signed, once', async () => {
    const { api, roster } = sealedBoard();
    const origin = await sign(one, file, PRESIGNATURE_REQUEST, claims);
    const record = await api.post('/presignature-requests', { ...body, origin });
    expect(record).toMatchObject({ ...body, origin, status: 'pending' });
    expect(await api.post('/presignature-requests', { ...body, origin })).toEqual(record);
    expect(await api.get('/presignature-requests')).toEqual([record]);
    expect(roster.verifications).toBe(1);
  });

  it.each<[what: string, origin: () => string | undefined | Promise<string>, complaint: string]>([
    ['no origin', () => undefined, 'origin: is required'],
    ['a name as origin', () => 'node-1', 'origin: '],
    ['other participants', () => sign(one, file, PRESIGNATURE_REQUEST, { ...claims, participants: [0, 1, 3] }), 'participants: '],
    ['another id', () => sign(one, file, PRESIGNATURE_REQUEST, { ...claims, id: 'presig_2' }), 'request_id: '],
    ['the gateway as origin', () => sign(gateway, file, PRESIGNATURE_REQUEST, claims), 'not of a node'],
    ['an origin in another cluster', () => sign(one, foreign, PRESIGNATURE_REQUEST, claims), 'another roster'],
  ])('refuses %s', async (_what, origin, complaint) => {
    const { api } = sealedBoard();
    const answer = await api.post('/presignature-requests', { ...body, origin: await origin() }, 403);
    expect(answer).toMatchObject(refused('invalid_statement', complaint));
    expect(await api.get('/presignature-requests')).toEqual([]);
    await api.post('/presignature-requests', { ...body, origin: await sign(one, file, PRESIGNATURE_REQUEST, claims) });
  });
});

/** For the first life of a test's board. */
const STATUS: NodeStatus = { ...READY_STATUS, board: '0'.repeat(15) + '1', pool: { '1-2-3': 4 } };

/** With one of its statements taken from another heartbeat. */
const withTopic = ({ statements }: Heartbeat, topic: Topic, other: Heartbeat): Heartbeat => ({
  statements: { ...statements, [topic]: other.statements[topic] },
});

describe('heartbeats', () => {
  interface Said {
    readonly by?: typeof one;
    readonly started?: number;
    readonly status?: NodeStatus | Record<string, unknown>;
    readonly roster?: Roster;
  }
  const heartbeat = (sequence: number, { by = one, started = 1000, status = STATUS, roster = file }: Said = {}): Promise<Heartbeat> =>
    heartbeatOf(status, { started, sequence, signer: { identity: by, roster } });
  /** The next heartbeat of one who says nothing new. */
  const renewed = async ({ statements }: Heartbeat, sequence: number): Promise<Heartbeat> => {
    const { presence } = (await heartbeat(sequence)).statements;
    return { statements: { ...statements, presence } };
  };
  const STALE = { error: { code: 'stale_statement' } };

  it('are kept, and only what is new in them is verified', async () => {
    const { api, roster } = sealedBoard();
    const body = await heartbeat(0);
    const { revision } = (await api.put('/nodes/node-1', body)) as HeartbeatAnswer;
    expect(await api.get('/nodes')).toMatchObject([{ node_id: 'node-1', revision, ...body }]);
    expect(roster.verifications).toBe(TOPICS.length);
    const next = await renewed(body, 1);
    expect(await api.put('/nodes/node-1', next)).toEqual({ node_id: 'node-1', revision });
    expect(await api.get('/nodes')).toMatchObject([next]);
    expect(roster.verifications).toBe(TOPICS.length + 1);
  });

  it.each<[what: string, body: () => Promise<Heartbeat>, complaint: string]>([
    [
      'the statements of another node',
      () => heartbeat(0, { by: two }),
      'statements: presence: signed by node-2, it is a statement of node-2, not of node-1',
    ],
    [
      'one statement of another node',
      async () => withTopic(await heartbeat(0), 'accusations', await heartbeat(0, { by: two })),
      'statements: accusations: signed by node-2',
    ],
    ['statements for another cluster', () => heartbeat(0, { roster: foreign }), 'another roster'],
    [
      'an altered statement',
      async () => {
        const { statements } = await heartbeat(0);
        return { statements: { ...statements, pool: otherSignature(statements.pool) } };
      },
      'statements: pool: the signature of node-1 is not valid',
    ],
    ['statements that nobody has signed', () => heartbeatOf(STATUS, { started: 1000 }), 'statements: presence: '],
    [
      'one that nobody has signed',
      async () => withTopic(await heartbeat(0), 'attempts', await heartbeatOf(STATUS, { started: 1000 })),
      'statements: attempts: ',
    ],
  ])('with %s are refused', async (_what, body, complaint) => {
    const { api } = sealedBoard();
    expect(await api.put('/nodes/node-1', await body(), 403)).toMatchObject(refused('invalid_statement', complaint));
    expect(await api.get('/nodes')).toEqual([]);
  });

  it('of one who is no member are refused', async () => {
    const { api } = sealedBoard();
    const stranger = members(5).identities[4];
    const body = await heartbeat(0, { by: stranger ?? one });
    expect(await api.put('/nodes/node-5', body, 403)).toMatchObject(refused('invalid_statement', 'node-5 is not in the roster'));
  });

  it('never go back to what was stated earlier, not on one topic', async () => {
    const { api } = sealedBoard();
    const stages = ['starting', 'keygen', 'aux_info'] as const;
    const at = (k: 0 | 1 | 2): Promise<Heartbeat> => heartbeat(k, { status: { ...STATUS, stage: stages[k] } });
    const [first, second, third] = [await at(0), await at(1), await at(2)];
    await api.put('/nodes/node-1', first);
    await api.put('/nodes/node-1', third);
    const mixed = TOPICS.filter((topic) => topic !== 'presence').map(async (topic) => withTopic(await renewed(third, 3), topic, first));
    const other = await heartbeat(2, { status: { ...STATUS, stage: 'ready', pool: {}, attempts: ['req_1'], culprits: ['node-2'] } });
    for (const stale of [first, second, other, ...(await Promise.all(mixed))]) {
      expect(await api.put('/nodes/node-1', stale, 409)).toMatchObject(STALE);
    }
    expect(await api.get('/nodes')).toMatchObject([third]);
    const nextLife = await heartbeat(0, { started: 2000, status: { ...STATUS, incarnation: 'a2' } });
    await api.put('/nodes/node-1', nextLife);
    await api.put('/nodes/node-1', await heartbeat(9), 409);
    expect(await api.get('/nodes')).toMatchObject([nextLife]);
  });

  it.each([
    ['another life of the board', 'f'.repeat(16)],
    ['no life of the board', undefined],
  ])('for %s are refused: whoever repeats them after a restart keeps nobody alive', async (_what, board) => {
    const { api, roster } = sealedBoard();
    const complaint = { error: { code: 'stale_statement', message: expect.stringContaining('another life of the board') } };
    expect(await api.put('/nodes/node-1', await heartbeat(0, { status: { ...STATUS, board } }), 409)).toMatchObject(complaint);
    expect([await api.get('/nodes'), roster.verifications]).toEqual([[], 0]);
  });

  it('are those whose statement on presence is new: no other keeps a node alive', async () => {
    const { api, clock } = sealedBoard();
    const first = await heartbeat(0);
    await api.put('/nodes/node-1', first);
    clock.pass(1_000);
    const next = withTopic(first, 'pool', await heartbeat(1, { status: { ...STATUS, pool: {} } }));
    await api.put('/nodes/node-1', next);
    expect(await api.get('/nodes')).toMatchObject([{ ...next, age_ms: 1_000 }]);
  });

  it('that are repeated keep nobody alive, and cost no verification', async () => {
    const { api, roster, clock } = sealedBoard();
    const [first, second] = [await heartbeat(0), await heartbeat(1)];
    await api.put('/nodes/node-1', first);
    await api.put('/nodes/node-1', second);
    const { verifications } = roster;
    clock.pass(5_000);
    for (const repeated of [second, first, second]) expect(await api.put('/nodes/node-1', repeated, 409)).toMatchObject(STALE);
    expect(await api.get('/nodes')).toMatchObject([{ age_ms: 5_000 }]);
    expect(roster.verifications).toBe(verifications);
    await api.put('/nodes/node-1', await renewed(second, 2));
    expect(await api.get('/nodes')).toMatchObject([{ age_ms: 0 }]);
  });

  it('tell the board the public key, and nobody else does', async () => {
    const { api } = sealedBoard();
    const [real, false_] = [newSigner().publicKey, newSigner().publicKey];
    expect(await api.post('/publickey', { public_key: false_ }, 403)).toMatchObject({ error: { code: 'unconfirmed_key' } });
    const stating = (public_key: string) => ({ status: { ...STATUS, public_key } });
    await api.put('/nodes/node-1', await heartbeat(0, stating(real)));
    await api.put('/nodes/node-2', await heartbeat(0, { by: two, ...stating(real) }));
    await api.put('/nodes/node-3', await heartbeat(0, { by: three, ...stating(false_) }));
    for (const public_key of [real, false_]) await api.post('/publickey', { public_key }, 403);
    await api.get('/publickey', 404);
    await api.put('/nodes/node-3', await heartbeat(1, { by: three, ...stating(real) }));
    expect(await api.get('/publickey')).toEqual({ public_key: real });
    await api.post('/publickey', { public_key: real });
    expect(await api.post('/publickey', { public_key: false_ }, 409)).toMatchObject({ error: { code: 'public_key_conflict' } });
  });
});

describe('signing requests', () => {
  const times = { time: '2026-01-01T00:00:00.000Z', expires: '2026-01-01T01:00:00.000Z' };
  const origin = (id: string, message: string, by = gateway) =>
    sign(by, file, SIGNING_REQUEST, { id, message_sha256: messageHash(message), ...times });

  it.each<[what: string, by: () => string | undefined | Promise<string>]>([
    ['nobody has signed', () => undefined],
    ['somebody says to have signed', () => 'someone'],
    ['a node has signed', () => origin('req_1', 'm', node1)],
    ['the gateway has signed for another id', () => origin('req_2', 'm')],
    ['the gateway has signed for another message', () => origin('req_1', 'other')],
  ])('that %s are refused', async (_what, by) => {
    const { api } = sealedBoard();
    const answer = await api.post('/requests', { id: 'req_1', message: 'm', origin: await by() }, 403);
    expect(answer).toMatchObject(refused('unsigned_request', 'only requests that its gateway has signed'));
    expect(await api.get('/requests')).toEqual([]);
  });

  const proposing = (presignature_id: string | undefined, { id = 'req_1', message = 'm', by = gateway, roster = file } = {}) =>
    sign(by, roster, SIGNING_REQUEST, { id, message_sha256: messageHash(message), ...times, presignature_id });

  it('name the presignature that the gateway proposes, from the start and for good', async () => {
    const { api, roster } = sealedBoard();
    const body = { id: 'req_1', message: 'm', presignature_id: 'p', origin: await proposing('p') };
    const record = await api.post('/requests', body);
    expect(record).toMatchObject({ ...body, status: 'pending' });
    expect(record).not.toHaveProperty('naming');
    expect(roster.verifications).toBe(1);
    expect(await api.post('/requests', body)).toEqual(record);
    const naming = await sign(one, file, NAMING, { request_id: 'req_1', presignature_id: 'q' });
    const answer = await api.put('/requests/req_1', { presignature_id: 'q', naming }, 409);
    expect(answer).toMatchObject({ error: { code: 'presignature_conflict' } });
  });

  it.each<[what: string, origin: () => string | undefined | Promise<string>, complaint: string]>([
    ['another one than the gateway proposes', () => proposing('q'), 'presignature_id: '],
    ['one where the gateway proposes none', () => proposing(undefined), 'presignature_id: '],
    ['one that is proposed for another request', () => proposing('p', { id: 'req_2' }), 'presignature_id: '],
    ['one that is proposed for another message', () => proposing('p', { message: 'x' }), 'presignature_id: '],
    ['one that a node proposes', () => proposing('p', { by: node1 }), 'presignature_id: '],
    ['one that is proposed in another cluster', () => proposing('p', { roster: foreign }), 'presignature_id: '],
    ['one with an altered origin', async () => altered(await proposing('p')), 'presignature_id: '],
    ['one that nobody has signed', () => 'gateway', 'presignature_id: '],
  ])('with %s are refused', async (_what, origin, complaint) => {
    const { api } = sealedBoard();
    const answer = await api.post('/requests', { id: 'req_1', message: 'm', presignature_id: 'p', origin: await origin() }, 403);
    expect(answer).toMatchObject(refused('invalid_statement', complaint));
    expect(await api.get('/requests')).toEqual([]);
  });

  const DIGITS = 'ab'.repeat(32);
  const FORMS = [
    { message: DIGITS }, { message: DIGITS, kind: 'bytes' }, { message: DIGITS, kind: 'digest' }, { message: DIGITS, hash: 'sha256d' },
    { message: DIGITS, kind: 'bytes', hash: 'keccak256' },
  ] as const;
  const askedFor = (id: string, payload: Payload, presignature_id?: string) =>
    sign(gateway, file, SIGNING_REQUEST, { id, message_sha256: payloadSha256(payload), ...times, presignature_id });

  it('are kept with their kind and hash, and only as the gateway has signed them', async () => {
    for (const payload of FORMS) {
      const { api } = sealedBoard();
      const origin = await askedFor('req_1', payload);
      for (const other of FORMS.filter((form) => form !== payload)) {
        const answer = await api.post('/requests', { id: 'req_1', ...other, origin }, 403);
        expect(answer).toMatchObject(refused('unsigned_request', 'only requests that its gateway has signed'));
      }
      const record = await api.post('/requests', { id: 'req_1', ...payload, origin });
      expect(record).toMatchObject({ ...payload, status: 'pending' });
      expect(await api.post('/requests', { id: 'req_1', ...payload, origin })).toEqual(record);
      expect(await api.get('/requests/req_1')).toEqual(record);
    }
  });

  it('for a digest get no presignature, from the gateway or from a node', async () => {
    const { api } = sealedBoard();
    const digest = { message: DIGITS, kind: 'digest' } as const;
    const proposed = { id: 'req_1', ...digest, presignature_id: 'p', origin: await askedFor('req_1', digest, 'p') };
    const answer = await api.post('/requests', proposed, 400);
    expect(answer).toMatchObject(refused('invalid_request', 'presignature_id: cannot be given with a digest'));
    await api.post('/requests', { id: 'req_1', ...digest, origin: await askedFor('req_1', digest) });
    const naming = await sign(one, file, NAMING, { request_id: 'req_1', presignature_id: 'p' });
    expect(await api.put('/requests/req_1', { presignature_id: 'p', naming }, 409)).toMatchObject({ error: { code: 'signed_in_full' } });
    expect(await api.get('/requests/req_1')).not.toHaveProperty('presignature_id');
  });

  it('with a presignature need an origin', async () => {
    const answer = await sealedBoard().api.post('/requests', { id: 'req_1', message: 'm', presignature_id: 'p' }, 400);
    expect(answer).toMatchObject(refused('invalid_request', 'presignature_id: needs origin'));
  });

  it('of the gateway do not take the place of each other', async () => {
    const { api } = sealedBoard();
    await api.post('/requests', { id: 'req_1', message: 'a', origin: await origin('req_1', 'a') });
    await api.post('/requests', { id: 'req_1', message: 'b', origin: await origin('req_1', 'b') }, 409);
  });
});

describe('health', () => {
  it('names the roster that is checked against', async () => {
    expect(await sealedBoard().api.get('/health')).toMatchObject({ roster: file.hash });
    const plainBoard = testBoard({}, { verifier: verifierFor(members(4, 3, 'plain').roster) });
    expect(await caller(plainBoard.app).get('/health')).toMatchObject({ roster: null });
  });
});

describe.each([
  ['without a roster', null],
  ['with a plain roster', members(4, 3, 'plain').roster],
])('%s', (_name, roster) => {
  const JWS = 'aa.bb.cc';
  const board = (limits = {}) => caller(testBoard(limits, { verifier: verifierFor(roster) }).app);

  it('nothing is checked, and everything is handed out', async () => {
    const api = board();
    const message = { request_id: 'keygen', from_node: 'node-1', to_node: '*', round: 1, payload: 'x' };
    for (const path of ['/messages', '/presignature-messages']) await api.post(path, message);
    await api.post('/partial-signatures', { request_id: 'req_1', from_node: 'node-1', payload: 'x' });
    const signed = await heartbeatOf(STATUS, { sequence: 5, signer: { identity: two, roster: file } });
    for (const said of [signed, await heartbeatOf({ ...STATUS, stage: 'starting' }), signed]) {
      await api.put('/nodes/node-1', said);
      expect(await api.get('/nodes')).toMatchObject([said]);
    }
    expect(await api.post('/presignature-requests', { request_id: 'p', origin: 'anybody' })).toMatchObject({ origin: 'anybody' });
    await api.post('/requests', { id: 'req_2', message: 'm', origin: 'o' });
    await api.post('/requests', { id: 'req_2', message: 'm' }, 409);
    await api.put('/requests/req_2', { presignature_id: 'p', naming: JWS });
    await api.put('/requests/req_2', { refusal: JWS });
    const record = await api.put('/requests/req_2', { refusal: 'dd.ee.ff' });
    expect(record).toMatchObject({ presignature_id: 'p', naming: JWS, refusals: [JWS, 'dd.ee.ff'] });
    await api.post('/publickey', { public_key: newSigner().publicKey });
  });

  it('refusals are bounded all the same, and count as what is stored', async () => {
    const api = board();
    await api.post('/requests', { id: 'req_1', message: 'm' });
    const stored = async (): Promise<number> => ((await api.get('/health')) as { stored_bytes: number }).stored_bytes;
    const before = await stored();
    for (let k = 0; k < 256; k += 1) await api.put('/requests/req_1', { refusal: `a.b.${String(k).padStart(96, '0')}` });
    expect((await stored()) - before).toBe(256 * 2 * 100);
    expect(await api.put('/requests/req_1', { refusal: 'a.b.c' }, 429)).toMatchObject({ error: { code: 'too_many_refusals' } });
    await api.put('/requests/req_1', { presignature_id: 'p', naming: `a.b.${'c'.repeat(96)}` });
    expect((await stored()) - before).toBe(257 * 2 * 100);
    await api.put('/requests/req_1', { status: 'failed', reason: 'x' });
    const tooLong = `a.b.${'c'.repeat(4093)}`;
    await api.put('/requests/req_1', { refusal: tooLong }, 400);
    await api.put('/requests/req_1', { presignature_id: 'p', naming: tooLong }, 400);
  });

  it('what does not fit is refused, and nothing of it is done', async () => {
    const api = board({ maxStoredBytes: 5_000 });
    await api.post('/requests', { id: 'req_1', message: 'm' });
    expect(await api.put('/requests/req_1', { refusal: `a.b.${'c'.repeat(2_000)}` }, 429)).toMatchObject({ error: { code: 'board_full' } });
    expect(await api.get('/requests/req_1')).not.toHaveProperty('refusals');
    await api.put('/requests/req_1', { status: 'failed', reason: 'x' });
  });

  it('heartbeats count as what is stored, and are forgotten with it', async () => {
    const api = board();
    const stored = async (): Promise<number> => ((await api.get('/health')) as { stored_bytes: number }).stored_bytes;
    const attempts = ['r'.repeat(200), 's'.repeat(200), 't'.repeat(200), 'u'.repeat(200), 'v'.repeat(200)];
    await api.put('/nodes/node-1', await heartbeatOf({ ...STATUS, attempts }));
    const one = await stored();
    expect(one).toBeGreaterThan(4 * 1_000);
    const reversed = { ...STATUS, attempts: attempts.toReversed() };
    for (let k = 1; k < 4; k += 1) await api.put('/nodes/node-1', await heartbeatOf(reversed, { sequence: k }));
    expect(await stored()).toBe(one);
  });

  it('heartbeats are never too much, and a board that is full of them still finishes what it has', async () => {
    const api = board({ maxStoredBytes: 8_000 });
    await api.post('/requests', { id: 'req_1', message: 'm' });
    await api.put('/nodes/node-1', await heartbeatOf({ ...STATUS, attempts: Array.from({ length: 20 }, () => 'r'.repeat(200)) }));
    await api.post('/requests', { id: 'req_2', message: 'm' }, 429);
    await api.put('/requests/req_1', { status: 'failed', reason: 'x' });
  });
});
