/** One outcome, whatever happens: a board that hangs, a cancellation, time that is over, a disk that is lost. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { request as ask } from 'undici';
import type { RequestRecord } from 'message-board/contract';
import { CLOSING } from 'sealing/kinds';
import { verify } from 'sealing/statement';
import type { DiskState } from 'service/disk';
import { caller } from 'testkit/caller';
import { until } from 'testkit/eventually';
import { VirtualClock } from 'testkit/virtual_clock';
import { SigningStatusSchema, type SigningStatus } from '../src/contract.js';
import { StoreFull } from '../src/store/request_store.js';
import type { Lie } from './lying_board.js';
import { passUntil, passUntilSettled } from './passing.js';
import { sealedCluster, type SealedCluster } from './sealed_support.js';
import { ROOMY } from './support.js';

const HOUR_MS = 3_600_000;
const started: SealedCluster[] = [];
async function start(deps: NonNullable<Parameters<typeof sealedCluster>[0]>['deps'] = {}): Promise<SealedCluster> {
  const c = await sealedCluster({ deps });
  started.push(c);
  return c;
}
afterEach(async () => {
  for (const c of started.splice(0)) await c.stop();
});

const sign = async (c: SealedCluster, message = 'm', query = ''): Promise<SigningStatus> =>
  SigningStatusSchema.strict().parse(await caller(c.app).post(`/sign${query}`, { message }));
const status = async (c: SealedCluster, id: string): Promise<SigningStatus> =>
  SigningStatusSchema.strict().parse(await caller(c.app).get(`/status/${id}`));
const cancel = (c: SealedCluster, id: string, code = 202): Promise<unknown> => caller(c.app).delete(`/requests/${id}`, code);
const cancelled = (id: string) => ({ request_id: id, status: 'failed', reason: 'cancelled' });
const honest: Lie = (_asked, truth) => truth;
/** Every record that the board shows, as a corrupt signer could have finished it after all. */
const completing = (c: SealedCluster): Lie => (_asked, truth) => {
  const complete = (record: unknown) => {
    const { message } = record as RequestRecord;
    return typeof message === 'string' ? { ...(record as object), status: 'completed', signature: c.signer.sign(message) } : record;
  };
  return { status: 200, body: Array.isArray(truth.body) ? truth.body : complete(truth.body) };
};

describe('a board that hangs', () => {
  it.each(['', '?wait=1000'])('POST /sign%s: the request is accepted, has an id, and is completed later, once', async (query) => {
    const clock = new VirtualClock();
    const c = await start({ clock });
    await c.stateKey();
    await c.gateway.sweep();
    const release = c.liar.hang();
    const { request_id: id, ...rest } = await passUntilSettled(clock, sign(c, 'm', query));
    expect(rest).toMatchObject({ status: 'pending' });
    expect(await c.nodes.listRequests()).toEqual([]);
    release();
    await until(async () => (await c.nodes.getRequest(id)) !== undefined);
    await c.gateway.sweep();
    await c.finish(id);
    expect(await status(c, id)).toMatchObject({ status: 'completed', signature: c.signer.sign('m') });
    expect((await c.nodes.listRequests()).map((record) => record.id)).toEqual([id]);
    expect(c.log.filter((line) => line.includes('"request_not_posted"'))).toHaveLength(1);
  });

  it('refuses nothing that it might have: an answer that says no does not make a request unaccepted', async () => {
    const c = await start();
    await c.stateKey();
    await c.gateway.sweep();
    const no = { status: 429, body: { error: { code: 'board_full', message: 'x' } } };
    c.liar.tell((asked, truth) => (asked.method === 'POST' ? no : truth));
    const { request_id: id } = await sign(c);
    expect(await status(c, id)).toMatchObject({ status: 'pending' });
    c.liar.tell(honest);
    await c.finish(id);
    await c.gateway.sweep();
    expect(await status(c, id)).toMatchObject({ status: 'completed' });
  });

  it('says 503 only before anything is sent to a board: what is refused is not on the disk', async () => {
    const c = await start();
    await c.stateKey();
    await c.stopBoard();
    await c.gateway.sweep();
    expect(await caller(c.app).post('/sign', { message: 'm' }, 503)).toMatchObject({ error: { code: 'board_unavailable' } });
    expect(await caller(c.app).get('/requests')).toEqual([]);
    await c.startBoard();
    await c.gateway.sweep();
    expect(await c.nodes.listRequests()).toEqual([]);
  });
});

