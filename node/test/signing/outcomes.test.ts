/** What a node believes of how a request has ended, and until when it issues a share. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { RequestRecordSchema, type RequestRecord, type UpdateRequest } from 'message-board/contract';
import { refusalOf } from 'message-board/outcome';
import { messageHash } from 'message-board/payload';
import { CLOSING, REFUSAL } from 'sealing/kinds';
import { sign } from 'sealing/statement';
import { ServiceError } from 'service/errors';
import { present } from 'testkit/present';
import { members, originOf } from 'testkit/roster';
import { newSigner } from 'testkit/signer';
import { authorizeSigned } from '../../src/approval/authorization.js';
import { decide } from '../../src/approval/decision.js';
import type { SigningTask } from '../../src/signing/signing_task.js';
import { pass, passUntil } from '../util/passing.js';
import { SigningWorld } from '../util/signing_world.js';

const HOUR_MS = 3_600_000;
const all = members(4, 3);
const signer = newSigner();
const asked = { id: 'req_1', messageSha256: messageHash('m'), expires: Date.now() + HOUR_MS };

let world: SigningWorld;
let task: SigningTask;
let pending: RequestRecord;
let posted: UpdateRequest[];
beforeEach(async () => {
  posted = [];
  const at = new Date(0).toISOString();
  const origin = await originOf(all, 'req_1', 'm');
  const fields = { revision: '1', created_at: at, updated_at: at, age_ms: 0 };
  pending = RequestRecordSchema.parse({ id: 'req_1', message: 'm', status: 'pending', origin, ...fields });
  world = new SigningWorld({
    updateRequest: (_id, body) => {
      posted.push(body);
      return Promise.resolve(pending);
    },
    getRequest: () => Promise.resolve(pending),
  });
  const sharedPublicKey = Buffer.from(signer.publicKey, 'hex');
  Object.assign(world.deps, { keyShare: { ...world.deps.keyShare, sharedPublicKey } });
  world.deps.decided.accept(asked);
  task = world.accepted(pending);
  world.tasks = [task];
});

/** The node sees this record, and has had time to verify it. */
async function see(change: Partial<RequestRecord>): Promise<void> {
  world.work.see(task, { ...pending, ...change });
  await world.clock.advance(0);
}

const refusals = (codes: readonly string[], of: Parameters<typeof refusalOf>[0] = pending): Promise<string[]> =>
  Promise.all(codes.map((code, k) => sign(present(all.identities[k]), all.roster, REFUSAL, refusalOf(of, code))));
const closing = (by = all.gateway, request_id = 'req_1'): Promise<string> =>
  sign(by, all.roster, CLOSING, { request_id, reason: 'cancelled' });

