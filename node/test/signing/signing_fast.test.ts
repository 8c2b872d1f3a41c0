import { beforeEach, describe, expect, it } from '@jest/globals';
import { Presignature } from 'cggmp24';
import type { RequestRecord, UpdateRequest } from 'message-board/contract';
import { Identity } from 'sealing/identity';
import { NAMING, REFUSAL } from 'sealing/kinds';
import { sign, verify } from 'sealing/statement';
import { identityText } from 'testkit/fixed_identity';
import { systemClock } from 'service/clock';
import type { NodeContext } from '../../src/context.js';
import type { PresignatureMaker } from '../../src/presigning/presignature.js';
import { PoolDemand } from '../../src/presigning/pool_demand.js';
import { PresignaturePool } from '../../src/presigning/presignature_pool.js';
import { Seals } from '../../src/mail/seals.js';
import { FastSigning } from '../../src/signing/signing_fast.js';
import { SigningTask } from '../../src/signing/signing_task.js';
import { signerSets } from '../../src/cluster/signer_sets.js';
import { memoryLog } from '../util/cluster.js';
import { present } from 'testkit/present';
import { members, originOf } from 'testkit/roster';
import { FakePresence } from '../util/transport.js';

const all = members(4, 3);
const { roster, identities } = all;
const identityOf = (index: number): Identity => present(identities[index]);
const PRESIGNATURE = 'presig_gen_node-1_aa';
const stranger = Identity.parse(identityText('node-1', 'of another cluster'));

let pool: PresignaturePool;
let presence: FakePresence;
let log: ReturnType<typeof memoryLog>;
let context: NodeContext;
let demand: PoolDemand;
/** Does somebody fill the pool? */
let filling: boolean;
/** All that the node works on. */
let tasks: SigningTask[];
let fast: FastSigning;
/** What was named. */
let names: UpdateRequest[];
beforeEach(() => {
  pool = new PresignaturePool(3);
  pool.add({ id: PRESIGNATURE, participants: [0, 1, 2], presignature: Object.create(Presignature.prototype) as Presignature, making: null });
  presence = new FakePresence();
  for (const index of [0, 1, 2, 3]) presence.set(index, 'a');
  log = memoryLog();
  names = [];
  const updateRequest = (_: string, body: UpdateRequest): Promise<never> => {
    names.push(body);
    return Promise.reject(new Error('enough'));
  };
  const audit = { record: () => Promise.resolve() };
  const parts = { clock: systemClock, client: { updateRequest }, index: 1, n: 4, t: 3, roster, seals: new Seals(roster, identityOf(1)), presence, logger: log.logger, culprits: { has: () => false }, audit };
  demand = new PoolDemand({ target: 20, max: 30 });
  context = { ...parts, demand, config: { fastSigningTimeoutMs: 600_000, fullSigningTimeoutMs: 600_000 } } as unknown as NodeContext;
  filling = true;
  const maker = { pool, get isFilling() { return filling; }, has: (id: string) => pool.has(id), makersOf: (id: string) => Promise.resolve(pool.makersOf(id)), take: (id: string) => pool.take(id) };
  tasks = [];
  fast = new FastSigning(context, maker as unknown as PresignatureMaker, () => tasks.filter(({ inFull }) => inFull).length);
});

/** A request that has been named the presignature, by node-1 unless something is changed about it. */
async function named({ signer = identityOf(0), ...change }: { signer?: Identity; request_id?: string; presignature_id?: string } = {}): Promise<RequestRecord> {
  const naming = await sign(signer, roster, NAMING, { request_id: 'req_1', presignature_id: PRESIGNATURE, ...change });
  return { ...unsigned, naming };
}
const unsigned: RequestRecord = { id: 'req_1', message: 'm', status: 'pending', presignature_id: PRESIGNATURE, revision: 'r', created_at: '', updated_at: '' };

const WRONG: [string, RegExp, () => Promise<RequestRecord>][] = [
  ['is not signed', /not signed/, () => Promise.resolve(unsigned)],
  ['is not by a member', /signature of node-1 is not valid/, () => named({ signer: stranger })],
  ['is for another request', /another request/, () => named({ request_id: 'req_2' })],
  ['is of another presignature', /another request or presignature/, () => named({ presignature_id: 'presig_gen_node-1_bb' })],
  ['is by one that has no part in it', /node-4 has no part in it/, () => named({ signer: identityOf(3) })],
];

