import { expect, it } from '@jest/globals';
import { RequestRecordSchema, type RequestRecord } from 'message-board/contract';
import { messageHash } from 'message-board/payload';
import { firstSigner, ringOf, signerSets } from '../../src/cluster/signer_sets.js';
import { SigningWork } from '../../src/signing/signing_work.js';
import { inFull } from '../../src/signing/task_state.js';
import { TURN_MS } from '../../src/signing/turns.js';
import { sleep } from 'service/clock';
import { ServiceError } from 'service/errors';
import { pass, passUntil } from '../util/passing.js';
import { half, SigningWorld } from '../util/signing_world.js';

const at = new Date(0).toISOString();
const record = (id: string): RequestRecord =>
  RequestRecordSchema.parse({ id, message: 'm', status: 'pending', revision: '1', created_at: at, updated_at: at, age_ms: 0 });

it('requests that were interrupted while they are signed in full go on, and do not wait for each other', async () => {
  const asked: string[] = [];
  const world = new SigningWorld({
    getRequest: (id) => {
      asked.push(id);
      return asked.length <= 4 ? Promise.reject(new Error('the board is away')) : Promise.resolve(record(id));
    },
  });
  const { clock, work } = world;
  world.filling = false;
  // This node is one of the signers whom their attempt 0 has.
  const isOwn = (id: string): boolean => signerSets(id, 4, 3)[0]?.includes(1) === true;
  const ids = Array.from({ length: 20 }, (_, k) => `req_${k}`).filter(isOwn).slice(0, 4);
  world.tasks = ids.map((id) => {
    const waiting = world.accepted(record(id));
    waiting.move('waiting', (state) => inFull(state, clock.monotonic()));
    return waiting;
  });
  for (const task of world.tasks) work.start(task);
  // Each attempt begins with a look at the board.
  await passUntil(clock, () => ids.every((id) => asked.filter((each) => each === id).length > 1) || clock.monotonic() > 60_000);
  for (const task of world.tasks) task.end('the test is over');
  await work.idle();
  expect(new Set(asked.slice(4))).toEqual(new Set(ids));
});

it('of many requests at one moment, a node leads a few at a time, the oldest first, and all of them in one turn', async () => {
  const world = new SigningWorld({ getRequest: (id) => Promise.resolve(record(id)) });
  const { clock, work, deps } = world;
  const led: string[] = [];
  let [underWay, most] = [0, 0];
  // An attempt ends here when it is about to begin.
  const claim = async (id: string): Promise<boolean> => {
    led.push(id);
    most = Math.max(most, ++underWay);
    await sleep(clock, 50);
    underWay -= 1;
    throw new Error('the disk fails');
  };
  Object.assign(deps, { journal: { claim, ids: () => [] } });
  // Their first turn is that of this node.
  const isOwn = (id: string): boolean => firstSigner(id, 4) === 1;
  const ids = Array.from({ length: 60 }, (_, k) => `req_${String(k).padStart(2, '0')}`).filter(isOwn);
  world.tasks = ids.map((id) => {
    const task = world.accepted(record(id));
    task.move('waiting', (state) => inFull(state, clock.monotonic()));
    return task;
  });
  for (const task of world.tasks) work.start(task);
  await passUntil(clock, () => new Set(led).size === ids.length || clock.monotonic() > 1_600);
  for (const task of world.tasks) task.end('the test is over');
  await pass(clock, 200);
  await work.idle();
  expect(ids.length).toBeGreaterThan(10);
  expect([most <= 2, new Set(led).size]).toEqual([true, ids.length]);
  expect(led[0]).toBe(ids[0]);
});

it('after a restart, a node leads under numbers above those of its earlier lives, and one that is used costs no attempt', async () => {
  const world = new SigningWorld({ getRequest: (id) => Promise.resolve(record(id)) });
  const { clock, work, deps } = world;
  const id = ['req_0', 'req_1', 'req_2', 'req_3', 'req_4', 'req_5', 'req_6'].find((each) => firstSigner(each, 4) === 1) ?? '';
  const claimed: string[] = [];
  const claim = (attempt: string): Promise<boolean> => {
    claimed.push(attempt.split('.')[1] ?? '0');
    if (claimed.length === 5) task.end('the test is over');
    return Promise.resolve(false);
  };
  // The last one was led by another party.
  const before = [`${id}.6.e`, `${id}.2.7`, `${id}.103.e`, 'req_other.10.e', id];
  Object.assign(deps, { journal: { claim, ids: () => before } });
  const again = new SigningWork(deps, world.maker, world.assignments, world.suspicion, () => [task]);
  const task = world.accepted(record(id));
  task.move('waiting', (state) => inFull(state, clock.monotonic()));
  again.start(task);
  await passUntil(clock, () => task.ended.aborted || clock.monotonic() > TURN_MS / 2);
  task.end('the test is over');
  await Promise.all([again.idle(), work.idle()]);
  expect(claimed).toEqual(['10', '14', '18', '22', '26']);
});

