import { describe, expect, it } from '@jest/globals';
import { Board } from '../src/server/board.js';
import { verifierFor } from '../src/server/verifiers.js';
import type { Limits } from '../src/store/limits.js';
import { caller } from 'testkit/caller';
import { newSigner } from 'testkit/signer';
import { privateMembersOf } from './private_members.js';
import { HandClock, LIMITS, testBoard } from './support.js';

const MINUTE = 60_000;
const message = (request_id: string, payload = 'x') => ({ request_id, from_node: 'node-1', to_node: '*', round: 1, payload });

describe('counts', () => {
  it.each([
    ['/messages', message('keygen')],
    ['/presignature-messages', message('keygen')],
    ['/partial-signatures', { request_id: 'keygen', from_node: 'node-1', payload: 'x' }],
  ])('%s: one more than the limit under one id is 429, a known one is not', async (path, body) => {
    const app = caller(testBoard({ maxEntriesPerRequest: 3 }).app);
    for (const payload of ['a', 'b', 'c']) await app.post(path, { ...body, payload });
    expect(await app.post(path, { ...body, payload: 'd' }, 429)).toMatchObject({ error: { code: 'too_many_entries' } });
    await app.post(path, { ...body, payload: 'b' });
    await app.post(path, { ...body, request_id: 'auxgen', payload: 'd' });
  });

  it('pending requests: 429 until one is finished', async () => {
    const app = caller(testBoard({ maxPendingRequests: 2 }).app);
    await app.post('/requests', { id: 'req_1', message: 'm' });
    await app.post('/requests', { message: 'm' });
    expect(await app.post('/requests', { message: 'm' }, 429)).toMatchObject({ error: { code: 'too_many_pending' } });
    await app.post('/requests', { id: 'req_1', message: 'm' });
    await app.put('/requests/req_1', { status: 'failed', reason: 'x' });
    await app.post('/requests', { message: 'm' });
  });

  it('protocol records: unused ones give way, used ones do not', async () => {
    const app = caller(testBoard({ maxOpenSessions: 3 }).app);
    await app.post('/messages', message('keygen'));
    for (const k of [1, 2, 3, 4]) await app.get(`/messages?request_id=asked-${k}&to_node=node-1`);
    await app.get('/requests/asked-1', 404);
    await app.get('/requests/asked-2', 404);
    await app.get('/requests/keygen');
    for (const k of [1, 2]) await app.post('/messages', message(`used-${k}`));
    expect(await app.post('/messages', message('used-3'), 429)).toMatchObject({ error: { code: 'too_many_sessions' } });
    expect(await app.get('/messages?request_id=asked-5&to_node=node-1', 429)).toMatchObject({ error: { code: 'too_many_sessions' } });
    await app.post('/requests', { message: 'm' });
  });

  it('presignature requests: 429 until one is finished', async () => {
    const app = caller(testBoard({ maxOpenSessions: 2 }).app);
    await app.post('/presignature-requests', { request_id: 'p1' });
    await app.post('/presignature-messages', message('p2'));
    await app.post('/presignature-requests', { request_id: 'p2' });
    await app.post('/presignature-requests', { request_id: 'p3' }, 429);
    expect(await app.post('/presignature-messages', message('p3'), 429)).toMatchObject({ error: { code: 'too_many_sessions' } });
    await app.put('/presignature-requests/p1', { status: 'completed' });
    await app.post('/presignature-requests', { request_id: 'p3' });
  });

  it('stored bytes: messages of finished work make room; its record does not, nor does unfinished work', async () => {
    const app = caller(testBoard({ maxStoredBytes: 100_000 }).app);
    const big = 'x'.repeat(10_000);
    for (const id of ['req_1', 'req_2']) await app.post('/requests', { id, message: big });
    await app.post('/messages', message('req_1', big));
    await app.put('/requests/req_1', { status: 'failed', reason: 'x' });
    await app.post('/messages', message('keygen', big));
    expect(await app.get('/messages?request_id=req_1&to_node=node-1')).toHaveLength(1);
    await app.post('/messages', message('auxgen', big));
    expect(await app.get('/messages?request_id=req_1&to_node=node-1')).toHaveLength(0);
    await app.get('/requests/req_1');
    expect(await app.post('/requests', { id: 'req_3', message: big }, 429)).toMatchObject({ error: { code: 'board_full' } });
    await app.get('/requests/req_1');
    expect(await app.post('/messages', message('keygen', `${big}y`), 429)).toMatchObject({ error: { code: 'board_full' } });
    await app.get('/requests/req_2');
    expect(await app.get('/messages?request_id=keygen&to_node=node-1')).toHaveLength(1);
  });

  it('stored bytes: presignature requests count too', async () => {
    const app = caller(testBoard({ maxStoredBytes: 5_000 }).app);
    for (const request_id of ['p1', 'p2']) await app.post('/presignature-requests', { request_id });
    expect(await app.post('/presignature-requests', { request_id: 'p3' }, 429)).toMatchObject({ error: { code: 'board_full' } });
    await app.put('/presignature-requests/p1', { status: 'failed' });
    await app.post('/presignature-requests', { request_id: 'p3' });
  });

  it('waiting readers', async () => {
    const board = testBoard({}, { maxWaiting: 0 });
    expect(await caller(board.app).get('/requests?wait=10', 429)).toMatchObject({ error: { code: 'too_many_waiting' } });
  });

  it('a list answer is cut, and can be read on', async () => {
    const app = caller(testBoard().app);
    const big = 'x'.repeat(2_000_000);
    for (let k = 0; k < 12; k += 1) await app.post('/messages', message('keygen', `${k}${big}`));
    const read = async (after: string): Promise<{ id: string }[]> =>
      (await app.get(`/messages?request_id=keygen&to_node=node-1&after=${after}`)) as { id: string }[];
    const first = await read('');
    const rest = await read(first.at(-1)?.id ?? '');
    expect([first.length, rest.length]).toEqual([8, 4]);
  });
});

