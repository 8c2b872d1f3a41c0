/** What is kept of requests, in real files. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openStore } from '../../src/store/open_store.js';
import { StoreFull, TooManyPending, type NewRequest, type RequestStore } from '../../src/store/request_store.js';
import { SCHEMA, SqliteStore } from '../../src/store/sqlite_store.js';

const ROSTER = 'a'.repeat(64);
const COMPLETED = { status: 'completed', signature: '{"r":"1","s":"2"}', recoveryId: 1 } as const;
const CANCELLED = { status: 'failed', reason: 'cancelled', closing: 'a.b.c' } as const;

let folder: string;
let store: RequestStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-'));
  store = await openStore(folder, ROSTER);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const again = async (): Promise<void> => {
  await store.close();
  store = await openStore(folder, ROSTER);
};
const request = (number: number, patch: Partial<NewRequest> = {}): NewRequest => ({
  id: `req_1_${number}`,
  idempotencyKey: undefined,
  askedSha256: 'b'.repeat(64),
  acceptedAt: 1_000 + number,
  endsAt: 5_000,
  posted: { message: `message ${number}`, origin: `origin ${number}` },
  ...patch,
});
const register = (number: number, patch: Partial<NewRequest> = {}) =>
  store.register(request(number, patch)).then((kept) => kept.request);

describe('a request', () => {
  it('is kept as it was accepted, also after the store was opened again', async () => {
    const message = 'Şifre 😀 \u0000 "\\' + 'é'.repeat(32_000);
    const posted = { message, origin: 'o', presignature_id: 'presig_gen_1' };
    const kept = await register(1, { idempotencyKey: 'key', posted });
    const times = { acceptedAt: 1_001, endsAt: 5_000 };
    const state = { status: 'pending', posted };
    expect(kept).toEqual({ arrival: 1, id: 'req_1_1', idempotencyKey: 'key', askedSha256: 'b'.repeat(64), ...times, state });
    await again();
    expect(await store.get('req_1_1')).toEqual(kept);
    expect(await store.withKey('key')).toEqual(kept);
    expect([await store.get('req_1_2'), await store.withKey('other')]).toEqual([undefined, undefined]);
  });

  it('has its key for itself, also among those that come at the same moment', async () => {
    const [first, second, other] = await Promise.all([
      register(1, { idempotencyKey: 'k' }), register(2, { idempotencyKey: 'k' }), register(3, { idempotencyKey: 'K' }),
    ]);
    expect([first.id, second.id, other.id]).toEqual(['req_1_1', 'req_1_1', 'req_1_3']);
    await again();
    expect((await register(4, { idempotencyKey: 'k' })).id).toBe('req_1_1');
    expect((await store.list({ limit: 10 }))?.map(({ id }) => id)).toEqual(['req_1_1', 'req_1_3']);
  });

  it('has its id for itself: the same one again is the one that is there, another one under the id fails alone', async () => {
    const first = await register(1);
    const [again, other, neighbour] = await Promise.allSettled([
      register(1, { acceptedAt: 2_000 }), register(1, { askedSha256: 'c'.repeat(64) }), register(2),
    ]);
    expect(again).toEqual({ status: 'fulfilled', value: first });
    expect(other).toMatchObject({ status: 'rejected', reason: { message: expect.stringContaining('req_1_1 stands for another') } });
    expect(neighbour).toMatchObject({ status: 'fulfilled', value: { id: 'req_1_2', arrival: 2 } });
    await store.end('req_1_1', COMPLETED, 2_000);
    expect((await register(1)).state).toEqual(COMPLETED);
    expect((await store.list({ limit: 10 }))?.map(({ id }) => id)).toEqual(['req_1_1', 'req_1_2']);
  });

  it('is not kept when so many are pending, also when several come at once; those that are known are', async () => {
    const limited = (number: number) => store.register(request(number, { idempotencyKey: `k${number}` }), 2);
    const burst = await Promise.allSettled([1, 2, 3, 4].map(limited));
    expect(burst.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    await expect(limited(3)).rejects.toEqual(new TooManyPending(2));
    expect(await limited(2)).toMatchObject({ isNew: false, request: { id: 'req_1_2' } });
    await store.end('req_1_1', COMPLETED, 2_000);
    expect(await limited(3)).toMatchObject({ isNew: true });
  });

  it('can be posted in other words while it is pending, by who knows how it is posted now', async () => {
    await register(1);
    const inWords = (origin: string) => ({ message: 'message 1', origin, presignature_id: undefined });
    const [second, third] = [inWords('second'), inWords('third')];
    const replaced = await Promise.all([second, third].map((posted) => store.replacePosted('req_1_1', 'origin 1', posted)));
    expect(replaced.map((request) => request?.state)).toEqual(Array(2).fill({ status: 'pending', posted: second }));
    expect((await store.get('req_1_1'))?.state).toEqual({ status: 'pending', posted: second });
    await store.end('req_1_1', COMPLETED, 2_000);
    expect((await store.replacePosted('req_1_1', 'second', third))?.state).toEqual(COMPLETED);
    expect(await store.replacePosted('req_1_9', 'second', third)).toBeUndefined();
  });
});

describe('the outcome', () => {
  it('is the first one, for good', async () => {
    for (const number of [1, 2]) await register(number);
    expect(await store.end('req_1_1', COMPLETED, 2_000)).toEqual({ outcome: COMPLETED, isNew: true });
    expect(await store.end('req_1_1', CANCELLED, 2_001)).toEqual({ outcome: COMPLETED, isNew: false });
    expect(await Promise.all([store.end('req_1_2', CANCELLED, 2_000), store.end('req_1_2', COMPLETED, 2_000)])).toEqual([
      { outcome: CANCELLED, isNew: true },
      { outcome: CANCELLED, isNew: false },
    ]);
    await again();
    expect((await store.get('req_1_1'))?.state).toEqual(COMPLETED);
    expect((await store.get('req_1_2'))?.state).toEqual(CANCELLED);
    expect(await store.end('req_1_9', COMPLETED, 2_000)).toBeUndefined();
  });

  it('takes the place of the message on the disk', async () => {
    await register(1, { posted: { message: 'S3CRET', origin: 'o' } });
    await store.end('req_1_1', COMPLETED, 2_000);
    await store.close();
    const database = new DatabaseSync(join(folder, 'gateway.sqlite'));
    const [row] = database.prepare('SELECT message, origin FROM requests').all();
    database.close();
    expect(row).toEqual(expect.objectContaining({ message: null, origin: null }));
    store = await openStore(folder, ROSTER);
  });

  it('is forgotten when it is old, not before the request could have ended by itself', async () => {
    for (const number of [1, 2, 3]) await register(number, { endsAt: 1_000 * number, idempotencyKey: `k${number}` });
    for (const number of [1, 2]) await store.end(`req_1_${number}`, COMPLETED, 1_100);
    expect(await store.forget(1_100, 9_000, 10)).toBe(0);
    expect(await store.forget(1_101, 1_999, 10)).toBe(1);
    expect(await store.forget(9_000, 9_000, 10)).toBe(1);
    expect((await store.list({ limit: 10 }))?.map(({ id }) => id)).toEqual(['req_1_3']);
    expect(await store.withKey('k1')).toBeUndefined();
    // The key is free, and numbers are not used again.
    expect((await register(4, { idempotencyKey: 'k1' })).arrival).toBe(4);
  });
});

describe('lists', () => {
  it('are in the order of arrival, by status and from a place on', async () => {
    for (let number = 1; number <= 6; number++) await register(number);
    for (const number of [2, 5]) await store.end(`req_1_${number}`, COMPLETED, 2_000);
    await store.end('req_1_3', CANCELLED, 2_000);
    const ids = async (query: Partial<Parameters<RequestStore['list']>[0]>) =>
      (await store.list({ limit: 100, ...query }))?.map(({ id }) => Number(id.slice(6)));
    expect(await ids({})).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await ids({ limit: 2 })).toEqual([1, 2]);
    expect(await ids({ after: 'req_1_2' })).toEqual([3, 4, 5, 6]);
    expect(await store.list({ after: 'nobody', limit: 10 })).toBeUndefined();
    expect(await ids({ status: 'pending' })).toEqual([1, 4, 6]);
    expect(await ids({ status: 'completed', after: 'req_1_2' })).toEqual([5]);
    expect(await ids({ status: 'failed', limit: 1 })).toEqual([3]);
    expect([...(await store.pendingOrigins())]).toEqual([1, 4, 6].map((number) => [`req_1_${number}`, `origin ${number}`]));
  });

  it('tell how many are pending, since when, and which should have ended', async () => {
    expect(await store.pendingSummary(0)).toEqual({ count: 0, oldestAcceptedAt: undefined, oldestInTime: undefined });
    for (let number = 1; number <= 3; number++) await register(number, { endsAt: 1_000 * number });
    await store.end('req_1_1', COMPLETED, 2_000);
    const oldest = { count: 2, oldestAcceptedAt: 1_002 };
    expect(await store.pendingSummary(1_999)).toEqual({ ...oldest, oldestInTime: { id: 'req_1_2', acceptedAt: 1_002 } });
    expect(await store.pendingSummary(2_000)).toEqual({ ...oldest, oldestInTime: { id: 'req_1_3', acceptedAt: 1_003 } });
    expect(await store.pendingSummary(3_000)).toEqual({ ...oldest, oldestInTime: undefined });
    expect(await store.overdue(1_999, 10)).toEqual([]);
    expect(await store.overdue(3_000, 10)).toEqual(['req_1_2', 'req_1_3']);
    expect(await store.overdue(3_000, 1)).toEqual(['req_1_2']);
  });
});

describe('a full disk', () => {
  it('is told, and nothing of the write is kept', async () => {
    await store.close();
    const database = new DatabaseSync(join(folder, 'small.sqlite'));
    database.exec(SCHEMA);
    store = new SqliteStore(database);
    await register(1);
    const [pages] = database.prepare('PRAGMA page_count').all();
    database.exec(`PRAGMA max_page_count = ${Number(pages?.['page_count']) + 4}`);
    const large = { message: 'm'.repeat(65_536), origin: 'o' };
    await expect(register(2, { posted: large })).rejects.toBeInstanceOf(StoreFull);
    // SQLite ends the transaction then: those of one turn of the event loop are kept together, or not at all.
    const both = await Promise.allSettled([register(3), register(4, { posted: large })]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((await store.list({ limit: 10 }))?.map(({ id }) => id)).toEqual(['req_1_1']);
    await register(5);
  });
});
