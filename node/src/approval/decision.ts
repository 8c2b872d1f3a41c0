import type { RequestRecord } from 'message-board/contract';
import { payloadField, payloadHashName, payloadSha256 } from 'message-board/payload';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import type { Clock } from 'service/clock';
import type { AuditedRequest, AuditLog } from '../audit/audit_log.js';
import { sha256 } from '../base/sha256.js';
import type { AskedPayload, DecidedRequests } from '../storage/decided_requests.js';
import type { Authorization, Authorize } from './authorization.js';
import type { Policy } from './policy.js';

export interface DecisionDeps {
  readonly authorize: Authorize;
  readonly policy: Policy;
  /** What this node has decided earlier, and decides now. */
  readonly decided: DecidedRequests;
  readonly audit: Pick<AuditLog, 'record' | 'note'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Logger;
}

/** What this node does about a request. */
export type Decision =
  /** It signs. */
  | {
      readonly kind: 'accepted';
      /** The presignature that the gateway proposes, in the very statement by which it asks. */
      readonly proposal: string | undefined;
      /** No share is issued after this, by this node's clock, in milliseconds since 1970. */
      readonly ends: number;
    }
  /** It refuses, with this code. */
  | { readonly kind: 'refused'; readonly code: string }
  /** It is signed already. `ends` as above: until then the board may still take the signature. */
  | { readonly kind: 'completed'; readonly signature: string; readonly ends: number }
  /** It is dated so far ahead that the clocks of gateway and node must differ. It is decided when this node's clock says `until`. */
  | { readonly kind: 'postponed'; readonly until: number };

/** Why a request is not signed: `code` for everybody, `why` for this node's log. */
interface Objection {
  readonly code: string;
  readonly why: string;
}

/** The code of a request whose id the gateway has used for another payload. */
const ID_USED: Objection = { code: 'id_used', why: 'the gateway has asked for another message under this id' };
const EXPIRED: Objection = { code: 'expired', why: 'by the clock of this node it has expired, or is older than REQUEST_MAX_AGE_MS' };

/**
 * Decides whether this node signs a request: a client of the gateway must have asked for it, it must not have expired, and the policy must
 * allow it. What was decided earlier holds: a refusal stays, and what is signed is not signed again. Only what is accepted is looked at
 * again, because the policy may have changed. The decision is kept before anything else is done about the request.
 * @throws what the audit log or the file of decisions throws when the decision cannot be kept
 */
export async function decide(deps: DecisionDeps, request: RequestRecord): Promise<Decision> {
  const asked = auditedFields(request);
  let authorization: Authorization;
  try {
    authorization = await deps.authorize(request);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    // Nothing is kept under an id that anybody may have used.
    return refuse(deps, asked, null, { code: 'unauthorized', why: error.message });
  }
  const { askedBy, time, proposal, validity } = authorization;
  const audited = { ...asked, asked_by: askedBy };
  const { id } = request;
  const payload = validity === null ? null : { id, messageSha256: asked.message_sha256, expires: validity.expires };
  const earlier = payload === null ? undefined : deps.decided.get(id);
  if (earlier !== undefined) {
    if (earlier.messageSha256 !== asked.message_sha256) return refuse(deps, audited, null, ID_USED);
    if (earlier.refusal !== null) return { kind: 'refused', code: earlier.refusal };
    if (earlier.signature !== null) return { kind: 'completed', signature: earlier.signature, ends: earlier.expires };
  }
  const now = deps.clock.now();
  if (validity !== null && now < validity.begins) return { kind: 'postponed', until: validity.begins };
  if (validity !== null && now >= validity.ends) return refuse(deps, audited, payload, EXPIRED);
  const answer = deps.policy.check({ id, payload: request, time });
  if (!answer.allowed) return refuse(deps, audited, payload, answer);
  if (payload !== null) deps.decided.accept(payload);
  // A note is on the disk no later than the record that precedes a signature.
  deps.audit.note({ event: 'request_authorized', fields: audited });
  return { kind: 'accepted', proposal, ends: validity?.ends ?? Infinity };
}

function auditedFields(request: RequestRecord): AuditedRequest {
  const { id, origin } = request;
  const origin_sha256 = origin === undefined ? null : sha256(origin);
  const payload = { kind: payloadField(request), hash: payloadHashName(request), message_sha256: payloadSha256(request) };
  return { request_id: id, asked_by: null, origin_sha256, ...payload };
}

/** @param payload what the refusal is kept for; null when it is not kept */
async function refuse(
  { audit, decided, logger }: DecisionDeps,
  asked: AuditedRequest,
  payload: AskedPayload | null,
  { code, why }: Objection,
): Promise<Decision> {
  await audit.record({ event: 'request_refused', fields: { ...asked, code, why } });
  if (payload !== null) decided.refuse(payload, code);
  logger.warn({ event: 'request_refused', request_id: asked.request_id, code, why }, 'A request was refused');
  return { kind: 'refused', code };
}
