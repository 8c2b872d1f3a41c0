import { signerOf, unverifiedClaims } from 'sealing/statement';
import { REFUSAL } from 'sealing/kinds';
import { MAX_REFUSALS, type NodeId, type RequestRecord, type Status, type UpdateRequest } from '../contract/contract.js';
import { isPresignable, isSignatureOf } from '../contract/payload.js';
import { reasonOfRefusals, type ClosingReason, type VerifiedRefusal } from '../contract/outcome.js';
import { ServiceError } from 'service/errors';

/** A record as the store keeps it. Its age is added to each answer. */
export type StoredRequest = Omit<RequestRecord, 'age_ms'>;

/** Does a record with this status never change again? */
export function isFinal(status: Status): boolean {
  return status === 'completed' || status === 'failed';
}

/** Does it only hold the messages of a session such as key generation? Nothing in it is to be signed. */
export function isProtocolRecord(record: StoredRequest): boolean {
  return record.message === '';
}

function conflict(code: string, message: string): ServiceError {
  return new ServiceError(409, code, message);
}

function checkSignature(signature: string, record: StoredRequest, publicKey: string | undefined): void {
  if (publicKey === undefined) {
    throw conflict('no_public_key', 'signature: the board cannot check it before it has the public key');
  }
  if (!isSignatureOf(record, signature, Buffer.from(publicKey, 'hex'))) {
    const complaint = 'signature: does not sign the message of the request under the public key, or is not low-s';
    throw new ServiceError(400, 'invalid_signature', complaint);
  }
}

/** What decides about an update, besides the record and the body. */
export interface UpdateFacts {
  /** Compressed, hexadecimal; undefined while the board has none. */
  readonly publicKey: string | undefined;
  /** So many nodes have to refuse a request before it fails. Infinity on a board that checks no signatures: whoever says so fails it. */
  readonly enoughRefusals: number;
  /** What the refusal says that it brings; undefined without a new one, and on a board that checks no signatures. */
  readonly refusal: VerifiedRefusal | undefined;
  /** What the closing says that it brings; undefined without one. */
  readonly closing: ClosingReason | undefined;
}

/**
 * What `PUT /requests/{id}` changes in a record: the new values of some fields, or nothing when all of it holds already. If one part of the
 * body is not allowed, nothing is changed.
 *
 * @throws ServiceError 400 for a wrong signature; 403 when it calls a request failed without a proof; 409 when the record is final, names
 *   another presignature or has another refusal of the node, and when the key or the signature is missing; 429 for too many refusals
 */
export function changes(record: StoredRequest, body: UpdateRequest, facts: UpdateFacts): Partial<StoredRequest> {
  if (isProtocolRecord(record)) {
    if (Object.keys(body).length === 1 && body.status === record.status) return {};
    throw conflict('not_a_signing_request', `${record.id} is a protocol record, which has no signature and no end`);
  }
  if (body.status === 'failed' && facts.enoughRefusals !== Infinity) throw failureNotSigned(facts.enoughRefusals);
  const progressed = { ...assigned(record, body), ...progress(record, body, facts.publicKey) };
  return { ...progressed, ...refused(record, body, facts), ...closed(record, body, facts) };
}

function failureNotSigned(refusals: number): ServiceError {
  const rule = `in a sealed cluster a request fails by ${refusals} refusals, by the gateway's closing, or when it has expired`;
  return new ServiceError(403, 'failure_not_signed', `status: ${rule}: put a refusal or a closing`);
}

function assigned(record: StoredRequest, { presignature_id, naming }: UpdateRequest): Partial<StoredRequest> {
  if (presignature_id === undefined || presignature_id === record.presignature_id) return {};
  if (record.presignature_id !== undefined) {
    throw conflict('presignature_conflict', `presignature_id: the request already names ${record.presignature_id}`);
  }
  if (isFinal(record.status)) throw conflict('status_conflict', `presignature_id: the request is ${record.status}`);
  if (!isPresignable(record)) throw conflict('signed_in_full', 'presignature_id: a digest is signed in full');
  return naming === undefined ? { presignature_id } : { presignature_id, naming };
}

/** A refusal that is one of enough fails the request. */
function refused(record: StoredRequest, { refusal, signature }: UpdateRequest, facts: UpdateFacts): Partial<StoredRequest> {
  const { status, refusals = [] } = record;
  if (refusal === undefined || refusals.includes(refusal)) return {};
  if (isFinal(status)) throw conflict('status_conflict', `refusal: the request is ${status}`);
  const { enoughRefusals, refusal: verified } = facts;
  if (verified !== undefined && refusals.some((earlier) => signerOf(earlier) === verified.nodeId)) {
    throw conflict('refusal_conflict', `refusal: ${verified.nodeId} has refused already, in other words`);
  }
  if (refusals.length >= MAX_REFUSALS) throw new ServiceError(429, 'too_many_refusals', `refusal: there are ${refusals.length} already`);
  const all = [...refusals, refusal];
  if (all.length < enoughRefusals || signature !== undefined) return { refusals: all };
  return { refusals: all, status: 'failed', reason: reasonOfRefusals(codesOf(all)), statement: undefined };
}

/** The codes in refusals that the board has verified. */
function codesOf(refusals: readonly string[]): Map<NodeId, string> {
  return new Map(refusals.map((refusal) => [signerOf(refusal), REFUSAL.claims.parse(unverifiedClaims(refusal)).code]));
}

function closed({ status, closing: earlier }: StoredRequest, { closing }: UpdateRequest, facts: UpdateFacts): Partial<StoredRequest> {
  if (closing === undefined || closing === earlier) return {};
  if (status === 'completed') throw conflict('too_late', 'closing: the request is completed');
  if (status === 'failed') return earlier === undefined ? { closing } : {};
  return { closing, status: 'failed', reason: facts.closing, statement: undefined };
}

function progress(record: StoredRequest, body: UpdateRequest, publicKey: string | undefined): Partial<StoredRequest> {
  const { status, signature, reason, statement } = body;
  if (isFinal(record.status)) {
    const isSame =
      (status === undefined || status === record.status) &&
      (signature === undefined || signature === record.signature) &&
      (reason === undefined || record.status === 'failed');
    if (isSame) return {};
    throw conflict('status_conflict', `the request is ${record.status}, which is final`);
  }
  if (signature !== undefined) {
    checkSignature(signature, record, publicKey);
    return { status: 'completed', signature, reason: undefined, statement: undefined };
  }
  if (status === 'completed') throw conflict('signature_missing', 'status: cannot be completed without a signature');
  if (status === 'in_progress') throw conflict('status_conflict', 'status: a signing request is pending until it is completed or failed');
  if (status === 'failed') return { status, reason, statement: undefined };
  return reason === undefined || reason === record.reason ? {} : { reason, statement };
}