describe('restarts of gateway and board', () => {
  it('lose no request, and unfinished ones count from the start', async () => {
    const c = await start();
    await c.stateKey();
    const ids: string[] = [];
    for (const message of ['a', 'b', 'c', 'd', 'e']) ids.push((await sign(c, message)).request_id);
    await c.finish(ids[0] ?? '');
    await c.gateway.sweep();
    await c.stopBoard();
    await c.restartGateway();
    expect(await c.gateway.health()).toMatchObject({ board: 'down', unfinished: 4 });
    expect(await status(c, ids[0] ?? '')).toMatchObject({ status: 'completed', signature: c.signer.sign('a') });
    expect(await status(c, ids[1] ?? '')).toEqual({ request_id: ids[1], status: 'pending', reason: 'board_unavailable' });
    await c.startBoard();
    await c.stateKey();
    await c.gateway.sweep();
    for (const id of ids.slice(1)) await c.finish(id);
    await c.gateway.sweep();
    for (const id of ids) expect(await status(c, id)).toMatchObject({ status: 'completed' });
    expect((await c.gateway.health()).unfinished).toBe(0);
  });

  it('a board that has forgotten, and another one that lies, change no outcome', async () => {
    const c = await start();
    await c.stateKey();
    const { request_id: id } = await sign(c);
    await cancel(c, id);
    await c.stopBoard();
    await c.restartGateway(() => c.startBoard());
    c.liar.tell(completing(c));
    for (let k = 0; k < 2; k += 1) await c.gateway.sweep();
    expect(await status(c, id)).toEqual(cancelled(id));
  });

  it('with a lost disk the gateway takes over its own requests from the board, and keeps their outcome', async () => {
    const c = await start();
    await c.stateKey();
    const { request_id: pending } = await sign(c, 'a');
    const { request_id: completed } = await sign(c, 'b');
    await c.finish(completed);
    await c.nodes.createRequest({ id: 'req_1_stranger', message: 'm' }).catch(() => undefined);
    await c.restartGateway(() => rm(join(c.folder, 'gateway.sqlite')));
    await c.gateway.sweep();
    expect((await c.gateway.health()).unfinished).toBe(1);
    expect(await status(c, pending)).toEqual({ request_id: pending, status: 'pending' });
    expect(await status(c, completed)).toMatchObject({ status: 'completed' });
    await c.stopBoard();
    await c.gateway.sweep();
    expect(await status(c, completed)).toMatchObject({ status: 'completed' });
    await c.startBoard();
  });

  it('takes a request over once, though several clients ask for it at once, and refuses nobody for that', async () => {
    const c = await start();
    await c.stateKey();
    const { request_id: id } = await sign(c, 'a');
    await c.restartGateway(() => rm(join(c.folder, 'gateway.sqlite')));
    const answers = await Promise.all([status(c, id), status(c, id), status(c, id), sign(c, 'b')]);
    expect(answers.map(({ status: shown }) => shown)).toEqual(Array(4).fill('pending'));
    expect((await c.gateway.list({ limit: 9 })).map(({ request_id }) => request_id).sort()).toEqual([id, answers[3].request_id].sort());
    expect(c.log.filter((line) => line.includes('"request_adopted"'))).toHaveLength(1);
  });
});

