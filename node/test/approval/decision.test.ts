import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { RequestRecordSchema, type Payload, type RequestRecord } from 'message-board/contract';
import { payloadSha256 } from 'message-board/payload';
import { systemClock, type Clock } from 'service/clock';
import type { AuditRecord } from '../../src/audit/audit_log.js';
import { authorizeSigned } from '../../src/approval/authorization.js';
import { decide } from '../../src/approval/decision.js';
import { ALLOW_ALL, parsePolicy, type Policy } from '../../src/approval/policy.js';
import { DecidedRequestsFile } from '../../src/storage/decided_requests.js';
import { memoryLog } from '../util/cluster.js';
import { members, originOf } from 'testkit/roster';

const cluster = members(4, 3);
const HOUR_MS = 3_600_000;
/** The machine's clock, by which the gateway's statements are dated, but `skewMs` off. */
let skewMs = 0;
const clock: Clock = { ...systemClock, now: () => systemClock.now() + skewMs };
beforeEach(() => {
  skewMs = 0;
});
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A node with this policy, and what it records. */
function nodeWith(policy: object) {
  const events: (AuditRecord & { readonly how: 'record' | 'note' })[] = [];
  const audit = {
    record: (entry: AuditRecord) => Promise.resolve(void events.push({ ...entry, how: 'record' })),
    note: (entry: AuditRecord) => void events.push({ ...entry, how: 'note' }),
  };
  const { logger, lines } = memoryLog();
  const authorize = authorizeSigned({ roster: cluster.roster, maxAgeMs: 2 * HOUR_MS });
  const decided = DecidedRequestsFile.open(':memory:', { clock });
  const deps = { authorize, policy: policyOf(policy), decided, audit, clock, logger };
  return { deps, events, lines };
}

function policyOf(policy: object): Policy {
  return parsePolicy(JSON.stringify({ version: 1, ...policy }), clock);
}

const refused = (code: string) => ({ kind: 'refused', code });

async function asked(id: string, what: string | Payload, agoMs = 0, proposal?: string): Promise<RequestRecord> {
  const payload = typeof what === 'string' ? { message: what } : what;
  const at = new Date().toISOString();
  return RequestRecordSchema.parse({
    id,
    ...payload,
    status: 'pending',
    origin: await originOf(cluster, id, payload, agoMs, proposal),
    revision: '1',
    created_at: at,
    updated_at: at,
    age_ms: 0,
  });
}

