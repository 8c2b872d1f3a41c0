import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestRecord, UpdateRequest } from 'message-board/contract';
import { Identity } from 'sealing/identity';
import { refusalOf } from 'message-board/outcome';
import { NAMING, REFUSAL } from 'sealing/kinds';
import { sign, verify } from 'sealing/statement';
import { ServiceError } from 'service/errors';
import { settlementOf } from 'testkit/eventually';
import { identityText } from 'testkit/fixed_identity';
import { present } from 'testkit/present';
import { members, originOf } from 'testkit/roster';
import { signerSets } from '../../src/cluster/signer_sets.js';
import type { PresignaturePool } from '../../src/presigning/presignature_pool.js';
import type { Assignments } from '../../src/signing/assignments.js';
import { PLAIN_CLUSTER, SEALED_CLUSTER, type ClusterKind } from '../../src/signing/cluster_kind.js';
import { FastPlanner, type FastPlan } from '../../src/signing/fast_plan.js';
import type { SigningTask } from '../../src/signing/signing_task.js';
import type { memoryLog } from '../util/cluster.js';
import { pass, passUntil, passUntilSettled } from '../util/passing.js';
import { half, SigningWorld } from '../util/signing_world.js';
import type { FakePresence } from '../util/transport.js';

const all = members(4, 3);
const { roster, identities } = all;
const identityOf = (index: number): Identity => present(identities[index]);
const PRESIGNATURE = 'presig_gen_node-1_aa';
const stranger = Identity.parse(identityText('node-1', 'of another cluster'));

let world: SigningWorld;
let clock: SigningWorld['clock'];
let pool: PresignaturePool;
let presence: FakePresence;
let log: ReturnType<typeof memoryLog>;
let assignments: Assignments;
/** What was assigned. */
let names: UpdateRequest[];
beforeEach(() => {
  names = [];
  world = new SigningWorld({
    updateRequest: (_, body) => {
      names.push(body);
      return Promise.reject(new Error('enough'));
    },
  });
  ({ clock, pool, presence, log, assignments } = world);
  pool.add(half(PRESIGNATURE, [0, 1, 2]));
});

/** Sets the newest that nodes 1, 2 and 3 have made aside, if one is free. */
const reserve = (): string | null => pool.reserve(pool.free().flatMap(({ id, participants }) => (participants[0] === 0 ? [id] : [])));

const isFast = ({ state }: SigningTask): boolean => state.kind === 'waiting' || state.kind === 'presigned';
const isWaiting = ({ state }: SigningTask): boolean => state.kind === 'waiting' && state.isForNext;

/** Works on a task until it is to be signed in full, or something goes wrong. */
async function signFast(task: SigningTask): Promise<void> {
  while (isFast(task)) await world.work.step(task);
}

/** The same, as virtual time passes. */
const passFast = (task: SigningTask): Promise<void> => passUntilSettled(clock, signFast(task));

interface Assignment {
  readonly signer?: Identity;
  readonly request_id?: string;
  readonly presignature_id?: string;
}

/** A request to which node-1 has assigned the presignature, unless something is changed about it. */
async function assigned({ signer = identityOf(0), ...change }: Assignment = {}): Promise<RequestRecord> {
  const naming = await sign(signer, roster, NAMING, { request_id: 'req_1', presignature_id: PRESIGNATURE, ...change });
  return { ...unsigned, naming };
}
const unsigned: RequestRecord = {
  id: 'req_1',
  message: 'm',
  status: 'pending',
  presignature_id: PRESIGNATURE,
  revision: 'r',
  created_at: '',
  updated_at: '',
  age_ms: 0,
};

type Wrong = [string, RegExp, () => Promise<RequestRecord>];
const FOREIGN: Wrong = ['is by a node that did not make it', /node-4 has no part in it/, () => assigned({ signer: identityOf(3) })];
/** The board takes none of these. */
const INVALID: Wrong[] = [
  ['is not signed', /not signed/, () => Promise.resolve(unsigned)],
  ['is not by a member', /signature of node-1 is not valid/, () => assigned({ signer: stranger })],
  ['is for another request', /another request/, () => assigned({ request_id: 'req_2' })],
  ['is of another presignature', /another request or presignature/, () => assigned({ presignature_id: 'presig_gen_node-1_bb' })],
];