describe('a cancellation', () => {
  it('ends the request at once and for good, and the nodes hear of it', async () => {
    const c = await start();
    await c.stateKey();
    const { request_id: id } = await sign(c);
    expect(await cancel(c, id)).toEqual(cancelled(id));
    expect(await status(c, id)).toEqual(cancelled(id));
    await until(async () => (await c.nodes.getRequest(id))?.closing !== undefined);
    const record = await c.nodes.getRequest(id);
    expect(record).toMatchObject({ status: 'failed', reason: 'cancelled' });
    const { signer, claims } = await verify(c.roster, CLOSING, record?.closing ?? '');
    expect({ signer, claims }).toEqual({ signer: 'gateway', claims: { request_id: id, reason: 'cancelled' } });
    // The answer to the first call may have been lost.
    expect(await cancel(c, id)).toEqual(cancelled(id));
  });

  it('stands against a signature that comes later', async () => {
    const c = await start();
    await c.stateKey();
    const { request_id: id } = await sign(c);
    await cancel(c, id);
    c.liar.tell(completing(c));
    for (let k = 0; k < 2; k += 1) await c.gateway.sweep();
    expect(await status(c, id)).toEqual(cancelled(id));
    await c.restartGateway();
    expect(await status(c, id)).toEqual(cancelled(id));
  });

  it('comes too late for what has ended, also when only the board knows that', async () => {
    const c = await start();
    await c.stateKey();
    const [a, b] = [await sign(c, 'a'), await sign(c, 'b')];
    await c.finish(a.request_id);
    expect(await cancel(c, a.request_id, 409)).toMatchObject({ error: { code: 'too_late' } });
    expect(await status(c, a.request_id)).toMatchObject({ status: 'completed' });
    for (const number of [2, 4]) await c.nodes.updateRequest(b.request_id, { refusal: await c.refusal(number, b.request_id) });
    expect(await cancel(c, b.request_id, 409)).toMatchObject({ error: { code: 'too_late' } });
    expect(await status(c, b.request_id)).toMatchObject({ reason: 'policy_refused: node-2, node-4' });
  });

  it('is not for what the gateway has not accepted', async () => {
    const c = await start();
    for (const id of ['req_1_unknown', 'keygen', 'a b']) {
      expect(await cancel(c, encodeURIComponent(id), 404)).toEqual({ request_id: id, status: 'not_found' });
    }
  });

  it('does not wait for a board that hangs, and is told until the board has heard of it', async () => {
    const clock = new VirtualClock();
    const c = await start({ clock });
    await c.stateKey();
    const { request_id: id } = await sign(c);
    const release = c.liar.hang();
    expect(await passUntilSettled(clock, cancel(c, id))).toEqual(cancelled(id));
    await c.restartGateway(() => {
      release();
      return Promise.resolve();
    });
    // The board may have heard nothing: then it still calls the request pending.
    await c.gateway.sweep();
    expect(await c.nodes.getRequest(id)).toMatchObject({ status: 'failed', reason: 'cancelled' });
  });

  it('is told after the post that was under way, so that nobody signs what comes late', async () => {
    const clock = new VirtualClock(Date.now());
    const c = await start({ clock });
    await c.stateKey();
    await c.gateway.sweep();
    const release = c.liar.hang(({ method, path }) => method === 'POST' && path.startsWith('/requests'));
    const { request_id: id } = await passUntilSettled(clock, sign(c));
    expect(await passUntilSettled(clock, cancel(c, id))).toEqual(cancelled(id));
    expect(await c.nodes.getRequest(id)).toBeUndefined();
    // A closing that is told now comes too early.
    await new Promise((resolve) => setTimeout(resolve, 100));
    release();
    await until(async () => (await c.nodes.getRequest(id)) !== undefined);
    await passUntil(clock, async () => (await c.nodes.getRequest(id))?.status === 'failed');
    expect(await c.nodes.getRequest(id)).toMatchObject({ reason: 'cancelled' });
  });

  it('posts nothing: neither what a client cancels, nor what has ended while a reader asked the board', async () => {
    const c = await start();
    await c.stateKey();
    const [a, b] = [await sign(c, 'a'), await sign(c, 'b')];
    await c.stopBoard();
    await c.startBoard();
    await cancel(c, a.request_id);
    const isOfB = (path: string) => path.startsWith(`/requests/${b.request_id}`);
    const release = c.liar.hang(({ method, path }) => method === 'GET' && isOfB(path));
    const shown = status(c, b.request_id);
    await until(() => c.liar.asked.some(({ method, path }) => method === 'GET' && isOfB(path)));
    await c.store.end(b.request_id, { status: 'failed', reason: 'cancelled' }, 1);
    release();
    expect(await shown).toEqual(cancelled(b.request_id));
    expect(await c.nodes.listRequests()).toEqual([]);
  });

  it('is told again when somebody has put the request on a new board', async () => {
    const c = await start();
    await c.stateKey();
    const { request_id: id } = await sign(c);
    const record = await c.nodes.getRequest(id);
    await cancel(c, id);
    await c.stopBoard();
    await c.startBoard();
    await c.nodes.createRequest({ id, message: 'm', ...(record?.origin === undefined ? {} : { origin: record.origin }) });
    await c.gateway.sweep();
    expect(await c.nodes.getRequest(id)).toMatchObject({ status: 'failed', reason: 'cancelled' });
  });

  it('releases a client that waits', async () => {
    const c = await start();
    await c.stateKey();
    const call = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"message":"m"}' } as const;
    const waiting = ask(`${c.url}/sign?wait=30000`, call);
    await until(async () => (await c.nodes.health()).waiting >= 1);
    const [record] = await c.nodes.listRequests({ status: 'pending' });
    const id = record?.id ?? '';
    await cancel(c, id);
    expect(await (await waiting).body.json()).toEqual(cancelled(id));
  });
});

