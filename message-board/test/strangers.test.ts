/** What the board of a sealed cluster does for members, and what for strangers. */
import { describe, expect, it } from '@jest/globals';
import { PRESIGNATURE_REQUEST, SESSION, UNSIGNED_REFUSAL } from 'sealing/kinds';
import { Roster } from 'sealing/roster';
import { sign } from 'sealing/statement';
import { systemClock, type Clock } from 'service/clock';
import request from 'supertest';
import { caller } from 'testkit/caller';
import { until } from 'testkit/eventually';
import { members, originOf } from 'testkit/roster';
import { sessionHeaders } from 'testkit/session';
import { VirtualClock } from 'testkit/virtual_clock';
import { BoardClient } from '../src/client/client.js';
import { ClientSession } from '../src/client/client_session.js';
import { INSTANCE_HEADER, MEMBER_HEADER, sessionsOf, TIME_HEADER, type RequestRecord } from '../src/contract/contract.js';
import { verifierFor } from '../src/server/verifiers.js';
import { runningBoard, testBoard } from './support.js';

/** Counts the verifications. */
class CountingRoster extends Roster {
  verifications = 0;

  override signingKeyOf(name: string): ReturnType<Roster['signingKeyOf']> {
    this.verifications += 1;
    return super.signingKeyOf(name);
  }
}

const cluster = members();
const { roster, identities, gateway } = cluster;
const [one, two] = identities;
if (one === undefined || two === undefined) throw new Error('two members');

function sealedBoard(unsignedRequests: 'keep' | 'refuse' = 'refuse', limits: Parameters<typeof testBoard>[0] = {}, clock?: Clock) {
  const counting = new CountingRoster(roster.file);
  const board = testBoard(limits, { verifier: verifierFor(counting), unsignedRequests, ...(clock && { clock }) });
  const as = (identity: typeof gateway) => caller(board.app, () => sessionHeaders(board.app, roster, identity));
  return { ...board, counting, as, stranger: caller(board.app) };
}
type SealedBoard = ReturnType<typeof sealedBoard>;

async function instanceOf({ app }: Pick<SealedBoard, 'app'>): Promise<string> {
  return String((await request(app).get('/health')).headers[INSTANCE_HEADER]);
}

async function refusalBy(
  board: Pick<SealedBoard, 'app'>,
  identity: typeof gateway,
  request_ids: string[],
  of?: string,
): Promise<{ refusal: string }> {
  const claims = { board: of ?? (await instanceOf(board)), request_ids, code: 'unauthorized' };
  return { refusal: await sign(identity, roster, UNSIGNED_REFUSAL, claims) };
}