describe('the assignment of a presignature', () => {
  const id = ((): string => {
    for (let k = 0; ; k++) if (signerSets(`req_1_${k}`, 4, 3).slice(0, 2).join(' ') === '0,1,2 1,2,3') return `req_1_${k}`;
  })();

  it.each([
    [2_400, PRESIGNATURE],
    [2_600, 'presig_gen_node-1_bb'],
  ])('prefers one of whose makers nobody is late: node-1 was heard of %d ms ago', async (ageMs, expected) => {
    pool.add(half('presig_gen_node-1_bb', [1, 2, 3]));
    presence.set(0, 'a', { ageMs, pool: { '1-2-3': 1 } });
    await expect(passFast(world.accepted({ ...unsigned, id, presignature_id: undefined }))).rejects.toThrow('enough');
    expect(names).toMatchObject([{ presignature_id: expected }]);
    const { claims, signer } = await verify(roster, NAMING, names[0]?.naming ?? '');
    expect([claims, signer]).toEqual([{ request_id: id, presignature_id: expected }, 'node-2']);
  });

  it.each([
    ['all its makers state, though this node has newer ones', { offers: { '1-2-3': [PRESIGNATURE] } }, PRESIGNATURE],
    ['all its makers state, not one of which a maker states only that it has some', { offers: { '1-2-3': ['x'] } }, 'presig_gen_node-1_bb'],
  ])('is of one that %s', async (_, stated, expected) => {
    pool.add(half('newer', [0, 1, 2]));
    pool.add(half('presig_gen_node-1_bb', [1, 2, 3]));
    presence.set(0, 'a', { pool: { '1-2-3': 9 }, ...stated });
    presence.set(2, 'a', { pool: { '1-2-3': 9, '2-3-4': 9 } });
    await expect(passFast(world.accepted({ ...unsigned, id, presignature_id: undefined }))).rejects.toThrow('enough');
    expect(names).toMatchObject([{ presignature_id: expected }]);
  });

  it('prefers makers that are not suspected, and uses others where only they have some', async () => {
    presence.set(3, 'a');
    world.suspicion.suspect([0]);
    await expect(passFast(world.accepted({ ...unsigned, id, presignature_id: undefined }))).rejects.toThrow('enough');
    pool.add(half('presig_gen_node-1_bb', [1, 2, 3]));
    presence.set(3, 'a', { pool: { '2-3-4': 1 } });
    await expect(passFast(world.accepted({ ...unsigned, id, presignature_id: undefined }))).rejects.toThrow('enough');
    expect(names).toMatchObject([{ presignature_id: PRESIGNATURE }, { presignature_id: 'presig_gen_node-1_bb' }]);
  });

  it('waits for proposals in flight where the gateway makes some, and only there', () => {
    pool.add(half('presig_gen_node-1_bb', [1, 2, 3]));
    presence.set(0, 'a');
    const task = world.accepted({ ...unsigned, id, presignature_id: undefined });
    const plan = (cluster: ClusterKind): FastPlan => {
      if (task.state.kind !== 'waiting') throw new Error('it does not wait');
      const planner = new FastPlanner({ ...world.deps, cluster }, { pool, isFilling: true }, assignments, world.suspicion);
      return planner.plan(task, task.state, []);
    };
    expect(plan(SEALED_CLUSTER)).toEqual({ kind: 'wait', ms: 250, isForNext: false });
    expect(plan(PLAIN_CLUSTER)).toEqual({ kind: 'assign', usable: ['presig_gen_node-1_bb'] });
  });
});

describe('a presignature that the board has assigned to a request of which this node has not heard', () => {
  const CONFLICT = new ServiceError(409, 'presignature_conflict', 'it is assigned already');
  const anonymous = { ...unsigned, presignature_id: undefined };
  let posted: unknown[];
  beforeEach(() => {
    posted = [];
    world = new SigningWorld({
      updateRequest: (_, { presignature_id }) => {
        posted.push(presignature_id);
        return Promise.reject(CONFLICT);
      },
      getRequest: () => Promise.resolve(anonymous),
    });
    ({ clock, pool, presence, log, assignments } = world);
    world.config.fastSigningTimeoutMs = 2_000;
    for (const id of ['a', 'b']) pool.add(half(id, [1, 2, 3]));
    presence.set(0, 'a', { live: false });
  });

  /** Works on a task for 20 s, or until it is to be signed in full. @returns when that was */
  async function tryFor20s(task: SigningTask, everyStep: () => void = () => undefined): Promise<number> {
    const running = signFast(task).catch(() => undefined);
    const isOver = settlementOf(running);
    while (!isOver() && clock.monotonic() < 20_000) {
      everyStep();
      await pass(clock, 250);
    }
    const at = clock.monotonic();
    task.end('the test is over');
    await passUntilSettled(clock, running);
    return at;
  }

  it('is not asked for again, and dropped unless that request shows up: the other one is signed in full', async () => {
    const task = world.accepted(anonymous);
    await tryFor20s(task, () => { world.filling = posted.length < 2; });
    expect([posted, pool.size, task.state.kind]).toEqual([['b', 'a'], 0, 'in_full']);
  });

  it('does not keep a request waiting for longer than any other wait, though new ones come', async () => {
    let made = 0;
    const at = await tryFor20s(world.accepted(anonymous), () => {
      for (let k = 0; k < 20; k += 1) pool.add(half(`c${made++}`, [1, 2, 3]));
    });
    expect([at > 15_000, at < 17_000]).toEqual([true, true]);
  });

  it('is not asked for while another node signs the request in full', async () => {
    presence.announce(2, 'req_1.3.e');
    await tryFor20s(world.accepted(anonymous));
    expect(posted).toEqual([]);
  });
});