describe('time', () => {
  function timed() {
    const board = testBoard();
    const later = (ms: number): void => {
      board.clock.pass(ms);
      board.expire();
    };
    return { board, app: caller(board.app), later };
  }

  it('finished requests are kept for an hour, their messages for ten minutes', async () => {
    const { app, later } = timed();
    const signer = newSigner();
    await app.post('/publickey', { public_key: signer.publicKey });
    await app.post('/requests', { id: 'req_1', message: 'm' });
    await app.post('/messages', message('req_1'));
    later(50 * MINUTE);
    await app.put('/requests/req_1', { signature: signer.sign('m') });
    later(9 * MINUTE);
    expect(await app.get('/messages?request_id=req_1&to_node=node-1')).toHaveLength(1);
    later(2 * MINUTE);
    expect(await app.get('/messages?request_id=req_1&to_node=node-1')).toHaveLength(0);
    later(48 * MINUTE);
    expect(await app.get('/requests/req_1')).toMatchObject({ status: 'completed' });
    later(2 * MINUTE);
    await app.get('/requests/req_1', 404);
    expect(await app.get('/requests')).toEqual([]);
    expect(await app.get('/requests?changed_after=0')).toEqual([]);
  });

  it('messages of a presignature are kept for a minute after it is made', async () => {
    const { app, later } = timed();
    await app.post('/presignature-requests', { request_id: 'p1', participants: [0, 1, 2] });
    await app.post('/presignature-messages', message('p1'));
    later(9 * MINUTE);
    await app.put('/presignature-requests/p1', { status: 'completed' });
    later(MINUTE);
    expect(await app.get('/presignature-messages?request_id=p1&to_node=node-1')).toHaveLength(1);
    later(1);
    expect(await app.get('/presignature-messages?request_id=p1&to_node=node-1')).toHaveLength(0);
  });

  it('what comes late for a finished request is kept no longer than the rest', async () => {
    const { app, board, later } = timed();
    await app.post('/requests', { id: 'req_1', message: 'm' });
    await app.put('/requests/req_1', { status: 'failed', reason: 'x' });
    await app.post('/messages', message('req_1'));
    expect(await app.get('/messages?request_id=req_1&to_node=node-1')).toHaveLength(1);
    later(11 * MINUTE);
    expect(await app.get('/messages?request_id=req_1&to_node=node-1')).toHaveLength(0);
    expect(await caller(board.app).get('/health')).toMatchObject({ entries: 0 });
  });

  it('protocol records are kept while somebody uses them', async () => {
    const { app, later } = timed();
    await app.post('/messages', message('keygen'));
    later(59 * MINUTE);
    expect(await app.get('/messages?request_id=keygen&to_node=node-1')).toHaveLength(1);
    later(59 * MINUTE);
    await app.post('/partial-signatures', { request_id: 'keygen', from_node: 'node-1', payload: 'x' });
    later(59 * MINUTE);
    await app.get('/requests/keygen');
    later(2 * MINUTE);
    await app.get('/requests/keygen', 404);
  });

  it('unfinished presignature requests too, and finished ones for an hour', async () => {
    const { app, later } = timed();
    for (const request_id of ['p1', 'p2']) await app.post('/presignature-requests', { request_id });
    await app.put('/presignature-requests/p2', { status: 'completed' });
    later(59 * MINUTE);
    await app.post('/presignature-messages', message('p1'));
    later(59 * MINUTE);
    expect(await app.get('/presignature-requests')).toMatchObject([{ id: 'p1' }]);
    later(2 * MINUTE);
    expect(await app.get('/presignature-requests')).toEqual([]);
  });

  it('a request that nobody finishes fails after a day', async () => {
    const { app, later } = timed();
    await app.post('/requests', { id: 'req_1', message: 'm' });
    later(24 * 60 * MINUTE);
    expect(await app.get('/requests/req_1')).toMatchObject({ status: 'pending' });
    later(1);
    expect(await app.get('/requests/req_1')).toMatchObject({ status: 'failed', reason: 'deadline_passed' });
  });
});

