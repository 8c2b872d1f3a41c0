/** One member of a sealed cluster can use up only its own share of the board, and nothing finished is forgotten for unfinished work. */
import { describe, expect, it } from '@jest/globals';
import { seal } from 'sealing/envelope';
import { PRESIGNATURE_REQUEST } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { caller } from 'testkit/caller';
import { members, originOf } from 'testkit/roster';
import { sessionHeaders } from 'testkit/session';
import type { Health } from '../src/contract/contract.js';
import { verifierFor } from '../src/server/verifiers.js';
import { testBoard } from './support.js';

const cluster = members();
const { roster, identities, gateway } = cluster;
const [one, two] = identities;
if (one === undefined || two === undefined) throw new Error('two members');

function sealedBoard(limits: Parameters<typeof testBoard>[0]) {
  const board = testBoard(limits, { verifier: verifierFor(roster) });
  const headers = new Map<string, Promise<Record<string, string>>>();
  const as = (identity: typeof gateway) => {
    const own = headers.get(identity.name) ?? sessionHeaders(board.app, roster, identity);
    headers.set(identity.name, own);
    return caller(board.app, () => own);
  };
  const post = async (
    identity: typeof gateway,
    session: string,
    round = 1,
    text = 'x',
    status = 200,
    namespace: 'messages' | 'presignature-messages' = 'messages',
  ): Promise<unknown> => {
    const place = { namespace, session, incarnation: 'a', setting: 'ab'.repeat(32), to: '*', round };
    const payload = await seal(identity, roster, place, text);
    const body = { request_id: session, from_node: identity.name, to_node: '*', round, payload };
    return as(identity).post(`/${namespace}`, body, status);
  };
  return { as, post };
}

describe('a member that wants everything', () => {
  it('has its share of the messages of one session', async () => {
    const { post } = sealedBoard({ maxEntriesPerRequest: 10 });
    for (const round of [1, 2]) await post(one, 'keygen', round);
    expect(await post(one, 'keygen', 3, 'x', 429)).toMatchObject({ error: { code: 'too_many_entries' } });
    for (const round of [1, 2]) await post(two, 'keygen', round);
    await post(one, 'auxgen');
  });

  it('has its share of open sessions, whether it writes or only asks', async () => {
    const { as, post } = sealedBoard({ maxOpenSessions: 10 });
    for (const session of ['a', 'b']) await post(one, session);
    expect(await post(one, 'c', 1, 'x', 429)).toMatchObject({ error: { code: 'too_many_sessions' } });
    expect(await as(one).get('/messages?request_id=d&to_node=node-1', 429)).toMatchObject({ error: { code: 'too_many_sessions' } });
    for (const session of ['c', 'd']) await post(two, session);
    await post(one, 'd');
  });

  it('has its share of presignatures in the making', async () => {
    const { as } = sealedBoard({ maxOpenSessions: 10 });
    const ask = async (identity: typeof gateway, id: string, status = 200): Promise<unknown> => {
      const participants = [0, 1, 2];
      const origin = await sign(identity, roster, PRESIGNATURE_REQUEST, { id, participants });
      return as(identity).post('/presignature-requests', { request_id: id, participants, origin }, status);
    };
    for (const id of ['p1', 'p2']) await ask(one, id);
    expect(await ask(one, 'p3', 429)).toMatchObject({ error: { code: 'too_many_sessions' } });
    for (const id of ['p3', 'p4']) await ask(two, id);
    await as(one).put('/presignature-requests/p1', { status: 'completed' });
    await ask(one, 'p5');
  });

  it('has its share of the bytes of presignatures in the making', async () => {
    // A sixteenth is for those of five members: room for five of these.
    const { as } = sealedBoard({ maxStoredBytes: 1_000_000 });
    const ask = async (identity: typeof gateway, id: string, status = 200): Promise<unknown> => {
      const participants = [0, 1, 2];
      const origin = await sign(identity, roster, PRESIGNATURE_REQUEST, { id, participants });
      return as(identity).post('/presignature-requests', { request_id: id, participants, origin }, status);
    };
    let taken = 0;
    while (taken < 20 && ((await ask(one, `p${taken}`).catch(() => null)) !== null)) taken += 1;
    expect(await ask(one, 'more', 429)).toMatchObject({ error: { code: 'share_used_up' } });
    expect([taken, ((await as(one).get('/presignature-requests')) as object[]).length]).toEqual([4, 4]);
    await ask(two, 'of_another');
    await as(one).put('/presignature-requests/p0', { status: 'failed' });
    await ask(one, 'more');
  });

  it('has its share of the bytes', async () => {
    const { post } = sealedBoard({ maxStoredBytes: 1_000_000 });
    // Half of it is for messages of five members: room for two of these.
    const text = 'x'.repeat(15_000);
    for (const session of ['a', 'b']) await post(one, session, 1, text);
    expect(await post(one, 'c', 1, text, 429)).toMatchObject({ error: { code: 'share_used_up' } });
    for (const session of ['c', 'd']) await post(two, session, 1, text);
  });
});