describe('a session', () => {
  const larger = members(5);
  const session = (board: string, time: number, by = one, of = roster): Promise<string> =>
    sign(by, of, SESSION, { board, expires: new Date(time).toISOString() });
  const header = (text: string) => () => Promise.resolve({ [MEMBER_HEADER]: text });

  it('is verified once, however many calls show it', async () => {
    const board = sealedBoard();
    const headers = await sessionHeaders(board.app, roster, one);
    const api = caller(board.app, () => Promise.resolve(headers));
    for (let k = 0; k < 5; k += 1) await api.get('/requests');
    expect(board.counting.verifications).toBe(1);
  });

  it('is over when it says so by the board\'s clock, whatever its wall clock shows', async () => {
    const board = sealedBoard();
    const headers = await sessionHeaders(board.app, roster, one);
    const api = caller(board.app, () => Promise.resolve(headers));
    board.clock.jump(3_600_000);
    await api.get('/requests');
    board.clock.pass(59_000);
    await api.get('/requests');
    board.clock.pass(2_000);
    const complaint = expect.stringContaining('it is over');
    expect(await api.get('/requests', 401)).toMatchObject({ error: { code: 'session_refused', message: complaint } });
  });

  it.each<[what: string, text: (board: string, time: number) => string | Promise<string>, complaint: string]>([
    ['no statement', () => 'none', 'it is not in base64url'],
    ['a long text', () => 'x'.repeat(1_025), 'it is too long'],
    ['one for another life of the board', (_board, time) => session('x', time), 'another life of the board'],
    ['one that is valid for an hour', (board, time) => session(board, time + 3_600_000), 'for too long'],
    ['one of another cluster', (board, time) => session(board, time, one, larger.roster), 'another roster'],
    ['one of no member', (board, time) => session(board, time, larger.identities[4]), 'node-5 is not in the roster'],
    ['of another kind', () => sign(one, roster, PRESIGNATURE_REQUEST, { id: 'p', participants: [0, 1] }), 'not a threshold-'],
  ])('is refused when it is %s', async (_what, text, complaint) => {
    const board = sealedBoard();
    const claimed = await text(await instanceOf(board), board.clock.now() + 60_000);
    const api = caller(board.app, header(claimed));
    for (const answer of [await api.get('/nodes', 401), await api.post('/requests', { message: 'm' }, 401)]) {
      expect(answer).toMatchObject({ error: { code: 'session_refused', message: expect.stringContaining(complaint) } });
    }
  });

  it('that is forged again and again costs at most a verification for each turn of a stranger', async () => {
    // The line of strangers does not move before this clock does.
    const clock = new VirtualClock();
    const board = sealedBoard('refuse', {}, clock);
    const { [MEMBER_HEADER]: real = '' } = await sessionHeaders(board.app, roster, one);
    const forged = `${real.slice(0, real.lastIndexOf('.') + 1)}${'A'.repeat(86)}`;
    const known = await sessionHeaders(board.app, roster, two);
    await caller(board.app, () => Promise.resolve(known)).get('/requests');
    await clock.advance(1_000);
    const before = board.counting.verifications;
    let answered = 0;
    const once = (): Promise<number> =>
      request(board.app).get('/requests').set(MEMBER_HEADER, forged).then(({ status }) => {
        answered += 1;
        return status;
      });
    const calls = Array.from({ length: 300 }, once);
    await until(() => answered === 200);
    // A member that is known does not wait behind them.
    await caller(board.app, () => Promise.resolve(known)).get('/requests');
    expect(answered).toBe(200);
    await until(async () => {
      await clock.advance(100);
      return answered === 300;
    });
    expect(new Set(await Promise.all(calls))).toEqual(new Set([401]));
    expect(board.counting.verifications - before).toBe(300);
  });
});

describe('a client with a session', () => {
  it.each([['ahead', 3_600_000], ['behind', -3_600_000]])('gets in though its clock is an hour %s', async (_what, ms) => {
    const board = await runningBoard({}, { verifier: verifierFor(roster) });
    const clock: Clock = { ...systemClock, now: () => Date.now() + ms };
    const client = new BoardClient(board.url, { session: sessionsOf(roster, gateway), clock });
    const origin = await originOf(cluster, 'req_1', 'm');
    expect(await client.createRequest({ id: 'req_1', message: 'm', origin })).toMatchObject({ status: 'pending' });
    await client.close();
    await board.stop();
  });

  it('makes a new one when the board was restarted, or does not know its own any more', async () => {
    let signed = 0;
    const session = (board: string, expires: number): Promise<string> => {
      signed += 1;
      return sessionsOf(roster, one)?.(board, expires) ?? Promise.reject(new Error('no session'));
    };
    const first = await runningBoard({}, { verifier: verifierFor(roster) });
    const client = new BoardClient(first.url, { session });
    const read = () => client.listMessages('keygen', 'node-1');
    for (let k = 0; k < 3; k += 1) await read();
    expect(signed).toBe(1);
    first.clock.pass(120_000);
    await read();
    expect(signed).toBe(2);
    await first.stop();
    const second = await runningBoard({}, { verifier: verifierFor(roster), random: () => 'another' }, first.running.port);
    await read();
    // A stranger's reading would not have made a record.
    expect(await client.getRequest('keygen')).toMatchObject({ status: 'in_progress' });
    expect(signed).toBe(3);
    await client.close();
    await second.stop();
  });
});

it('a client that makes a new session does not wait in the line of strangers', async () => {
  const clock = new VirtualClock();
  const board = await runningBoard({}, { verifier: verifierFor(roster), clock });
  let signed = 0;
  let laterMs = 0;
  const session = (instance: string, expires: number): Promise<string> => {
    signed += 1;
    return sessionsOf(roster, one)?.(instance, expires) ?? Promise.reject(new Error('no session'));
  };
  const client = new BoardClient(board.url, { session, clock: { ...systemClock, monotonic: () => performance.now() + laterMs } });
  // The first call may have had two connections, one of which has shown no session that counts.
  for (let k = 0; k < 3; k += 1) await Promise.all([client.listRequests(), client.listRequests()]);
  laterMs = 31_000;
  await clock.advance(laterMs);
  const before = signed;
  let answered = 0;
  const once = (): Promise<unknown> =>
    request(board.url).get('/requests').then(() => {
      answered += 1;
    });
  const strangers = Array.from({ length: 300 }, once);
  await until(() => answered === 200);
  await client.listRequests();
  expect([signed - before, answered]).toEqual([1, 200]);
  await until(async () => {
    await clock.advance(100);
    return answered === 300;
  });
  await Promise.all(strangers);
  await client.close();
  await board.stop();
});