describe('a wall clock that is set', () => {
  const TWO_DAYS = 48 * 60 * MINUTE;
  it.each([['forward', TWO_DAYS], ['back', -TWO_DAYS]])('%s by two days ends nothing and keeps nothing longer', async (_, ms) => {
    const board = testBoard();
    const app = caller(board.app);
    const pass = (passed: number): void => {
      board.clock.pass(passed);
      board.expire();
    };
    await app.post('/publickey', { public_key: newSigner().publicKey });
    await app.post('/requests', { id: 'req_1', message: 'm' });
    await app.post('/requests', { id: 'req_2', message: 'm' });
    await app.put('/requests/req_2', { status: 'failed', reason: 'x' });
    await app.post('/messages', message('keygen'));
    await app.post('/presignature-messages', message('presig_1'));
    board.clock.jump(ms);
    pass(59 * MINUTE);
    const before = { requests: { pending: 1, finished: 1, protocol: 1 }, presignature_requests: { open: 1 } };
    expect(await app.get('/health')).toMatchObject(before);
    pass(2 * MINUTE);
    const after = { requests: { pending: 1, finished: 0, protocol: 0 }, presignature_requests: { open: 0 } };
    expect(await app.get('/health')).toMatchObject(after);
    pass(23 * 60 * MINUTE);
    expect(await app.get('/requests/req_1')).toMatchObject({ status: 'failed', reason: 'deadline_passed' });
  });
});

describe('memory', () => {
  function childrenOf(value: object): unknown[] {
    if (value instanceof Map) return [...value.entries()].flat();
    return value instanceof Set ? [...value] : Object.values(value);
  }

  /** Whatever can be counted inside: the sizes of all maps, sets and arrays reachable from `root`. */
  function retained(root: object): number {
    const seen = new Set<unknown>();
    let items = 0;
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null || seen.has(value)) return;
      seen.add(value);
      const children = childrenOf(value);
      const isOfClass = ![Object.prototype, Array.prototype, Map.prototype, Set.prototype].includes(Object.getPrototypeOf(value) as object);
      const all = isOfClass ? [...children, ...privateMembersOf(value)] : children;
      items += all.length;
      all.forEach(visit);
    };
    visit(root);
    return items;
  }

  const limits: Limits = { ...LIMITS, maxFinished: 50, maxPendingRequests: 20, maxOpenSessions: 20, maxStoredBytes: 1_000_000 };

  it('is bounded over 20,000 requests and presignatures, with some left unfinished', async () => {
    const clock = new HandClock();
    const board = new Board({ limits, verifier: verifierFor(null), clock, random: () => '0', changed: () => undefined });
    const signer = newSigner();
    board.postPublicKey(signer.publicKey);
    const signature = signer.sign('m');
    let after1000 = 0;
    for (let k = 1; k <= 20_000; k += 1) {
      const id = `req_${k}`;
      board.requests.create({ id, message: 'm', origin: 'gateway' }, null);
      for (const from_node of ['node-1', 'node-2', 'node-3']) {
        await board.entries.postMessage({ ...message(id), from_node });
        await board.entries.postPresignatureMessage({ ...message(`presig_${k}`), from_node });
        await board.entries.postPartialSignature({ request_id: id, from_node, payload: 'x' });
      }
      board.entries.messages(`asked-${k}`, 'node-1', undefined, null);
      await board.createPresignatureRequest({ request_id: `presig_${k}`, participants: [0, 1, 2] });
      if (k % 100 !== 0) {
        const end = k % 200 === 7 ? { signature } : { status: 'failed' as const, reason: 'x' };
        await board.updateRequest(id, end);
        board.presignatureRequests.update(`presig_${k}`, 'completed');
      }
      clock.pass(10 * 60_000);
      board.expire();
      if (k === 1000) after1000 = retained(board);
    }
    // 10 minutes a round: five finished in the last hour, the hundredth ones of the last day pending.
    expect(board.health(0)).toMatchObject({ requests: { finished: 5, pending: 2 }, presignature_requests: { open: 1, finished: 5 } });
    expect(retained(board)).toBeLessThan(1.2 * after1000);
    clock.pass(48 * 60 * 60_000);
    board.expire();
    board.expire();
    clock.pass(2 * 60 * 60_000);
    board.expire();
    expect(board.health(0)).toMatchObject({
      requests: { pending: 0, finished: 0, protocol: 0 },
      presignature_requests: { open: 0, finished: 0 },
      entries: 0,
      stored_bytes: 0,
    });
  });

  it('is bounded by count when no time passes', async () => {
    const board = new Board({ limits, verifier: verifierFor(null), clock: new HandClock(), random: () => '0', changed: () => undefined });
    for (let k = 1; k <= 2_000; k += 1) {
      const id = `req_${k}`;
      board.requests.create({ id, message: 'm'.repeat(1 + (k % 7) * 1000) }, null);
      await board.entries.postMessage(message(id, 'p'.repeat(20_000)));
      await board.updateRequest(id, { status: 'failed', reason: 'x' });
      expect(board.requests.works.finished.size).toBeLessThanOrEqual(50);
      expect(board.health(0).stored_bytes).toBeLessThanOrEqual(1_000_000);
    }
    expect(board.requests.works.byId.size).toBe(board.requests.works.finished.size);
    expect(board.requests.works.finished.size).toBeGreaterThan(40);
  });
});
