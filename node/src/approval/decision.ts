import type { RequestRecord } from 'message-board/contract';
import { messageHash } from 'message-board/signing_request';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import type { AuditLog } from '../audit/audit_log.js';
import { sha256 } from '../base/sha256.js';
import type { Authorize } from './authorization.js';
import type { Policy } from './policy.js';

export interface DecisionDeps {
  readonly authorize: Authorize;
  readonly policy: Policy;
  readonly audit: Pick<AuditLog, 'record' | 'note'>;
  readonly logger: Logger;
}

/** What this node does about a request. */
export type Decision =
  /** It signs. `proposal`: the presignature that the gateway proposes, in the very statement by which it asks. */
  | { readonly refusal: null; readonly proposal: string | undefined }
  /** It refuses, with this code. */
  | { readonly refusal: string };

/** Why a request is not signed: `code` for everybody, `why` for this node's log. */
interface Objection {
  readonly code: string;
  readonly why: string;
}

/**
 * Decides whether this node signs a request: a client of the gateway must have asked for it, and the policy must allow it. The decision is
 * recorded before anything else is done about the request.
 * @throws what the audit log throws when a refusal cannot be recorded
 */
export async function decide({ authorize, policy, audit, logger }: DecisionDeps, request: RequestRecord): Promise<Decision> {
  const { id, message, origin } = request;
  const origin_sha256 = origin === undefined ? null : sha256(origin);
  const asked = { request_id: id, asked_by: null, origin_sha256, message_sha256: messageHash(message) };
  let objection: Objection;
  try {
    const { askedBy, time, proposal } = await authorize(request);
    const answer = policy.check({ id, message, time });
    if (answer.allowed) {
      // A note is on the disk no later than the record that precedes a signature.
      audit.note({ event: 'request_authorized', fields: { ...asked, asked_by: askedBy } });
      return { refusal: null, proposal };
    }
    objection = answer;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    objection = { code: 'unauthorized', why: error.message };
  }
  const { code, why } = objection;
  await audit.record({ event: 'request_refused', fields: { ...asked, code, why } });
  logger.warn({ event: 'request_refused', request_id: id, code, why }, 'A request was refused');
  return { refusal: code };
}