describe('naming a presignature', () => {
  const id = ((): string => {
    for (let k = 0; ; k++) if (signerSets(`req_1_${k}`, 4, 3).slice(0, 2).join(' ') === '0,1,2 1,2,3') return `req_1_${k}`;
  })();

  it.each([
    [2_400, PRESIGNATURE],
    [2_600, 'presig_gen_node-1_bb'],
  ])('prefers one of whose makers nobody is late: node-1 was heard of %d ms ago', async (ageMs, expected) => {
    pool.add({ id: 'presig_gen_node-1_bb', participants: [1, 2, 3], presignature: Object.create(Presignature.prototype) as Presignature, making: null });
    presence.set(0, 'a', { ageMs, pool: { '1-2-3': 1 } });
    await expect(fast.run(new SigningTask(context, { ...unsigned, id, presignature_id: undefined }))).rejects.toThrow('enough');
    expect(names).toMatchObject([{ presignature_id: expected }]);
    const { claims, signer } = await verify(roster, NAMING, names[0]?.naming ?? '');
    expect([claims, signer]).toEqual([{ request_id: id, presignature_id: expected }, 'node-2']);
  });
});

describe('a request without a presignature', () => {
  const anonymous = { ...unsigned, presignature_id: undefined };
  const waiting = { ...anonymous, created_at: '2026-01-01T00:00:02Z' };
  const signedInFull = (): unknown[] => log.lines.flatMap(({ event, request_id }) => (event === 'no_presignature' ? [request_id] : []));
  const isDone = (running: Promise<unknown>): Promise<unknown> => Promise.race([running.then(() => true), new Promise((resolve) => setTimeout(resolve, 200, false))]);
  const config = (change: object): void => { Object.assign(context.config, change); };
  beforeEach(() => {
    pool.take(PRESIGNATURE);
  });

  it('waits for the next one, and takes it', async () => {
    const task = new SigningTask(context, anonymous);
    const running = fast.run(task);
    running.catch(() => undefined);
    expect(await isDone(running)).toBe(false);
    expect(task.isWaiting).toBe(true);
    pool.add({ id: 'next', participants: [1, 2, 3], presignature: Object.create(Presignature.prototype) as Presignature, making: null });
    task.wakeup.notify();
    await expect(running).rejects.toThrow('enough');
    expect(names).toMatchObject([{ presignature_id: 'next' }]);
    expect(task.isWaiting).toBe(false);
  });

  it.each([
    ['nobody fills the pool', () => { filling = false; }],
    ['one of its signers signs it in full', () => { presence.announce(0, 'req_1.1.1-2-3'); }],
    ['no signer set is live', () => { for (const index of [2, 3]) presence.set(index, 'a', { live: false }); }],
    ['no presignature has come for long', () => { config({ fastSigningTimeoutMs: -1 }); }],
  ])('is signed in full when %s', async (_why, arrange) => {
    arrange();
    expect(await isDone(fast.run(new SigningTask(context, anonymous)))).toBe(true);
    expect(signedInFull()).toEqual(['req_1']);
  });

  it('waits while four others are signed in full, and follows who signs it in full all the same', async () => {
    filling = false;
    tasks = [1, 2, 3, 4, 5, 6].map((k) => new SigningTask(context, { ...anonymous, id: `req_${k}` }));
    const running = tasks.map((task) => fast.run(task));
    await isDone(Promise.all(running));
    expect(signedInFull()).toEqual(['req_1', 'req_2', 'req_3', 'req_4']);
    presence.announce(0, 'req_6.1.1-2-3');
    tasks[5]?.wakeup.notify();
    await running[5];
    expect(signedInFull()).toEqual(['req_1', 'req_2', 'req_3', 'req_4', 'req_6']);
    tasks.splice(0, 4);
    tasks[0]?.wakeup.notify();
    await running[4];
  });

  it('goes on waiting when others are completed', async () => {
    config({ fastSigningTimeoutMs: 300 });
    const task = new SigningTask(context, waiting);
    const running = fast.run(task);
    for (let k = 0; k < 4; k++) {
      await fast.setAside({ ...anonymous, id: 'req_2', status: 'completed' }, false);
      expect(await isDone(running)).toBe(false);
      task.wakeup.notify();
    }
    await running;
  });

  it('waits longer where a presignature takes longer', async () => {
    config({ fastSigningTimeoutMs: -1 });
    demand.made(60_000);
    const task = new SigningTask(context, anonymous);
    const running = fast.run(task);
    expect(await isDone(running)).toBe(false);
    filling = false;
    task.wakeup.notify();
    await running;
  });

  it('goes on waiting while others are named presignatures, but not when younger ones are and it has waited for long', async () => {
    config({ fastSigningTimeoutMs: 300 });
    const at = (created_at: string): RequestRecord => ({ ...unsigned, id: 'req_2', created_at });
    const task = new SigningTask(context, waiting);
    const running = fast.run(task);
    for (let k = 0; k < 10; k++) {
      await fast.setAside(at('2026-01-01T00:00:01Z'), true);
      expect(await isDone(running)).toBe(false);
      task.wakeup.notify();
    }
    config({ fullSigningTimeoutMs: 400 });
    await fast.setAside(at('2026-01-01T00:00:03Z'), true);
    task.wakeup.notify();
    expect(await isDone(running)).toBe(true);
    expect(signedInFull()).toEqual(['req_1']);
  });

  it('takes nothing that was proposed with another one that comes a moment later', async () => {
    pool.add({ id: PRESIGNATURE, participants: [1, 2, 3], presignature: Object.create(Presignature.prototype) as Presignature, making: null });
    const task = new SigningTask(context, anonymous);
    const running = fast.run(task);
    running.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await fast.setAside({ ...unsigned, id: 'req_2', origin: await originOf(all, 'req_2', 'm', 0, PRESIGNATURE) }, true);
    await isDone(running);
    await isDone(running);
    expect(names).toEqual([]);
    expect(task.isWaiting).toBe(true);
  });

  it('leaves the naming to the first maker as long as that one is at it', async () => {
    presence.set(0, 'a', { pool: { '1-2-3': 1 } });
    pool.add({ id: 'other', participants: [0, 1, 2], presignature: Object.create(Presignature.prototype) as Presignature, making: null });
    const task = new SigningTask(context, waiting);
    const running = fast.run(task);
    running.catch(() => undefined);
    for (let k = 0; k < 8; k++) {
      await fast.setAside({ ...unsigned, id: 'req_2', created_at: '2026-01-01T00:00:01Z' }, true);
      await isDone(running);
    }
    expect(names).toEqual([]);
    await expect(running).rejects.toThrow('enough');
    expect(names).toMatchObject([{ presignature_id: 'other' }]);
  });
});