describe('a member whose share of the bytes is used up', () => {
  const text = 'x'.repeat(15_000);

  const finishedSession = async (board: ReturnType<typeof sealedBoard>, id: string): Promise<void> => {
    const participants = [0, 1, 2];
    const origin = await sign(one, roster, PRESIGNATURE_REQUEST, { id, participants });
    await board.as(one).post('/presignature-requests', { request_id: id, participants, origin });
    await board.post(one, id, 1, text, 200, 'presignature-messages');
    await board.post(two, id, 1, 'short', 200, 'presignature-messages');
    await board.as(one).put(`/presignature-requests/${id}`, { status: 'completed' });
  };

  it('loses its own messages of what is finished, the oldest first, and nobody else\'s', async () => {
    const board = sealedBoard({ maxStoredBytes: 1_000_000 });
    const sendersOf = async (id: string): Promise<string[]> => {
      const messages = await board.as(two).get(`/presignature-messages?request_id=${id}&to_node=node-1`);
      return (messages as { from_node: string }[]).map(({ from_node }) => from_node);
    };
    const ids = ['p1', 'p2'];
    for (const id of ids) await finishedSession(board, id);
    expect(await Promise.all(ids.map(sendersOf))).toEqual([['node-1', 'node-2'], ['node-1', 'node-2']]);
    const heldBefore = (await board.as(one).get('/health')) as Health;
    await board.post(one, 'a', 1, text);
    expect(await Promise.all(ids.map(sendersOf))).toEqual([['node-2'], ['node-1', 'node-2']]);
    await board.post(one, 'b', 1, text);
    expect(await Promise.all(ids.map(sendersOf))).toEqual([['node-2'], ['node-2']]);
    expect(((await board.as(one).get('/health')) as Health).entries).toBe(heldBefore.entries);
    expect(await board.post(one, 'c', 1, text, 429)).toMatchObject({ error: { code: 'share_used_up' } });
  });

  it('can post again what was forgotten', async () => {
    const board = sealedBoard({ maxStoredBytes: 1_000_000 });
    await finishedSession(board, 'p1');
    await board.post(one, 'a', 1, text);
    await board.post(one, 'b', 1, text);
    const posted = (await board.post(one, 'p1', 2, 'again', 200, 'presignature-messages')) as { id: string };
    expect(await board.as(two).get('/presignature-messages?request_id=p1&to_node=node-1')).toMatchObject([
      { from_node: 'node-2' },
      { id: posted.id, from_node: 'node-1' },
    ]);
  });
});

describe('what is finished', () => {
  const message = 'm'.repeat(10_000);

  it('stays, however much unfinished work there is', async () => {
    const api = caller(testBoard({ maxStoredBytes: 200_000 }).app);
    for (let k = 0; k < 3; k += 1) {
      await api.post('/requests', { id: `done_${k}`, message });
      await api.put(`/requests/done_${k}`, { status: 'failed', reason: 'x' });
    }
    let refused = 0;
    for (let k = 0; k < 20; k += 1) {
      const answer = (await api.post('/requests', { id: `req_${k}`, message }, refused === 0 && k < 6 ? 200 : 429)) as { error?: object };
      if (answer.error !== undefined) refused += 1;
    }
    expect(refused).toBe(14);
    for (let k = 0; k < 3; k += 1) await api.get(`/requests/done_${k}`);
  });

  it('gives way to what is finished later', async () => {
    const api = caller(testBoard({ maxStoredBytes: 200_000 }).app);
    for (let k = 0; k < 20; k += 1) {
      await api.post('/requests', { id: `req_${k}`, message });
      await api.put(`/requests/req_${k}`, { status: 'failed', reason: 'x' });
    }
    await api.get('/requests/req_16', 404);
    for (const k of [17, 18, 19]) await api.get(`/requests/req_${k}`);
  });

  it('leaves room, when it is presignatures that somebody asks for and ends', async () => {
    const api = caller(testBoard({ maxStoredBytes: 1_000_000 }).app);
    for (let k = 0; k < 40; k += 1) {
      await api.post('/presignature-requests', { request_id: `p_${k}`, participants: [0, 1] });
      await api.put(`/presignature-requests/p_${k}`, { status: 'failed' });
    }
    expect(((await api.get('/health')) as Health).stored_bytes).toBeLessThan(1_000_000 / 32);
    expect(await api.get('/presignature-requests?after=p_38')).toMatchObject([{ id: 'p_39' }]);
  });

  it('is not forgotten for what the gateway asks', async () => {
    const { as } = sealedBoard({ maxStoredBytes: 200_000 });
    for (let k = 0; k < 30; k += 1) {
      const id = `req_${k}`;
      const body = { id, message, origin: await originOf(cluster, id, message) };
      await as(gateway).post('/requests', body, k < 8 ? 200 : 429);
    }
    await as(gateway).get('/requests/req_0');
  });
});