describe('time', () => {
  it('ends a request two minutes after nodes may sign it, not before, whatever the board says', async () => {
    const clock = new VirtualClock();
    const c = await start({ clock });
    await c.stateKey();
    const { request_id: id } = await sign(c);
    c.liar.tell((asked, truth) => {
      const isRecord = asked.path.startsWith('/requests') && !Array.isArray(truth.body);
      return isRecord ? { status: 200, body: { ...(truth.body as object), status: 'failed', reason: 'expired' } } : truth;
    });
    await clock.advance(HOUR_MS + 119_000);
    await c.gateway.tidy();
    await c.gateway.sweep();
    expect(await status(c, id)).toEqual({ request_id: id, status: 'pending', reason: 'expiring' });
    expect(await caller(c.app).get('/ready')).toEqual({ status: 'ready' });
    c.liar.tell(honest);
    await clock.advance(1_000);
    await c.gateway.tidy();
    expect(await status(c, id)).toEqual({ request_id: id, status: 'failed', reason: 'expired' });
    await until(async () => (await c.nodes.getRequest(id))?.status === 'failed');
    expect(await cancel(c, id, 409)).toMatchObject({ error: { code: 'too_late' } });
  });

  it('ends it also while the board hangs', async () => {
    const clock = new VirtualClock();
    const c = await start({ clock, lifetimeMs: 60_000 });
    await c.stateKey();
    const { request_id: id } = await sign(c);
    const release = c.liar.hang();
    const stopping = new AbortController();
    const running = c.gateway.run(stopping.signal);
    const shown = async () => (await c.gateway.list({ limit: 1 }))[0];
    const seconds: number[] = [];
    while ((await shown())?.status === 'pending') {
      await until(() => clock.pending > 0);
      await clock.advance(1_000);
      seconds.push(clock.monotonic());
    }
    expect(await shown()).toEqual({ request_id: id, status: 'failed', reason: 'expired' });
    expect(seconds.length).toBeGreaterThanOrEqual(179);
    release();
    stopping.abort();
    await passUntilSettled(clock, running);
  });

  it('ends nothing of which the board has a signature: a gateway that was down for longer looks first', async () => {
    const clock = new VirtualClock(Date.now());
    const c = await start({ clock });
    await c.stateKey();
    const ids: string[] = [];
    for (let k = 0; k < 60; k += 1) ids.push((await sign(c, `m${k}`)).request_id);
    const [unsigned = '', ...signed] = ids;
    await c.restartGateway(async () => {
      for (const id of signed) await c.finish(id);
      await clock.advance(HOUR_MS + 120_000);
    });
    await c.gateway.tidy();
    expect((await c.gateway.list({ limit: 100, status: 'completed' })).map(({ request_id }) => request_id)).toEqual(signed);
    expect(await status(c, unsigned)).toEqual({ request_id: unsigned, status: 'failed', reason: 'expired' });
  });

  it('waits with a signature that the gateway cannot verify yet, because too few nodes state the key', async () => {
    const clock = new VirtualClock(Date.now());
    const c = await start({ clock });
    await c.stateKey();
    const [{ request_id: signed }, { request_id: unsigned }] = [await sign(c, 'a'), await sign(c, 'b')];
    await c.restartGateway(async () => {
      await c.finish(signed);
      for (const number of [2, 3]) await c.state(number, { public_key: c.signer.publicKey, stage: 'starting' });
      await clock.advance(HOUR_MS + 120_000);
    });
    await c.gateway.tidy();
    expect(await c.gateway.list({ limit: 9 })).toMatchObject([{ status: 'pending' }, { request_id: unsigned, reason: 'expired' }]);
    await c.stateKey();
    await c.gateway.tidy();
    expect(await status(c, signed)).toMatchObject({ status: 'completed', signature: c.signer.sign('a') });
  });

  it('is what passes, not what the wall clock says: a clock that is set ends and forgets nothing', async () => {
    const clock = new VirtualClock();
    const c = await start({ clock, retentionMs: 24 * HOUR_MS });
    await c.stateKey();
    const [a, b] = [await sign(c, 'a'), await sign(c, 'b')];
    await c.finish(a.request_id);
    await c.gateway.sweep();
    clock.jump(30 * 24 * HOUR_MS);
    await c.gateway.tidy();
    expect(await c.gateway.list({ limit: 9 })).toMatchObject([{ status: 'completed' }, { status: 'pending' }]);
    await clock.advance(24 * HOUR_MS + 1);
    await c.gateway.tidy();
    expect(await c.gateway.list({ limit: 9 })).toEqual([{ request_id: b.request_id, status: 'failed', reason: 'expired' }]);
  });

  it('forgets an outcome, and then no second one is shown', async () => {
    const clock = new VirtualClock();
    const c = await start({ clock, retentionMs: HOUR_MS });
    await c.stateKey();
    const { request_id: id } = await sign(c);
    await cancel(c, id);
    await clock.advance(HOUR_MS + 60_000);
    await c.gateway.tidy();
    expect(await status(c, id)).toEqual(cancelled(id));
    await clock.advance(60_000);
    await c.gateway.tidy();
    c.liar.tell(completing(c));
    await c.gateway.sweep();
    expect(await caller(c.app).get(`/status/${id}`, 404)).toEqual({ request_id: id, status: 'not_found' });
  });
});