describe('that a request has failed', () => {
  it.each<[what: string, record: () => Promise<Partial<RequestRecord>>, kept: string]>([
    ['as many nodes as it takes refuse it', async () => ({ refusals: await refusals(['a', 'a']) }), 'a'],
    ['the gateway has closed it', async () => ({ closing: await closing() }), 'cancelled'],
  ])('is believed when %s, and kept', async (_what, record, kept) => {
    await see({ status: 'failed', reason: 'whatever the board says', ...(await record()) });
    expect(task.ended.aborted).toBe(true);
    expect(world.deps.decided.get('req_1')).toMatchObject({ refusal: kept, signature: null });
  });

  it.each<[what: string, record: () => Promise<Partial<RequestRecord>>]>([
    ['the board says', () => Promise.resolve({ reason: 'policy_refused: node-1, node-2' })],
    ['one node refuses', async () => ({ refusals: await refusals(['a']) })],
    ['one node refuses twice', async () => ({ refusals: [...(await refusals(['a'])), ...(await refusals(['b']))] })],
    ['others refuse of another request under its id', async () => ({ refusals: await refusals(['a', 'a'], { id: 'req_1' }) })],
    ['a node closes', async () => ({ closing: await closing(present(all.identities[0])) })],
    ['the gateway closes of another request', async () => ({ closing: await closing(all.gateway, 'req_2') })],
  ])('is not what %s', async (_what, record) => {
    const shown = await record();
    for (let k = 0; k < 2; k += 1) await see({ status: 'failed', ...shown });
    expect([task.ended.aborted, task.signing.aborted]).toEqual([false, false]);
    expect(task.request.status).toBe('pending');
    expect(world.deps.decided.get('req_1')).toMatchObject({ refusal: null, signature: null });
    expect(world.log.lines.filter(({ event }) => event === 'outcome_doubted')).toHaveLength(1);
  });

  it('is kept of a request about which this node has not decided: shown as pending later, it is not signed', async () => {
    const of = async (id: string): Promise<RequestRecord> => ({ ...pending, id, status: 'failed', origin: await originOf(all, id, 'm') });
    const refused = await of('req_2');
    await world.work.seeLate({ ...refused, refusals: await refusals(['a', 'a'], refused) });
    await world.work.seeLate({ ...(await of('req_3')), closing: await closing(all.gateway, 'req_3') });
    expect([world.deps.decided.get('req_2'), world.deps.decided.get('req_3')]).toMatchObject([{ refusal: 'a' }, { refusal: 'cancelled' }]);
  });

  it('is not kept of a request for which the gateway has not asked, or without a proof', async () => {
    const [foreign, unproven] = [{ ...pending, id: 'req_2' }, { ...pending, id: 'req_3', origin: await originOf(all, 'req_3', 'm') }];
    await world.work.seeLate({ ...foreign, status: 'failed', closing: await closing(all.gateway, 'req_2') });
    await world.work.seeLate({ ...unproven, status: 'failed', reason: 'cancelled' });
    expect([world.deps.decided.get('req_2'), world.deps.decided.get('req_3')]).toEqual([undefined, undefined]);
  });

  it('ends the signing though the board calls it pending, and a new life remembers it', async () => {
    await see({ closing: await closing() });
    expect([task.ended.aborted, task.signing.aborted]).toEqual([false, true]);
    expect(() => {
      task.checkMayIssue();
    }).toThrow('it has failed: cancelled');
    expect(world.deps.decided.get('req_1')).toMatchObject({ refusal: 'cancelled' });
  });

  it('keeps the task when it cannot be kept: no share is issued, and the board cannot begin a new one', async () => {
    const full = new SigningWorld({ getRequest: () => Promise.resolve(pending) });
    full.deps.decided.refuse = () => {
      throw new Error('disk full');
    };
    const kept = full.accepted(pending);
    full.work.see(kept, { ...pending, status: 'failed', closing: await closing() });
    await full.clock.advance(0);
    expect([kept.ended.aborted, kept.signing.aborted]).toEqual([false, true]);
  });
});

describe('that a request is completed', () => {
  it('is believed with a signature under the own key, which is kept', async () => {
    const signature = signer.sign('m');
    await see({ status: 'completed', signature });
    expect(task.ended.aborted).toBe(true);
    expect(world.deps.decided.get('req_1')).toMatchObject({ refusal: null, signature });
  });

  it.each<[what: string, signature: () => string | undefined]>([
    ['no signature', () => undefined],
    ['the signature of another key', () => newSigner().sign('m')],
    ['the signature of another message', () => signer.sign('another')],
  ])('is not believed with %s', async (_what, signature) => {
    await see({ status: 'completed', signature: signature() });
    expect(task.ended.aborted).toBe(false);
    expect(world.deps.decided.get('req_1')).toMatchObject({ signature: null });
  });

  it('is kept of a request that this node has accepted in an earlier life, and of none for which the gateway has not asked', async () => {
    const signature = signer.sign('m');
    await world.work.seeLate({ ...pending, id: 'req_2', status: 'completed', signature });
    await world.work.seeLate({ ...pending, status: 'completed', signature });
    expect([world.deps.decided.get('req_1')?.signature, world.deps.decided.get('req_2')]).toEqual([signature, undefined]);
  });

  it.each<[when: string, learn: (record: RequestRecord) => Promise<unknown>]>([
    ['when it was first seen', (record) => world.work.seeLate(record)],
    ['while this node decided', async (record) => {
      world.work.see(world.task({ ...record, status: 'pending' }, { kind: 'deciding' }), record);
      await passUntil(world.clock, () => world.deps.decided.get(record.id) !== undefined);
    }],
  ])('is kept of a request that was completed %s: shown as pending later, it is not signed a second time', async (_when, learn) => {
    const signature = signer.sign('m');
    const unseen: RequestRecord = { ...pending, id: 'req_2', origin: await originOf(all, 'req_2', 'm') };
    await learn({ ...unseen, status: 'completed', signature });
    Object.assign(world.deps, { authorize: authorizeSigned({ roster: all.roster, maxAgeMs: 24 * HOUR_MS }) });
    expect(await decide(world.deps, unseen)).toMatchObject({ kind: 'completed', signature });
  });
});