describe('the decision about a request', () => {
  it('lets through what was asked for and is allowed, and records by whom', async () => {
    const { deps, events, lines } = nodeWith({ allow: ['pay *'] });
    const request = await asked('req_1', 'pay 5');
    expect(await decide(deps, request)).toMatchObject({ kind: 'accepted', proposal: undefined });
    const fields = {
      request_id: 'req_1',
      asked_by: 'gateway',
      origin_sha256: sha256(request.origin ?? ''),
      kind: 'message',
      hash: 'sha256',
      message_sha256: sha256('pay 5'),
    };
    expect(events).toEqual([{ how: 'note', event: 'request_authorized', fields }]);
    expect(lines).toEqual([]);
  });

  it('refuses what nobody has asked for before the policy sees it, and what has expired', async () => {
    const { deps, events, lines } = nodeWith({ max_requests_per_hour: 1 });
    expect(await decide(deps, { ...(await asked('req_1', 'pay 5')), origin: undefined })).toEqual(refused('unauthorized'));
    expect(await decide(deps, await asked('req_2', 'pay 5', HOUR_MS))).toEqual(refused('expired'));
    const fields = { kind: 'message', hash: 'sha256', message_sha256: sha256('pay 5') };
    expect(events[0]).toEqual({
      how: 'record',
      event: 'request_refused',
      fields: { ...fields, asked_by: null, code: 'unauthorized', request_id: 'req_1', origin_sha256: null, why: 'origin: there is none' },
    });
    expect(events[1]).toMatchObject({
      how: 'record',
      event: 'request_refused',
      fields: { ...fields, asked_by: 'gateway', code: 'expired', request_id: 'req_2' },
    });
    expect(lines).toMatchObject([
      { event: 'request_refused', code: 'unauthorized', why: 'origin: there is none' },
      { event: 'request_refused', code: 'expired', why: expect.stringContaining('by the clock of this node') },
    ]);
    // Neither was counted.
    expect(await decide(deps, await asked('req_3', 'pay 5'))).toMatchObject({ kind: 'accepted' });
    expect(await decide(deps, await asked('req_4', 'pay 5'))).toEqual(refused('rate_limited'));
  });

  it('refuses what the policy refuses, and tells neither the log nor the audit log the message', async () => {
    const { deps, events, lines } = nodeWith({ deny: ['*mallory*'] });
    expect(await decide(deps, await asked('req_1', 'pay mallory 5'))).toEqual(refused('policy_refused'));
    expect(events).toMatchObject([
      { how: 'record', event: 'request_refused', fields: { code: 'policy_refused', why: 'the message matches a pattern of deny' } },
    ]);
    expect(JSON.stringify([events, lines])).not.toMatch(/mallory/);
  });

  it.each([
    ['bytes', { message: 'ab01', kind: 'bytes' }, 'sha256'],
    ['bytes', { message: 'ab01', kind: 'bytes', hash: 'keccak256' }, 'keccak256'],
    ['message', { message: 'pay 5', hash: 'sha256d' }, 'sha256d'],
    ['digest', { message: 'ab'.repeat(32), kind: 'digest' }, null],
  ] as const)('lets %s through that were asked for, and records kind and hash: %#', async (kind, payload, hash) => {
    const { deps, events } = nodeWith({ payloads: ['message', 'bytes', 'digest'] });
    expect(await decide(deps, await asked('req_1', payload))).toMatchObject({ kind: 'accepted' });
    const fields = { kind, hash, message_sha256: payloadSha256(payload) };
    expect(events).toMatchObject([{ event: 'request_authorized', fields }]);
    expect(JSON.stringify(events)).not.toContain(payload.message);
  });

  it('does not take the same digits for another kind, or for another hash', async () => {
    const digits = 'ab'.repeat(32);
    const forms: Payload[] = [
      { message: digits }, { message: digits, kind: 'bytes' }, { message: digits, kind: 'digest' }, { message: digits, hash: 'keccak256' },
      { message: digits, kind: 'bytes', hash: 'sha256d' },
    ];
    const { deps, lines } = nodeWith({ payloads: ['message', 'bytes', 'digest'] });
    for (const [k, signed] of forms.entries()) {
      for (const [j, shown] of forms.entries()) {
        if (j === k) continue;
        const record = { ...(await asked(`req_${k}_${j}`, signed)), kind: undefined, hash: undefined, ...shown };
        expect(await decide(deps, record)).toEqual(refused('unauthorized'));
      }
      expect(await decide(deps, await asked(`req_${k}`, signed))).toMatchObject({ kind: 'accepted' });
      // The gateway itself asks for something else under the same id.
      const other = forms[(k + 1) % forms.length] ?? signed;
      expect(await decide(deps, await asked(`req_${k}`, other))).toEqual(refused('id_used'));
    }
    expect(lines.filter(({ code }) => code === 'unauthorized').every(({ why }) => why === 'origin: it is for another message')).toBe(true);
  });

  it.each([
    ['digits in upper case', { message: 'AB', kind: 'bytes' }, 'message: it must be in lower case'],
    ['half a byte', { message: 'abc', kind: 'bytes' }, 'message: it must be an even number'],
    ['no bytes', { message: '', kind: 'bytes' }, 'message: it must not be empty'],
    ['a short digest', { message: 'ab'.repeat(31), kind: 'digest' }, 'message: it must be 64'],
    ['a digest of zero', { message: '00'.repeat(32), kind: 'digest' }, 'message: it must not be zero'],
    ['a digest that is hashed', { message: 'ab'.repeat(32), kind: 'digest', hash: 'sha256d' }, 'hash: it cannot be given'],
  ] as const)('refuses %s, though the gateway has asked for it', async (_what, payload, why) => {
    const { deps, lines } = nodeWith({ payloads: ['message', 'bytes', 'digest'] });
    expect(await decide(deps, await asked('req_1', payload))).toEqual(refused('unauthorized'));
    expect(lines).toMatchObject([{ why: expect.stringContaining(why) }]);
  });

  it('refuses a digest where the policy does not name it', async () => {
    const digest = { message: 'ab'.repeat(32), kind: 'digest' } as const;
    for (const policy of [{}, { payloads: ['message', 'bytes'] }, { allow: ['*'] }]) {
      const { deps, lines } = nodeWith(policy);
      expect(await decide(deps, await asked('req_1', digest))).toEqual(refused('policy_refused'));
      expect(lines).toMatchObject([{ why: 'the payload is of the kind digest, which payloads does not allow' }]);
    }
    const { deps } = nodeWith({});
    const without = { ...deps, policy: ALLOW_ALL };
    expect(await decide(without, await asked('req_1', digest))).toEqual(refused('policy_refused'));
    expect(await decide(without, await asked('req_2', { message: 'ab', kind: 'bytes' }))).toMatchObject({ kind: 'accepted' });
  });

  it('knows of no presignature for a digest, though the gateway has proposed one', async () => {
    const { deps } = nodeWith({ payloads: ['digest'] });
    const request = { ...(await asked('req_1', { message: 'ab'.repeat(32), kind: 'digest' }, 0, 'p')), presignature_id: 'p' };
    expect(await decide(deps, request)).toMatchObject({ kind: 'accepted', proposal: undefined });
  });

  it('has the presignature that the gateway proposes, and only that one, when it lets a request through', async () => {
    const { deps } = nodeWith({ deny: ['*mallory*'] });
    const shown = { presignature_id: 'shown by the board' };
    expect(await decide(deps, { ...(await asked('req_1', 'm', 0, 'p')), ...shown })).toMatchObject({ kind: 'accepted', proposal: 'p' });
    expect(await decide(deps, { ...(await asked('req_2', 'm')), ...shown })).toMatchObject({ kind: 'accepted', proposal: undefined });
    expect(await decide(deps, await asked('req_3', 'mallory', 0, 'p'))).toEqual(refused('policy_refused'));
  });

  it('is not made when it cannot be recorded', async () => {
    const { deps } = nodeWith({ deny: ['*'] });
    const full = { ...deps, audit: { ...deps.audit, record: () => Promise.reject(new Error('ENOSPC')) } };
    await expect(decide(full, await asked('req_1', 'm'))).rejects.toThrow('ENOSPC');
  });

  it('is not made when it cannot be kept: neither that this node signs, nor that it refuses', async () => {
    const { deps } = nodeWith({ deny: ['bad'] });
    const lost = (): never => {
      throw new Error('disk full');
    };
    const full = { ...deps, decided: { get: () => undefined, accept: lost, refuse: lost, complete: lost } };
    for (const message of ['good', 'bad']) await expect(decide(full, await asked('req_1', message))).rejects.toThrow('disk full');
  });
});