describe('a full disk', () => {
  it('refuses a new request, and keeps the end of an accepted one until there is room, saying which of the two', async () => {
    const c = await start();
    await c.stateKey();
    await c.gateway.sweep();
    const [a, b] = [await sign(c, 'a'), await sign(c, 'b')];
    await c.finish(a.request_id);
    const roomy = { register: c.store.register.bind(c.store), end: c.store.end.bind(c.store) };
    const full = () => Promise.reject(new StoreFull('there is no room'));
    Object.assign(c.store, { register: full, end: full });
    const told = (text: string) => ({ error: { code: 'disk_full', message: expect.stringContaining(text) as unknown } });
    expect(await caller(c.app).post('/sign', { message: 'c' }, 503)).toMatchObject(told('nothing was accepted'));
    expect(await caller(c.app).get(`/status/${a.request_id}`, 503)).toMatchObject(told('its end cannot be kept'));
    expect(await cancel(c, b.request_id, 503)).toMatchObject(told('its end cannot be kept'));
    Object.assign(c.store, roomy);
    expect(await status(c, a.request_id)).toMatchObject({ status: 'completed' });
    expect(await cancel(c, b.request_id)).toEqual(cancelled(b.request_id));
  });
});

describe('a disk that has a problem', () => {
  it('refuses new requests and cancellations, and still answers for those that it has', async () => {
    const disk: { state: DiskState } = { state: ROOMY.state };
    const c = await start({ disk });
    await c.stateKey();
    await c.gateway.sweep();
    const { request_id } = await sign(c, 'a');
    disk.state = { freeBytes: null, problem: { code: 'disk_failed', reason: 'the file is gone' } };
    const told = { error: { code: 'disk_full', message: 'nothing can be kept: the file is gone' } };
    expect(await caller(c.app).post('/sign', { message: 'b' }, 503)).toEqual(told);
    expect(await cancel(c, request_id, 503)).toEqual(told);
    expect(await status(c, request_id)).toMatchObject({ status: 'pending' });
    expect(await caller(c.app).get('/requests')).toHaveLength(1);
    disk.state = ROOMY.state;
    expect(await cancel(c, request_id)).toEqual(cancelled(request_id));
  });
});