describe('a presignature that the gateway proposes', () => {
  /** As the board shows it, and as this node has judged it. */
  const proposed = async (proposal = PRESIGNATURE, shown: Partial<RequestRecord> = {}): Promise<SigningTask> => {
    const origin = await originOf(all, 'req_1', 'm', 0, proposal);
    const task = new SigningTask(context, { ...unsigned, presignature_id: proposal, origin, ...shown });
    task.proposal = proposal;
    return task;
  };
  const events = (): unknown[] => log.lines.map(({ event }) => event);

  it('is used at once, without being named by anybody', async () => {
    await expect(fast.run(await proposed())).rejects.toThrow();
    expect(pool.has(PRESIGNATURE)).toBe(false);
    expect(events()).toEqual(['presignature_used']);
    expect(names).toEqual([]);
  });

  it.each<[what: string, shown: () => Promise<Partial<RequestRecord>>]>([
    ['none', () => Promise.resolve({ presignature_id: undefined })],
    ['another one', () => Promise.resolve({ presignature_id: 'other' })],
    ['another one, which a maker has named', async () => ({ ...(await named({ presignature_id: 'other' })), presignature_id: 'other' })],
  ])('is used and no other one, when the board shows %s', async (_what, shown) => {
    pool.add({ id: 'other', participants: [0, 1, 2], presignature: Object.create(Presignature.prototype) as Presignature, making: null });
    const task = await proposed(PRESIGNATURE, await shown());
    await expect(fast.run(task)).rejects.toThrow();
    expect([pool.has(PRESIGNATURE), pool.has('other')]).toEqual([false, true]);
    expect(pool.reserve([0, 1, 2])).toBe('other');
  });

  it('is used by none who has not got it: the request is signed in full', async () => {
    Object.assign(context.config, { fastSigningTimeoutMs: 10 });
    await fast.run(await proposed('presig_gen_node-1_bb'));
    expect(pool.has(PRESIGNATURE)).toBe(true);
    expect(events()).toEqual(['presignature_declined']);
  });

  it('is used once, for the first of two requests for which it is proposed', async () => {
    Object.assign(context.config, { fastSigningTimeoutMs: 10 });
    await expect(fast.run(await proposed())).rejects.toThrow();
    const second = new SigningTask(context, { ...unsigned, id: 'req_2' });
    second.proposal = PRESIGNATURE;
    await fast.run(second);
    expect(events()).toEqual(['presignature_used', 'presignature_declined']);
  });

  it('is dropped when this node does not sign the request, or it is over without it', async () => {
    const { request } = await proposed();
    await fast.setAside(request, true);
    expect(pool.reserve([0, 1, 2])).toBeNull();
    await fast.setAside({ ...request, status: 'completed' }, false);
    expect(pool.has(PRESIGNATURE)).toBe(false);
  });

  it.each<[what: string, shown: () => Promise<Partial<RequestRecord>>]>([
    ['nobody has signed that', () => Promise.resolve({ origin: undefined })],
    ['the gateway has proposed none', async () => ({ origin: await originOf(all, 'req_1', 'm') })],
    ['the gateway has proposed another one', async () => ({ origin: await originOf(all, 'req_1', 'm', 0, 'other') })],
    ['the gateway has proposed it for another request', async () => ({ origin: await originOf(all, 'req_2', 'm', 0, PRESIGNATURE) })],
    ['the gateway has proposed it for another message', async () => ({ origin: await originOf(all, 'req_1', 'x', 0, PRESIGNATURE) })],
  ])('is kept, and kept free, when %s', async (_what, shown) => {
    const record = { ...unsigned, ...(await shown()) };
    await fast.setAside(record, false);
    // The board alone sets nothing aside for longer than it takes to judge the request.
    await fast.setAside(record, true);
    expect(pool.reserve([0, 1, 2])).toBeNull();
    const task = new SigningTask(context, record);
    task.verdict = null;
    fast.judged(task);
    await fast.setAside(record, true, task);
    expect(pool.reserve([0, 1, 2])).toBe(PRESIGNATURE);
  });

  it('stays set aside for the request for which the gateway has proposed it', async () => {
    const task = await proposed();
    await fast.setAside(task.request, true);
    fast.judged(task);
    expect(pool.reserve([0, 1, 2])).toBeNull();
  });
});