it('a session that many calls have shown is replaced once when it is refused', async () => {
  let signed = 0;
  const session = new ClientSession((board) => Promise.resolve(`${board}.${(signed += 1)}`), { monotonic: () => 0 });
  session.see({ [INSTANCE_HEADER]: 'b', [TIME_HEADER]: '1' });
  const [first, second] = [await session.headers(), await session.headers()];
  session.refused(first);
  const next = await session.headers();
  session.refused(second);
  expect([await session.headers(), signed]).toEqual([next, 2]);
  session.refused(next);
  await session.headers();
  expect(signed).toBe(3);
});

describe('strangers', () => {
  const calls: [method: 'post' | 'put', path: string][] = [
    ['post', '/requests'],
    ['put', '/requests/req_1'],
    ['post', '/messages'],
    ['post', '/presignature-messages'],
    ['post', '/partial-signatures'],
    ['post', '/presignature-requests'],
    ['put', '/presignature-requests/p'],
    ['post', '/publickey'],
    ['put', '/nodes/node-1'],
    ['put', '/unsigned-requests'],
  ];
  it.each(calls)('%s nothing at %s, and no body of theirs is read', async (method, path) => {
    const { stranger, counting } = sealedBoard();
    const answer = await stranger[method](path, `{"message":"${'m'.repeat(1_000_000)}`, 403);
    expect(answer).toMatchObject({ error: { code: 'unsigned_request', message: expect.stringContaining('x-member') } });
    expect(counting.verifications).toBe(0);
  });

  it.each(['/requests', '/requests/req_1', '/messages', '/nodes', '/publickey', '/health', '/nowhere'])(
    'get the answer of %s with a body as without one: it is not read',
    async (path) => {
      const { app } = sealedBoard();
      const without = await request(app).get(path);
      const answer = await request(app).get(path).set('content-type', 'application/json').send(`{"message":"${'m'.repeat(1_000_000)}`);
      expect([answer.status, answer.body]).toEqual([without.status, without.body]);
    },
  );

  it('read lists in small pages, and members in large ones', async () => {
    const { stranger, as } = sealedBoard();
    const message = 'x'.repeat(60_000);
    const ids = ['req_1', 'req_2', 'req_3', 'req_4', 'req_5', 'req_6'];
    for (const id of ids) await as(gateway).post('/requests', { id, message, origin: await originOf(cluster, id, message) });
    const first = (await stranger.get('/requests')) as RequestRecord[];
    const rest = (await stranger.get(`/requests?after=${first.at(-1)?.id ?? ''}`)) as RequestRecord[];
    expect([first.length, [...first, ...rest].map(({ id }) => id).slice(0, 4)]).toEqual([2, ids.slice(0, 4)]);
    expect(await as(one).get('/requests')).toHaveLength(6);
  });

  it('make no record by asking for messages', async () => {
    const { stranger, as } = sealedBoard();
    expect(await stranger.get('/messages?request_id=keygen&to_node=node-1')).toEqual([]);
    await stranger.get('/requests/keygen', 404);
    await as(one).get('/messages?request_id=keygen&to_node=node-1');
    await stranger.get('/requests/keygen');
  });

  it('that wait leave members their share of waiting readers, and so does a member', async () => {
    const board = sealedBoard('refuse');
    const waiting = async (): Promise<number> => ((await board.stranger.get('/health')) as { waiting: number }).waiting;
    const held: { abort: () => void }[] = [];
    const hold = async (headers: Record<string, string>): Promise<number> => {
      const asked = request(board.app).get('/requests?wait=30000').set(headers);
      held.push(asked);
      const before = await waiting();
      const answered = asked.then(({ status }) => status, () => 0);
      let status: number | undefined;
      void answered.then((now) => {
        status = now;
      });
      await until(async () => status !== undefined || (await waiting()) > before);
      return status ?? 200;
    };
    for (let k = 0; k < 100; k += 1) expect(await hold({})).toBe(200);
    expect(await hold({})).toBe(429);
    const headers = await sessionHeaders(board.app, roster, one);
    // 1,000 in all are shared by five members.
    for (let k = 0; k < 200; k += 1) expect(await hold(headers)).toBe(200);
    expect(await hold(headers)).toBe(429);
    expect(await hold(await sessionHeaders(board.app, roster, two))).toBe(200);
    board.close();
    for (const asked of held) asked.abort();
  });
});