describe('DELETE /requests/{id}', () => {
  it('refuses a query, which it does not have', async () => {
    const c = await start();
    await c.stateKey();
    const { request_id: id } = await sign(c);
    const { status: code } = await fetch(`${c.url}/requests/${id}?force=1`, { method: 'DELETE' });
    expect([code, (await status(c, id)).status]).toEqual([400, 'pending']);
  });
});

describe('GET /requests', () => {
  it('lists what was accepted, the oldest first, page by page', async () => {
    const c = await start();
    await c.stateKey();
    const ids: string[] = [];
    for (let k = 0; k < 5; k += 1) ids.push((await sign(c, `m${k}`)).request_id);
    await c.finish(ids[1] ?? '');
    await c.gateway.sweep();
    await cancel(c, ids[3] ?? '');
    const listed = async (query: string): Promise<string[]> => {
      const statuses = (await caller(c.app).get(`/requests${query}`)) as SigningStatus[];
      return statuses.map(({ request_id }) => request_id);
    };
    expect(await caller(c.app).get('/requests?limit=4&after=' + String(ids[0]))).toEqual([
      { request_id: ids[1], status: 'completed', signature: c.signer.sign('m1'), ...c.signer.forms('m1') },
      { request_id: ids[2], status: 'pending' },
      cancelled(ids[3] ?? ''),
      { request_id: ids[4], status: 'pending' },
    ]);
    expect(await listed('')).toEqual(ids);
    expect(await listed('?limit=2')).toEqual(ids.slice(0, 2));
    expect(await listed('?status=pending')).toEqual([ids[0], ids[2], ids[4]]);
    expect(await listed(`?status=pending&after=${String(ids[2])}`)).toEqual([ids[4]]);
    expect(await listed('?status=failed')).toEqual([ids[3]]);
    expect(await caller(c.app).get('/requests?after=req_1_unknown', 404)).toMatchObject({
      error: { code: 'unknown_request', message: expect.stringMatching(/^after: .* req_1_unknown.*leave after out/) },
    });
  });

  it.each(['limit=0', 'limit=101', 'limit=1e1', 'limit=1&limit=2', 'status=done', 'status=in_progress', 'after=', 'x=1', 'wait=5'])(
    'refuses ?%s',
    async (query) => {
      const c = await start();
      expect(await caller(c.app).get(`/requests?${query}`, 400)).toMatchObject({ error: { code: 'invalid_request' } });
    },
  );

  it('has at most a hundred', async () => {
    const c = await start({ maxUnfinished: 200 });
    await c.stateKey();
    await c.gateway.sweep();
    await Promise.all(Array.from({ length: 101 }, () => sign(c)));
    expect(await caller(c.app).get('/requests')).toHaveLength(100);
  });
});
