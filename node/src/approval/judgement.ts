import type { RequestRecord } from 'message-board/contract';
import { messageHash } from 'message-board/signing_request';
import { Refused } from 'sealing/errors';
import { authorize } from './authorization.js';
import type { NodeContext } from '../context.js';
import { sha256 } from '../base/utils.js';

/** Why a request is not signed: `code` for everybody, `why` for this node's log. */
interface Objection {
  readonly code: string;
  readonly why: string;
}

/** What this node does about a request. */
export interface Judgement {
  /** The code of its refusal; null: it signs. */
  readonly refusal: string | null;
  /** If it signs: the presignature that the gateway proposes, in the very statement by which it asks. */
  readonly proposal?: string | undefined;
}

/**
 * Decides whether this node signs a request: it has to be what a client of the gateway has asked for, and the policy has to
 * allow it. Recorded before anything else is done about it.
 */
export async function judge({ roster, config, policy, audit, logger }: NodeContext, request: RequestRecord): Promise<Judgement> {
  const { id, message, origin } = request;
  const asked = { request_id: id, asked_by: null, origin_sha256: origin === undefined ? null : sha256(origin), message_sha256: messageHash(message) };
  let objection: Objection;
  try {
    const { askedBy, time, proposal } = await authorize(request, { roster, maxAgeMs: config.requestMaxAgeMs });
    const decision = policy.decide({ id, message, time });
    if (decision.allowed) {
      // On the disk no later than what is then signed: that is recorded after it.
      audit.note({ event: 'request_authorized', fields: { ...asked, asked_by: askedBy } });
      return { refusal: null, proposal };
    }
    objection = decision;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    objection = { code: 'unauthorized', why: error.message };
  }
  const { code, why } = objection;
  await audit.record({ event: 'request_refused', fields: { ...asked, code, why } });
  logger.warn({ event: 'request_refused', request_id: id, code, why }, 'A request was refused');
  return { refusal: code };
}
