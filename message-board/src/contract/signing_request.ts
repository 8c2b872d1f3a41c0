import { Refused } from 'sealing/errors';
import { SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';
import type { RequestRecord } from './contract.js';
import { payloadSha256 } from './payload.js';

/** The only member whose signature makes a request one to sign, and the only one that can close it. */
export const GATEWAY = 'gateway';

type AskedRequest = Pick<RequestRecord, 'id' | 'message' | 'kind' | 'hash' | 'origin'>;

/** What the gateway's signature says of a request, besides its id and payload. */
export interface Asking {
  /** The member that has signed it. */
  readonly askedBy: string;
  /** When the client asked, by that member's clock. */
  readonly time: Date;
  /** No node signs it after this, by its own clock. */
  readonly expires: Date;
  /** The id of the presignature to sign with, when the gateway proposes one. */
  readonly proposal: string | undefined;
}

/** Verifies that the gateway has asked for this payload under this id. @throws Refused saying what is wrong */
export async function verifySigningRequest(roster: Roster, request: AskedRequest): Promise<Asking> {
  const { id, origin } = request;
  if (origin === undefined) throw new Refused('origin: there is none');
  const { signer, claims } = await verify(roster, SIGNING_REQUEST, origin);
  if (signer !== GATEWAY) throw new Refused(`origin: it is by ${signer}, not by the ${GATEWAY}`);
  if (claims.id !== id) throw new Refused('origin: it is for another id');
  if (claims.message_sha256 !== payloadSha256(request)) throw new Refused('origin: it is for another message');
  return { askedBy: signer, time: new Date(claims.time), expires: new Date(claims.expires), proposal: claims.presignature_id };
}

/** As {@link verifySigningRequest}, but null when the gateway has not asked. Nodes also require that it was lately. */
export async function askingFor(roster: Roster, request: AskedRequest): Promise<Asking | null> {
  try {
    return await verifySigningRequest(roster, request);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}