describe('a decision that was made earlier', () => {
  const ALLOWING = { policy: policyOf({}) };
  const DENYING = { policy: policyOf({ deny: ['*'] }) };

  it('holds when it was a refusal, and is recorded once', async () => {
    const { deps, events } = nodeWith({ deny: ['*'] });
    const request = await asked('req_1', 'm');
    expect(await decide(deps, request)).toEqual(refused('policy_refused'));
    expect(await decide({ ...deps, ...ALLOWING }, request)).toEqual(refused('policy_refused'));
    // The gateway may ask again in other words, with another presignature for one.
    expect(await decide({ ...deps, ...ALLOWING }, await asked('req_1', 'm', 1, 'p'))).toEqual(refused('policy_refused'));
    expect(events).toHaveLength(1);
  });

  it('is not made again when the request was signed: its signature is known', async () => {
    const { deps } = nodeWith({});
    const request = await asked('req_1', 'm');
    await decide(deps, request);
    deps.decided.complete({ id: 'req_1', messageSha256: sha256('m') }, '{"r":"1"}');
    expect(await decide({ ...deps, ...DENYING }, request)).toMatchObject({ kind: 'completed', signature: '{"r":"1"}' });
  });

  it('becomes a refusal when the policy has changed', async () => {
    const { deps } = nodeWith({});
    const request = await asked('req_1', 'm');
    expect(await decide(deps, request)).toMatchObject({ kind: 'accepted' });
    expect(await decide(deps, request)).toMatchObject({ kind: 'accepted' });
    expect(await decide({ ...deps, ...DENYING }, request)).toEqual(refused('policy_refused'));
    expect(await decide(deps, request)).toEqual(refused('policy_refused'));
  });

  it('stands for one payload: another message under the same id is refused, and the first one goes on', async () => {
    const { deps } = nodeWith({});
    const first = await asked('req_1', 'm');
    await decide(deps, first);
    expect(await decide(deps, await asked('req_1', 'another'))).toEqual(refused('id_used'));
    expect(await decide(deps, first)).toMatchObject({ kind: 'accepted' });
  });

  it('is none when somebody else has used the id', async () => {
    const { deps } = nodeWith({});
    const genuine = await asked('req_1', 'm');
    for (const forged of [{ ...genuine, origin: undefined }, { ...genuine, message: 'x' }, { ...genuine, origin: 'x' }]) {
      expect(await decide(deps, forged)).toEqual(refused('unauthorized'));
    }
    expect(await decide(deps, genuine)).toMatchObject({ kind: 'accepted' });
  });
});

describe('clocks that differ', () => {
  it.each([-2 * HOUR_MS + 1_000, -HOUR_MS, 0, HOUR_MS - 1_000])('by %d ms keep no request from being signed', async (ms) => {
    const { deps } = nodeWith({});
    const request = await asked('req_1', 'm');
    skewMs = ms;
    expect(await decide(deps, request)).toMatchObject({ kind: 'accepted' });
  });

  it('by more than REQUEST_MAX_AGE_MS postpone it, until this node is that near', async () => {
    const { deps, events } = nodeWith({});
    const request = await asked('req_1', 'm', -HOUR_MS);
    skewMs = -HOUR_MS - 1_000;
    const decision = await decide(deps, request);
    expect(decision).toEqual({ kind: 'postponed', until: expect.any(Number) });
    expect(events).toEqual([]);
    skewMs = -HOUR_MS;
    expect(await decide(deps, request)).toMatchObject({ kind: 'accepted' });
  });

  it('by the life of a request end it, with a code that says so, for good', async () => {
    const { deps } = nodeWith({});
    const request = await asked('req_1', 'm');
    skewMs = HOUR_MS;
    expect(await decide(deps, request)).toEqual(refused('expired'));
    skewMs = 0;
    expect(await decide(deps, request)).toEqual(refused('expired'));
  });
});
