/** Would a request that is made now be signed? What the gateway of a sealed cluster says of that. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServiceError } from 'service/errors';
import { caller } from 'testkit/caller';
import { members } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';
import { HealthSchema, type Health, type SigningStatus } from '../src/contract.js';
import { GatewayHealth, type GatewayHealthDeps } from '../src/health.js';
import { ROOMY } from './support.js';
import { sealedCluster, type SealedCluster } from './sealed_support.js';

describe('the gateway of four nodes, three of whom sign', () => {
  let c: SealedCluster;
  beforeEach(async () => {
    c = await sealedCluster();
    await c.stateKey([1, 2, 3, 4]);
  });
  afterEach(() => c.stop());

  const health = async (): Promise<Health> => {
    await c.gateway.sweep();
    return HealthSchema.strict().parse(await caller(c.app).get('/health'));
  };
  const ready = async (): Promise<string> => {
    const answer = await fetch(`${c.url}/ready`);
    const body = (await answer.json()) as { readonly status?: string; readonly error?: { readonly code: string } };
    expect([200, 503]).toContain(answer.status);
    return body.error?.code ?? body.status ?? '';
  };
  const key = () => ({ public_key: c.signer.publicKey });

  it('is ready while three can sign together', async () => {
    expect([await ready(), (await health()).problems]).toEqual(['ready', []]);
    await c.state(4, { ...key(), stage: 'impaired', problems: ['disk_full'], disk_free_bytes: 3 });
    expect([await ready(), (await health()).problems]).toEqual(['ready', ['node_not_ready']]);
    await c.state(3, { ...key(), stage: 'starting' });
    expect([await ready(), (await health()).problems]).toEqual(['not_enough_nodes', ['not_enough_nodes', 'node_not_ready']]);
    await c.state(4, key());
    expect(await ready()).toBe('ready');
  });

  it('is not ready when there are three, but one of them is not heard by the others, or accused', async () => {
    await c.state(4, { ...key(), stage: 'refusing' });
    expect(await ready()).toBe('ready');
    for (const number of [1, 2]) await c.state(number, { ...key(), hears: ['node-1', 'node-2'] });
    expect(await ready()).toBe('not_enough_nodes');
    for (const number of [1, 2]) await c.state(number, key());
    expect(await ready()).toBe('ready');
    await c.state(1, { ...key(), culprits: ['node-3'] });
    expect(await ready()).toBe('not_enough_nodes');
  });

  it('is not ready when nodes are silent, and says since when', async () => {
    c.liar.tell((asked, truth) => {
      if (!asked.path.startsWith('/nodes') || !Array.isArray(truth.body)) return truth;
      const records = truth.body as { readonly node_id: string; readonly age_ms: number }[];
      return { ...truth, body: records.map((record) => (record.node_id < 'node-3' ? record : { ...record, age_ms: 3_500 })) };
    });
    expect(await ready()).toBe('not_enough_nodes');
    const { nodes } = await health();
    expect(nodes.map(({ live }) => live)).toEqual([true, true, false, false]);
    expect(nodes[3]?.age_ms).toBeGreaterThanOrEqual(3_500);
  });

  it('is not ready at a board of another cluster, which refuses it, and does not take for alive whom it hears no more', async () => {
    await c.stop();
    const clock = new VirtualClock(Date.now());
    c = await sealedCluster({ deps: { clock } });
    await c.stateKey([1, 2, 3, 4]);
    expect([await ready(), (await health()).problems]).toEqual(['ready', []]);
    const { request_id: id } = (await caller(c.app).post('/sign', { message: 'm' })) as SigningStatus;
    await c.startBoard(members(5, 3).roster);
    const { board, problems, nodes } = await health();
    expect([board, problems, nodes[0]?.live, await ready()]).toEqual(['down', ['board_unavailable'], true, 'board_unavailable']);
    expect(await caller(c.app).get('/status/req_1_unknown', 503)).toMatchObject({ error: { code: 'board_unavailable' } });
    expect(await caller(c.app).post('/sign', { message: 'm' }, 503)).toMatchObject({
      error: { code: 'board_unavailable', message: expect.stringContaining('refuses the gateway') },
    });
    expect(await caller(c.app).get(`/status/${id}`)).toEqual({ request_id: id, status: 'pending', reason: 'board_unavailable' });
    await clock.advance(3_001);
    expect((await health()).nodes.map(({ live }) => live)).toEqual([false, false, false, false]);
    expect((await health()).problems).toEqual(['board_unavailable', 'not_enough_nodes', 'node_not_ready']);
    expect(c.log.filter((line) => line.includes('"board_down"')).map((line) => line.includes('make a new session'))).toEqual([true]);
    expect(c.log.join('')).not.toMatch(/"(sweep_failed|following_failed)"/);
    await c.startBoard(c.roster);
    await c.stateKey([1, 2, 3, 4]);
    expect([await ready(), (await health()).problems]).toEqual(['ready', []]);
  });

  it('tells of each node what it says, and of all what can be used now', async () => {
    const offers = { '1-2-4': ['a', 'b'] };
    const clock = Date.now();
    await c.state(1, { ...key(), offers, clock });
    await c.state(2, { ...key(), offers: { '1-2-4': ['b', 'c'] }, clock });
    await c.state(3, { ...key(), clock });
    await c.state(4, { ...key(), offers, clock: clock + 3_600_000, stage: 'ready', problems: ['heartbeat_refused'], disk_free_bytes: 7 });
    const told = await health();
    expect(told).toMatchObject({ status: 'degraded', problems: ['clock_skew'], presignatures: { '1-2-4': 1 }, oldest_pending_ms: 0 });
    const fourth = told.nodes[3];
    expect(fourth).toMatchObject({ node_id: 'node-4', live: true, stage: 'ready', problems: ['heartbeat_refused'], disk_free_bytes: 7 });
    expect(Math.abs((fourth?.clock_skew_ms ?? 0) - 3_600_000)).toBeLessThan(60_000);
    expect(Math.abs(told.clock_skew_ms ?? Infinity)).toBeLessThan(60_000);
    const { request_id } = (await caller(c.app).post('/sign', { message: 'm' })) as SigningStatus;
    expect((await c.nodes.getRequest(request_id))?.presignature_id).toBe('b');
    const after = await health();
    expect([after.presignatures, after.unfinished, after.oldest_pending_ms > 0]).toEqual([{}, 1, true]);
  });
});

describe('what keeps requests from being signed', () => {
  const CLUSTER = { nodes: [], signers: 3 as number | null, presignatures: {}, clockSkewMs: null };
  function facts(change: { readonly [K in keyof GatewayHealthDeps]?: object } = {}) {
    const clock = new VirtualClock();
    const state = { cluster: { ...CLUSTER }, ageMs: 0, isInTime: true, completedAt: 0 };
    const deps = {
      cluster: { health: () => state.cluster, culprits: () => [] },
      key: { state: 'known', isShown: true, look: () => Promise.resolve(true), refuseConflict: () => undefined },
      watch: { isUp: true },
      book: {
        unfinished: () => {
          const { ageMs, isInTime } = state;
          return Promise.resolve({ count: 1, oldestMs: ageMs, oldestInTime: isInTime ? { id: 'req_1_a', ageMs } : undefined });
        },
        get completedAt() {
          return state.completedAt;
        },
      },
      disk: ROOMY,
      t: 3,
      clock,
      ...change,
    };
    const health = new GatewayHealth(deps as GatewayHealthDeps);
    const never = new AbortController().signal;
    const said = () => health.ready(never).then(() => ({ code: 'ready', message: '' }), (error: unknown) => error as ServiceError);
    const code = async (): Promise<string> => (await said()).code;
    return { health, state, clock, code, said };
  }

  it('is a request that is older than a minute while none was completed for a minute', async () => {
    const { state, clock, code, said } = facts();
    await clock.advance(200_000);
    state.ageMs = 60_000;
    expect(await code()).toBe('ready');
    state.ageMs = 60_001;
    expect(await code()).toBe('requests_stuck');
    expect((await said()).message).toMatch(/^req_1_a waits for 60 s.*GET \/status\/req_1_a .*DELETE \/requests\/req_1_a /);
    state.completedAt = 140_000;
    expect(await code()).toBe('ready');
  });

  it('is no request that nodes may not sign any more, however old it is', async () => {
    const { state, clock, code } = facts();
    await clock.advance(200_000);
    Object.assign(state, { ageMs: 190_000, isInTime: false });
    expect(await code()).toBe('ready');
  });

  it('is a full disk', async () => {
    const disk = { state: { freeBytes: 1, problem: { code: 'disk_full', reason: 'make room' } } };
    const { health, code } = facts({ disk });
    expect([await code(), (await health.health()).problems]).toEqual(['disk_full', ['disk_full']]);
  });

  it('is a board that does not answer within 3 s', async () => {
    const key = { state: 'known', isShown: true, look: () => new Promise(() => undefined), refuseConflict: () => undefined };
    const { clock, code } = facts({ key });
    const asked = code();
    await clock.advance(2_999);
    expect(await Promise.race([asked, Promise.resolve('waits')])).toBe('waits');
    await clock.advance(1);
    expect(await asked).toBe('board_unavailable');
  });

  it('is, where nodes prove nothing, a key that is not shown any more, and never the number of nodes', async () => {
    const key = { state: 'known', isShown: false, look: () => Promise.resolve(false), refuseConflict: () => undefined };
    const { state, code } = facts({ key });
    expect(await code()).toBe('ready');
    state.cluster.signers = null;
    expect(await code()).toBe('no_public_key');
  });
});