describe('what the gateway has not signed, at a board that keeps it', () => {
  it('is shown to strangers after what is signed, and to no member that lists requests', async () => {
    const { stranger, as } = sealedBoard('keep');
    const posted = await stranger.post('/requests', { message: 'raw' });
    expect(posted).toMatchObject({ id: expect.stringMatching(/^req_/), message: 'raw', status: 'pending' });
    await as(gateway).post('/requests', { id: 'req_1', message: 'm', origin: await originOf(cluster, 'req_1', 'm') });
    const { id } = posted as RequestRecord;
    for (const path of ['/requests', '/requests?status=pending']) {
      expect(await stranger.get(path)).toMatchObject([{ id: 'req_1' }, { id }]);
      expect(await as(one).get(path)).toMatchObject([{ id: 'req_1' }]);
    }
    expect(await stranger.get(`/requests?after=${id}`)).toEqual([]);
    expect(await stranger.get('/requests?after=req_1')).toMatchObject([{ id }]);
    expect(await stranger.get(`/requests/${id}`)).toMatchObject({ message: 'raw' });
    expect(await stranger.get('/requests?status=failed')).toEqual([]);
  });

  it('takes no id of a signed one, and gives way to it', async () => {
    const { stranger, as } = sealedBoard('keep');
    const raw = { id: 'req_1', message: 'raw' };
    const record = await stranger.post('/requests', raw);
    expect(await stranger.post('/requests', raw)).toEqual(record);
    await stranger.post('/requests', { ...raw, message: 'other' }, 409);
    await as(gateway).post('/requests', { id: 'req_1', message: 'm', origin: await originOf(cluster, 'req_1', 'm') });
    expect(await stranger.get('/requests/req_1')).toMatchObject({ message: 'm' });
    expect(await stranger.post('/requests', raw, 409)).toMatchObject({ error: { code: 'request_exists' } });
    expect(await stranger.get('/requests')).toHaveLength(1);
  });

  it('is not what a stranger posts again that the gateway has signed: only the gateway asks', async () => {
    const { stranger, as } = sealedBoard('keep');
    const copied = { id: 'req_1', message: 'm', origin: await originOf(cluster, 'req_1', 'm') };
    await stranger.post('/requests', copied);
    await as(one).post('/requests', { ...copied, id: 'req_2' });
    expect(await as(one).get('/requests')).toEqual([]);
    await stranger.post('/requests', { ...copied, id: 'req_3', presignature_id: 'p' }, 403);
  });

  it('is the record of the gateway, when somebody posts the same again', async () => {
    const { stranger, as } = sealedBoard('keep');
    const asked = { id: 'req_1', message: 'm', origin: await originOf(cluster, 'req_1', 'm') };
    const record = (await as(gateway).post('/requests', asked)) as RequestRecord;
    for (const api of [stranger, as(one)]) expect(await api.post('/requests', asked)).toEqual(record);
    expect(await as(one).get('/requests')).toHaveLength(1);
    await stranger.post('/requests', { ...asked, message: 'n' }, 409);
  });

  it('is told to strangers that wait for requests', async () => {
    const board = await runningBoard({}, { verifier: verifierFor(roster), unsignedRequests: 'keep' });
    const waiting = board.client.listRequests({ wait: 30_000 });
    await until(async () => (await board.client.health()).waiting === 1);
    const { id } = await board.client.createRequest({ message: 'raw' });
    expect(await waiting).toMatchObject([{ id }]);
    const failed = board.client.listRequests({ status: 'failed', wait: 30_000 });
    await until(async () => (await board.client.health()).waiting === 1);
    for (const identity of [one, two]) {
      const headers = await sessionHeaders(board.app, roster, identity);
      await caller(board.app, () => Promise.resolve(headers)).put('/unsigned-requests', await refusalBy(board, identity, [id]));
    }
    expect(await failed).toMatchObject([{ id }]);
    const pending = board.client.listRequests({ status: 'pending', wait: 30_000 });
    await until(async () => (await board.client.health()).waiting === 1);
    const headers = await sessionHeaders(board.app, roster, gateway);
    const asked = { id: 'req_1', message: 'm', origin: await originOf(cluster, 'req_1', 'm') };
    await caller(board.app, () => Promise.resolve(headers)).post('/requests', asked);
    expect(await pending).toMatchObject([{ id: 'req_1' }]);
    await board.stop();
  });

  it('takes no more room with its refusals', async () => {
    const board = sealedBoard('keep');
    const { stranger, as } = board;
    // Eight of these take one MiB.
    const message = 'x'.repeat(64_512);
    const ids = Array.from({ length: 8 }, (_, k) => `big_${k}`);
    for (const id of ids) await stranger.post('/requests', { id, message });
    await stranger.get('/requests/big_0');
    expect(await as(one).put('/unsigned-requests', await refusalBy(board, one, ids))).toMatchObject({ refused: 8 });
    await stranger.get('/requests/big_0', 404);
    await stranger.get('/requests/big_7');
  });

  it('has room for the last hundred, and for one MiB', async () => {
    const { stranger } = sealedBoard('keep');
    for (let k = 0; k < 130; k += 1) await stranger.post('/requests', { id: `req_${k}`, message: 'm' });
    await stranger.get('/requests/req_29', 404);
    await stranger.get('/requests/req_30');
    const message = 'x'.repeat(60_000);
    for (let k = 0; k < 20; k += 1) await stranger.post('/requests', { id: `big_${k}`, message });
    await stranger.get('/requests/req_129', 404);
    await stranger.get('/requests/big_11', 404);
    for (let k = 12; k < 20; k += 1) await stranger.get(`/requests/big_${k}`);
    expect(await stranger.get('/health')).toMatchObject({ requests: { pending: 0 }, stored_bytes: 0 });
  });

  it('fails when as many nodes refuse it as leave too few, many at a time', async () => {
    const board = sealedBoard('keep');
    const { stranger, as } = board;
    for (const id of ['req_1', 'req_2', 'req_3']) await stranger.post('/requests', { id, message: 'm' });
    expect(await as(one).get('/unsigned-requests')).toEqual(['req_1', 'req_2', 'req_3']);
    expect(await as(one).put('/unsigned-requests', await refusalBy(board, one, ['req_1', 'req_3', 'req_9']))).toEqual({ refused: 2 });
    expect(await as(one).get('/unsigned-requests')).toEqual(['req_2']);
    expect(await stranger.get('/requests/req_1')).toMatchObject({ status: 'pending' });
    await as(one).put('/unsigned-requests', await refusalBy(board, one, ['req_1']));
    expect(await stranger.get('/requests/req_1')).toMatchObject({ status: 'pending' });
    await as(two).put('/unsigned-requests', await refusalBy(board, two, ['req_1', 'req_2']));
    const failed = await stranger.get('/requests?status=failed');
    expect(failed).toMatchObject([{ id: 'req_1', reason: 'unauthorized: node-1, node-2' }]);
    expect((failed as RequestRecord[])[0]?.refusals).toHaveLength(2);
    expect(await as(two).get('/unsigned-requests')).toEqual(['req_3']);
  });

  it.each<[what: string, body: (board: SealedBoard) => Promise<{ refusal: string }>]>([
    ['the gateway', (board) => refusalBy(board, gateway, ['req_1'])],
    ['a node, for another life of the board', (board) => refusalBy(board, one, ['req_1'], 'x')],
    ['nobody', () => Promise.resolve({ refusal: 'aa.bb.cc' })],
  ])('is not refused by %s', async (_what, body) => {
    const board = sealedBoard('keep');
    await board.stranger.post('/requests', { id: 'req_1', message: 'm' });
    await board.as(one).put('/unsigned-requests', await body(board), 403);
    expect(await board.as(one).get('/unsigned-requests')).toEqual(['req_1']);
  });
});

it('only participants say how far a presignature is', async () => {
  const { as, stranger } = sealedBoard();
  const participants = [0, 2, 3];
  const origin = await sign(one, roster, PRESIGNATURE_REQUEST, { id: 'p', participants });
  await as(one).post('/presignature-requests', { request_id: 'p', participants, origin });
  await stranger.put('/presignature-requests/p', { status: 'failed' }, 403);
  for (const other of [two, gateway]) {
    const answer = await as(other).put('/presignature-requests/p', { status: 'failed' }, 403);
    expect(answer).toMatchObject({ error: { code: 'not_a_participant' } });
  }
  expect(await as(one).put('/presignature-requests/p', { status: 'completed' })).toMatchObject({ status: 'completed' });
});