describe('a request without a presignature', () => {
  const anonymous = { ...unsigned, presignature_id: undefined };
  const waiting = { ...anonymous, created_at: '2026-01-01T00:00:02Z' };
  const signedInFull = (): unknown[] => log.lines.flatMap(({ event, request_id }) => (event === 'no_presignature' ? [request_id] : []));
  const isDone = (running: Promise<unknown>): Promise<unknown> =>
    Promise.race([running.then(() => true), pass(clock, 200).then(() => false)]);
  const configure = (change: object): void => { Object.assign(world.config, change); };
  beforeEach(() => {
    pool.take(PRESIGNATURE);
  });

  it('waits for the next one, and takes it', async () => {
    const task = world.accepted(anonymous);
    const running = signFast(task);
    running.catch(() => undefined);
    expect(await isDone(running)).toBe(false);
    expect(isWaiting(task)).toBe(true);
    pool.add(half('next', [1, 2, 3]));
    task.wakeup.notify();
    await expect(passUntilSettled(clock, running)).rejects.toThrow('enough');
    expect(names).toMatchObject([{ presignature_id: 'next' }]);
    expect(isWaiting(task)).toBe(false);
  });

  it.each([
    ['nobody fills the pool', () => { world.filling = false; }],
    ['one of its signers signs it in full', () => { presence.announce(0, 'req_1.1.7'); }],
    ['no signer set is live', () => { for (const index of [2, 3]) presence.set(index, 'a', { live: false }); }],
    ['no presignature has come for long', () => { configure({ fastSigningTimeoutMs: -1 }); }],
  ])('is signed in full when %s', async (_why, arrange) => {
    const task = world.accepted(anonymous);
    await pass(clock, 1);
    arrange();
    expect(await isDone(signFast(task))).toBe(true);
    expect(signedInFull()).toEqual(['req_1']);
  });

  it('waits while four others are signed in full, unless another node signs it in full', async () => {
    world.filling = false;
    world.tasks = [1, 2, 3, 4, 5, 6].map((k) => world.accepted({ ...anonymous, id: `req_${k}` }));
    const running = world.tasks.map((task) => signFast(task));
    await isDone(Promise.all(running));
    expect(signedInFull()).toEqual(['req_1', 'req_2', 'req_3', 'req_4']);
    presence.announce(0, 'req_6.1.7');
    world.tasks[5]?.wakeup.notify();
    await running[5];
    expect(signedInFull()).toEqual(['req_1', 'req_2', 'req_3', 'req_4', 'req_6']);
    world.tasks.splice(0, 4);
    world.tasks[0]?.wakeup.notify();
    await running[4];
  });

  it('goes on waiting when others are completed', async () => {
    configure({ fastSigningTimeoutMs: 300 });
    const task = world.accepted(waiting);
    const running = signFast(task);
    for (let k = 0; k < 4; k++) {
      await assignments.note({ ...anonymous, id: 'req_2', status: 'completed' });
      expect(await isDone(running)).toBe(false);
      task.wakeup.notify();
    }
    await passUntilSettled(clock, running);
  });

  it('waits longer where a presignature takes longer', async () => {
    configure({ fastSigningTimeoutMs: -1 });
    world.demand.made(60_000);
    const task = world.accepted(anonymous);
    const running = signFast(task);
    expect(await isDone(running)).toBe(false);
    world.filling = false;
    task.wakeup.notify();
    await running;
  });

  it('goes on waiting while others are assigned presignatures, but not when younger ones are and it has waited for long', async () => {
    configure({ fastSigningTimeoutMs: 300 });
    const at = (created_at: string): RequestRecord => ({ ...unsigned, id: 'req_2', created_at });
    const task = world.accepted(waiting);
    const running = signFast(task);
    for (let k = 0; k < 10; k++) {
      await assignments.note(at('2026-01-01T00:00:01Z'));
      expect(await isDone(running)).toBe(false);
      task.wakeup.notify();
    }
    let isOver = false;
    while (!isOver && clock.monotonic() < 5_000) {
      await assignments.note(at('2026-01-01T00:00:03Z'));
      task.wakeup.notify();
      isOver = (await isDone(running)) === true;
    }
    expect(clock.monotonic()).toBeGreaterThan(3_000);
    expect(isOver).toBe(true);
    expect(signedInFull()).toEqual(['req_1']);
  });

  it('does not wait on because a record is read again as it was', async () => {
    const other = world.accepted(unsigned);
    await assignments.note({ ...unsigned, id: 'req_2' });
    const { movedAt } = assignments;
    await pass(clock, 100);
    await assignments.note({ ...unsigned, revision: 's' }, other);
    expect(assignments.movedAt).toBe(movedAt);
    await assignments.note({ ...unsigned, presignature_id: 'another' }, other);
    expect(assignments.movedAt).toBe(clock.monotonic());
  });

  it('does not wait for long, whatever is assigned to others', async () => {
    configure({ fastSigningTimeoutMs: 300 });
    const task = world.accepted(waiting);
    const running = signFast(task);
    while ((await isDone(running)) !== true) {
      await assignments.note({ ...unsigned, id: 'req_2', created_at: '2026-01-01T00:00:01Z' });
      task.wakeup.notify();
    }
    expect(clock.monotonic()).toBeGreaterThan(15_000);
    expect(clock.monotonic()).toBeLessThan(17_000);
  });

  it('takes nothing that was proposed with another one that comes a moment later', async () => {
    pool.add(half(PRESIGNATURE, [1, 2, 3]));
    const task = world.accepted(anonymous);
    const running = signFast(task);
    running.catch(() => undefined);
    await pass(clock, 50);
    await assignments.note({ ...unsigned, id: 'req_2', origin: await originOf(all, 'req_2', 'm', 0, PRESIGNATURE) });
    await isDone(running);
    await isDone(running);
    expect(names).toEqual([]);
    expect(isWaiting(task)).toBe(true);
  });

  it('leaves the assignment to the first maker as long as that one assigns others', async () => {
    presence.set(0, 'a', { pool: { '1-2-3': 1 } });
    pool.add(half('other', [0, 1, 2]));
    const task = world.accepted(waiting);
    const running = signFast(task);
    running.catch(() => undefined);
    for (let k = 0; k < 8; k++) {
      await assignments.note({ ...unsigned, id: 'req_2', created_at: '2026-01-01T00:00:01Z' });
      await isDone(running);
    }
    expect(names).toEqual([]);
    await expect(passUntilSettled(clock, running)).rejects.toThrow('enough');
    expect(names).toMatchObject([{ presignature_id: 'other' }]);
  });
});

