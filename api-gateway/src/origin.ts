import type { RequestRecord } from 'message-board/contract';
import { messageHash } from 'message-board/signing_request';
import type { Identity } from 'sealing/identity';
import { SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign } from 'sealing/statement';

/**
 * What makes a request the gateway's: nobody else can ask the nodes of a sealed cluster for a signature.
 * @param time milliseconds since 1970
 * @returns the `origin` of the request; in a plain cluster, a mere name
 */
export async function originOf(identity: Identity, roster: Roster, request: Pick<RequestRecord, 'id' | 'message' | 'presignature_id'>, time: number): Promise<string> {
  if (!roster.sealed) return 'gateway';
  const { id, message, presignature_id } = request;
  return sign(identity, roster, SIGNING_REQUEST, { id, message_sha256: messageHash(message), time: new Date(time).toISOString(), presignature_id });
}
