import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { RequestRecordSchema, type RequestRecord } from 'message-board/contract';
import { systemClock } from 'service/clock';
import type { AuditRecord } from '../../src/audit/audit_log.js';
import { authorizeSigned } from '../../src/approval/authorization.js';
import { decide } from '../../src/approval/decision.js';
import { parsePolicy } from '../../src/approval/policy.js';
import { memoryLog } from '../util/cluster.js';
import { members, originOf } from 'testkit/roster';

const cluster = members(4, 3);
// The gateway's statements are dated by the machine's clock.
const clock = systemClock;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A node with this policy, and what it records. */
function nodeWith(policy: object) {
  const events: (AuditRecord & { readonly how: 'record' | 'note' })[] = [];
  const audit = {
    record: (entry: AuditRecord) => Promise.resolve(void events.push({ ...entry, how: 'record' })),
    note: (entry: AuditRecord) => void events.push({ ...entry, how: 'note' }),
  };
  const { logger, lines } = memoryLog();
  const authorize = authorizeSigned({ roster: cluster.roster, maxAgeMs: 60_000, clock });
  return { deps: { authorize, policy: parsePolicy(JSON.stringify({ version: 1, ...policy }), clock), audit, logger }, events, lines };
}

async function asked(id: string, message: string, agoMs = 0, proposal?: string): Promise<RequestRecord> {
  const at = new Date().toISOString();
  return RequestRecordSchema.parse({
    id,
    message,
    status: 'pending',
    origin: await originOf(cluster, id, message, agoMs, proposal),
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
    expect(await decide(deps, request)).toEqual({ refusal: null });
    const fields = {
      request_id: 'req_1',
      asked_by: 'gateway',
      origin_sha256: sha256(request.origin ?? ''),
      message_sha256: sha256('pay 5'),
    };
    expect(events).toEqual([{ how: 'note', event: 'request_authorized', fields }]);
    expect(lines).toEqual([]);
  });

  it('refuses what nobody has asked for before the policy sees it, and what is too old', async () => {
    const { deps, events, lines } = nodeWith({ max_requests_per_hour: 1 });
    expect(await decide(deps, { ...(await asked('req_1', 'pay 5')), origin: undefined })).toEqual({ refusal: 'unauthorized' });
    expect(await decide(deps, await asked('req_2', 'pay 5', 60_001))).toEqual({ refusal: 'unauthorized' });
    const fields = { asked_by: null, message_sha256: sha256('pay 5'), code: 'unauthorized' };
    expect(events[0]).toEqual({
      how: 'record',
      event: 'request_refused',
      fields: { ...fields, request_id: 'req_1', origin_sha256: null, why: 'origin: there is none' },
    });
    expect(events[1]).toMatchObject({
      how: 'record',
      event: 'request_refused',
      fields: { ...fields, request_id: 'req_2', why: 'origin: it is too old' },
    });
    expect(lines.map(({ event, code, why }) => ({ event, code, why }))).toEqual(
      ['there is none', 'it is too old'].map((why) => ({ event: 'request_refused', code: 'unauthorized', why: `origin: ${why}` })),
    );
    // Neither was counted.
    expect(await decide(deps, await asked('req_3', 'pay 5'))).toEqual({ refusal: null });
    expect(await decide(deps, await asked('req_4', 'pay 5'))).toEqual({ refusal: 'rate_limited' });
  });

  it('refuses what the policy refuses, and tells neither the log nor the audit log the message', async () => {
    const { deps, events, lines } = nodeWith({ deny: ['*mallory*'] });
    expect(await decide(deps, await asked('req_1', 'pay mallory 5'))).toEqual({ refusal: 'policy_refused' });
    expect(events).toMatchObject([
      { how: 'record', event: 'request_refused', fields: { code: 'policy_refused', why: 'the message matches a pattern of deny' } },
    ]);
    expect(JSON.stringify([events, lines])).not.toMatch(/mallory/);
  });

  it('has the presignature that the gateway proposes, and only that one, when it lets a request through', async () => {
    const { deps } = nodeWith({ deny: ['*mallory*'] });
    const shown = { presignature_id: 'shown by the board' };
    expect(await decide(deps, { ...(await asked('req_1', 'm', 0, 'p')), ...shown })).toEqual({ refusal: null, proposal: 'p' });
    expect(await decide(deps, { ...(await asked('req_2', 'm')), ...shown })).toEqual({ refusal: null });
    expect(await decide(deps, await asked('req_3', 'mallory', 0, 'p'))).toEqual({ refusal: 'policy_refused' });
  });

  it('is not made when it cannot be recorded', async () => {
    const { deps } = nodeWith({ deny: ['*'] });
    const full = { ...deps, audit: { ...deps.audit, record: () => Promise.reject(new Error('ENOSPC')) } };
    await expect(decide(full, await asked('req_1', 'm'))).rejects.toThrow('ENOSPC');
  });
});