it('a request that is signed in full for longer than a turn gets a presignature that has become free, and keeps that one', async () => {
  const named: [string | undefined, number][] = [];
  // This node leads only in the fourth turn.
  const id = Array.from({ length: 20 }, (_, k) => `req_${k}`).find((each) => ringOf(each, 4)[3] === 1) ?? '';
  let shown = record(id);
  const world = new SigningWorld({
    getRequest: () => Promise.resolve(shown),
    updateRequest: (_, { presignature_id, naming }) => {
      named.push([presignature_id, world.clock.monotonic()]);
      shown = { ...shown, presignature_id, naming, revision: String(named.length + 1) };
      return Promise.resolve(shown);
    },
    listPartialSignatures: () => new Promise(() => undefined),
    exchangePartialSignature: () => new Promise(() => undefined),
  });
  const { clock, work, pool } = world;
  const task = world.accepted(shown);
  world.tasks = [task];
  task.move('waiting', (state) => inFull(state, clock.monotonic()));
  work.start(task);
  pool.add(half('of others', [0, 1, 2]));
  pool.add(half('late', [1, 2, 3]));
  world.presence.set(0, 'a', { live: false });
  while (clock.monotonic() < 2 * TURN_MS) {
    await pass(clock, 250);
    task.wakeup.notify();
  }
  pool.add(half('later still', [1, 2, 3]));
  task.wakeup.notify();
  await pass(clock, 250);
  task.end('the test is over');
  await pass(clock, 250);
  expect(named.map(([id]) => id)).toEqual(['late']);
  expect(named[0]?.[1]).toBeGreaterThanOrEqual(TURN_MS);
});

it('a signature that the board does not take is no failed attempt: nobody is suspected, and it is published again', async () => {
  let posts = 0;
  const world = new SigningWorld({
    getRequest: (id) => Promise.resolve(record(id)),
    onRestart: () => () => undefined,
    listMessages: (_id, _to, { signal } = {}) => new Promise((_, reject) => {
      signal?.addEventListener('abort', () => { reject(new Error('it is over')); });
    }),
    updateRequest: () => {
      posts += 1;
      return Promise.reject(new ServiceError(429, 'busy', 'not now'));
    },
  });
  const { clock, work, deps, log } = world;
  const id = ['req_0', 'req_1', 'req_2', 'req_3', 'req_4', 'req_5', 'req_6'].find((each) => firstSigner(each, 4) === 1) ?? '';
  deps.decided.accept({ id, messageSha256: messageHash('m'), expires: clock.now() + 3_600_000 });
  const session = { result: Promise.resolve({ r: 1n, s: 1n }), abort: () => undefined, receive: () => undefined };
  Object.assign(deps, { journal: { claim: () => Promise.resolve(true), ids: () => [] }, runner: { run: () => session } });
  const task = world.accepted(record(id));
  world.tasks = [task];
  task.move('waiting', (state) => inFull(state, clock.monotonic()));
  work.start(task);
  await passUntil(clock, () => posts > 1 || clock.monotonic() > 10_000);
  expect([posts > 1, task.state.kind]).toEqual([true, 'signed']);
  expect(log.lines.map(({ event }) => event)).not.toContain('full_signing_failed');
  task.end('the test is over');
  await work.idle();
});

/** Of a request that could be assigned a presignature of this node, how often the board is called in a second. */
async function callsToAssign(shown: RequestRecord | undefined) {
  let calls = 0;
  const world = new SigningWorld({
    updateRequest: () => {
      calls += 1;
      return Promise.reject(new ServiceError(404, 'unknown_request', 'there is no such request'));
    },
    getRequest: () => Promise.resolve(shown),
  });
  const { clock, work } = world;
  world.pool.add(half('presig_gen_node-2_aa', [1, 2, 3]));
  const task = world.accepted(record('req_0'));
  world.tasks = [task];
  work.start(task);
  await passUntil(clock, () => task.ended.aborted || clock.monotonic() > 1_000);
  const hasEnded = task.ended.aborted;
  task.end('the test is over');
  await work.idle();
  return { calls, hasEnded };
}

it('a request that the board does not know is left alone', async () => {
  expect(await callsToAssign(undefined)).toEqual({ calls: 1, hasEnded: true });
});

it('a board that takes no assignment is not called in a tight loop', async () => {
  const { calls, hasEnded } = await callsToAssign(record('req_0'));
  expect(hasEnded).toBe(false);
  expect(calls).toBeGreaterThan(1);
  expect(calls).toBeLessThanOrEqual(21);
});
