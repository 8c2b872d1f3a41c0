import type { RequestRecord } from 'message-board/contract';
import { payloadSha256 } from 'message-board/payload';
import type { Identity } from 'sealing/identity';
import { SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign } from 'sealing/statement';

/** A new request, before it is signed. */
export type RequestDraft = Pick<RequestRecord, 'id' | 'message' | 'kind' | 'hash' | 'presignature_id'>;

/** Between these two times nodes may sign a request. Milliseconds since 1970, by the wall clock: nodes compare them with theirs. */
export interface RequestTimes {
  readonly time: number;
  readonly expires: number;
}

/**
 * What makes a request the gateway's: nobody else can ask the nodes of a sealed cluster for a signature.
 * @returns the `origin` of the request
 */
export function originOf(identity: Identity, roster: Roster, draft: RequestDraft, { time, expires }: RequestTimes): Promise<string> {
  const { id, presignature_id } = draft;
  const times = { time: new Date(time).toISOString(), expires: new Date(expires).toISOString() };
  return sign(identity, roster, SIGNING_REQUEST, { id, message_sha256: payloadSha256(draft), ...times, presignature_id });
}