describe('a presignature that was named', () => {
  it.each(WRONG)('is not used when the naming %s: the request is signed in full, at once', async (_, reason, request) => {
    await fast.run(new SigningTask(context, await request()));
    expect(pool.has(PRESIGNATURE)).toBe(true);
    expect(log.lines.filter(({ event }) => event === 'naming_refused')).toEqual([expect.objectContaining({ reason: expect.stringMatching(reason) })]);
  });

  it.each(WRONG)('is kept for another request when the naming %s', async (_, __, request) => {
    const task = new SigningTask(context, await request());
    task.verdict = null;
    await fast.setAside(task.request, true, task);
    expect(pool.reserve([0, 1, 2])).toBe(PRESIGNATURE);
  });

  it('is named for no other request when it was named by one of its makers', async () => {
    await fast.setAside(await named(), true);
    expect(pool.reserve([0, 1, 2])).toBeNull();
  });

  it('is dropped when it was named for a request that this node does not sign, and kept when anybody else has named it', async () => {
    await fast.setAside(await named({ signer: identityOf(3) }), false);
    expect(pool.has(PRESIGNATURE)).toBe(true);
    await fast.setAside(await named(), false);
    expect(pool.has(PRESIGNATURE)).toBe(false);
  });

  it('is not used with a signer that refuses, though it is taken out of the pool', async () => {
    const task = new SigningTask(context, await named());
    await task.refusals.learn([await sign(identityOf(2), roster, REFUSAL, { request_id: 'req_1', code: 'policy_refused' })]);
    await fast.run(task);
    expect(pool.has(PRESIGNATURE)).toBe(false);
    expect(log.lines.flatMap(({ event, refusing }) => (event === 'signer_refuses' ? [refusing] : []))).toEqual(['node-3']);
  });

  it('is left to its holders, until one of them goes on to full signing', async () => {
    pool.take(PRESIGNATURE);
    const running = fast.run(new SigningTask(context, await named())).then(() => 'done');
    presence.set(0, 'a');
    expect(await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 200))])).toBeUndefined();
    presence.announce(0, 'req_1.1.1-2-3');
    expect(await running).toBe('done');
  });

  it('is taken out of the pool for the request', async () => {
    await expect(fast.run(new SigningTask(context, await named()))).rejects.toThrow();
    expect(pool.has(PRESIGNATURE)).toBe(false);
  });

  it('is left to its holders, until one that may be one of them goes down', async () => {
    pool.take(PRESIGNATURE);
    const running = fast.run(new SigningTask(context, await named())).then(() => 'done');
    presence.set(0, 'a');
    expect(await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 200))])).toBeUndefined();
    presence.set(2, 'a', { live: false });
    expect(await running).toBe('done');
    expect(presence.listeners).toBe(0);
  });
});