it('the signature of another message, which the board shows under its id, is not kept', async () => {
  await world.work.seeLate({ ...pending, message: 'another', status: 'completed', signature: signer.sign('another') });
  expect(world.deps.decided.get('req_1')).toMatchObject({ signature: null });
});

describe('an expired request', () => {
  it('has no share issued, from the moment when the own clock says so', async () => {
    task.ends = world.clock.now() + 1;
    task.checkMayIssue();
    world.clock.jump(1);
    expect(() => {
      task.checkMayIssue();
    }).toThrow('it has expired');
    expect(task.signing.aborted).toBe(true);
    await see({ status: 'failed', reason: 'expired' });
    expect(task.ended.aborted).toBe(true);
  });

  it('ends the signing without anybody who asks', async () => {
    const undecided = world.task(pending, { kind: 'deciding' });
    authorizedUntil(world.clock.now() + 5_000);
    world.work.start(undecided);
    await world.clock.advance(4_999);
    expect([undecided.state.kind, undecided.signing.aborted]).toEqual(['waiting', false]);
    await world.clock.advance(1);
    expect(undecided.signing.aborted).toBe(true);
    await passUntil(world.clock, () => undecided.state.kind === 'over');
    undecided.end('the test is over');
    await world.work.idle();
  });
});

it('a request that was signed before, and has expired for the board, is left alone when it has expired here too', async () => {
  const signature = signer.sign('m');
  world.deps.decided.complete(asked, signature);
  const again = world.task(pending, { kind: 'deciding' });
  authorizedUntil(asked.expires);
  Object.assign(world.deps.client, {
    updateRequest: () => Promise.reject(new ServiceError(409, 'status_conflict', 'it has failed')),
    getRequest: () => Promise.resolve({ ...pending, status: 'failed', reason: 'expired' }),
  });
  world.work.start(again);
  await passUntil(world.clock, () => again.state.kind === 'signed');
  await pass(world.clock, 1_000);
  expect(again.ended.aborted).toBe(false);
  world.clock.jump(asked.expires - world.clock.now());
  await pass(world.clock, 1_000);
  expect(again.ended.aborted).toBe(true);
  again.end('the test is over');
  await world.work.idle();
});

function authorizedUntil(ends: number): void {
  const authorization = { askedBy: 'gateway', time: new Date(), proposal: undefined, validity: { begins: 0, ends, expires: ends } };
  Object.assign(world.deps, { authorize: () => Promise.resolve(authorization) });
}

it('a request that was signed before is not signed again: its signature is put on the board again', async () => {
  const signature = signer.sign('m');
  world.deps.decided.complete(asked, signature);
  const again = world.task(pending, { kind: 'deciding' });
  authorizedUntil(asked.expires);
  world.work.start(again);
  await passUntil(world.clock, () => posted.length > 0);
  expect(posted).toEqual([{ signature }]);
  await see({ status: 'pending' });
  again.end('the test is over');
  await world.work.idle();
});