describe('a presignature that the gateway proposes', () => {
  /** As the board shows it, and as this node has decided about it. */
  const proposed = async (proposal = PRESIGNATURE, shown: Partial<RequestRecord> = {}): Promise<SigningTask> => {
    const origin = await originOf(all, 'req_1', 'm', 0, proposal);
    return world.accepted({ ...unsigned, presignature_id: proposal, origin, ...shown }, proposal);
  };
  const events = (): unknown[] => log.lines.map(({ event }) => event);

  it('is used at once, and nobody assigns another', async () => {
    await expect(signFast(await proposed())).rejects.toThrow();
    expect(pool.has(PRESIGNATURE)).toBe(false);
    expect(events()).toEqual(['presignature_used']);
    expect(names).toEqual([]);
  });

  it.each<[what: string, shown: () => Promise<Partial<RequestRecord>>]>([
    ['none', () => Promise.resolve({ presignature_id: undefined })],
    ['another one', () => Promise.resolve({ presignature_id: 'other' })],
    [
      'another one, which a maker has assigned',
      async () => ({ ...(await assigned({ presignature_id: 'other' })), presignature_id: 'other' }),
    ],
  ])('is used and no other one, when the board shows %s', async (_what, shown) => {
    pool.add(half('other', [0, 1, 2]));
    const task = await proposed(PRESIGNATURE, await shown());
    await expect(signFast(task)).rejects.toThrow();
    expect([pool.has(PRESIGNATURE), pool.has('other')]).toEqual([false, true]);
    expect(reserve()).toBe('other');
  });

  it('is not used by a node that does not hold it: the request is signed in full', async () => {
    world.config.fastSigningTimeoutMs = 10;
    await passFast(await proposed('presig_gen_node-1_bb'));
    expect(pool.has(PRESIGNATURE)).toBe(true);
    expect(events()).toEqual(['presignature_declined']);
  });

  it('is used once, for the first of two requests for which it is proposed', async () => {
    world.config.fastSigningTimeoutMs = 10;
    await expect(signFast(await proposed())).rejects.toThrow();
    await passFast(world.accepted({ ...unsigned, id: 'req_2' }, PRESIGNATURE));
    expect(events()).toEqual(['presignature_used', 'presignature_declined']);
  });

  it('is dropped when this node does not sign the request, or it is over without it', async () => {
    const { request } = await proposed();
    await assignments.note(request);
    expect(reserve()).toBeNull();
    await assignments.note({ ...request, status: 'completed' });
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
    await assignments.note(record, world.refused(record));
    // The board alone sets nothing aside for longer than it takes to decide about the request.
    await assignments.note(record);
    expect(reserve()).toBeNull();
    const task = world.accepted(record);
    assignments.decided(task);
    await assignments.note(record, task);
    expect(reserve()).toBe(PRESIGNATURE);
  });

  it('stays set aside for the request for which the gateway has proposed it', async () => {
    const task = await proposed();
    await assignments.note(task.request);
    assignments.decided(task);
    expect(reserve()).toBeNull();
  });
});

