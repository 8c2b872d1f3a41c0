import type { RequestRecord } from 'message-board/contract';
import { messageHash } from 'message-board/signing_request';
import type { Identity } from 'sealing/identity';
import { SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign } from 'sealing/statement';

/** A request ends at the latest after this. Smaller: requests fail that a slow cluster could still sign. Larger: clients wait longer. */
const LIFETIME_MS = 3_600_000;

/** A new request, before it is signed. */
export type RequestDraft = Pick<RequestRecord, 'id' | 'message' | 'presignature_id'>;

/**
 * What makes a request the gateway's: nobody else can ask the nodes of a sealed cluster for a signature.
 * @param time milliseconds since 1970
 * @returns the `origin` of the request
 */
export function originOf(identity: Identity, roster: Roster, draft: RequestDraft, time: number): Promise<string> {
  const { id, message, presignature_id } = draft;
  const times = { time: new Date(time).toISOString(), expires: new Date(time + LIFETIME_MS).toISOString() };
  const claims = { id, message_sha256: messageHash(message), ...times, presignature_id };
  return sign(identity, roster, SIGNING_REQUEST, claims);
}