describe('a presignature that was assigned', () => {
  it.each([...INVALID, FOREIGN])('is not used when the assignment %s: the request is signed in full', async (_, reason, request) => {
    await signFast(world.accepted(await request()));
    expect(world.deps.client.exchangePartialSignature).toBeUndefined();
    const rejected = log.lines.filter(({ event }) => event === 'naming_refused');
    expect(rejected).toEqual([expect.objectContaining({ reason: expect.stringMatching(reason) })]);
  });

  it.each(INVALID)('is kept for another request when the assignment %s', async (_, __, request) => {
    const task = world.accepted(await request());
    await assignments.note(task.request, task);
    expect(reserve()).toBe(PRESIGNATURE);
  });

  it('is assigned to no other request when one of its makers has assigned it', async () => {
    await assignments.note(await assigned());
    expect(reserve()).toBeNull();
  });

  it.each([0, 3])('is dropped when node %d, a maker or not, has assigned it to a request that this node does not sign', async (party) => {
    const record = await assigned({ signer: identityOf(party) });
    await assignments.note(record, world.refused(record));
    expect(pool.has(PRESIGNATURE)).toBe(false);
  });

  it('is assigned to no other request, and dropped, when a node without a part in it has assigned it: the board refuses it', async () => {
    const task = world.accepted(await assigned({ signer: identityOf(3) }));
    await assignments.note(task.request, task);
    expect([reserve(), pool.has(PRESIGNATURE)]).toEqual([null, true]);
    await signFast(task);
    expect(pool.has(PRESIGNATURE)).toBe(false);
  });

  it('is not used with a signer that refuses, though it is taken out of the pool', async () => {
    const record = await assigned();
    const task = world.accepted(record);
    await task.refusals.learn([await sign(identityOf(2), roster, REFUSAL, refusalOf(record, 'policy_refused'))]);
    await signFast(task);
    expect(pool.has(PRESIGNATURE)).toBe(false);
    expect(log.lines.flatMap(({ event, refusing }) => (event === 'signer_refuses' ? [refusing] : []))).toEqual(['node-3']);
  });

  it('is left to its holders, until one of them goes on to full signing', async () => {
    pool.take(PRESIGNATURE);
    const running = signFast(world.accepted(await assigned())).then(() => 'done');
    await passUntil(clock, () => log.lines.some(({ event }) => event === 'presignature_declined'));
    presence.set(0, 'a');
    expect(await Promise.race([running, pass(clock, 200)])).toBeUndefined();
    presence.announce(0, 'req_1.1.7');
    expect(await running).toBe('done');
  });

  it('is taken out of the pool for the request', async () => {
    await expect(signFast(world.accepted(await assigned()))).rejects.toThrow();
    expect(pool.has(PRESIGNATURE)).toBe(false);
  });

  it('is left to its holders, until one that may be one of them goes down', async () => {
    pool.take(PRESIGNATURE);
    const running = signFast(world.accepted(await assigned())).then(() => 'done');
    await passUntil(clock, () => log.lines.some(({ event }) => event === 'presignature_declined'));
    presence.set(0, 'a');
    expect(await Promise.race([running, pass(clock, 200)])).toBeUndefined();
    presence.set(2, 'a', { live: false });
    expect(await running).toBe('done');
    expect(presence.listeners).toBe(0);
  });
});
