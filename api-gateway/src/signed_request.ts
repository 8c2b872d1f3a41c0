/** What makes a request the gateway's: nobody else can ask the nodes of a sealed cluster for a signature. */
import { createHash } from 'node:crypto';
import type { RequestRecord } from 'message-board/contract';
import { Refused } from 'sealing/errors';
import type { Identity } from 'sealing/identity';
import { SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign, verify } from 'sealing/statement';

/** @param time milliseconds since 1970 @returns the `origin` of the request; in a plain cluster, a mere name */
export async function originOf(identity: Identity, roster: Roster, id: string, message: string, time: number): Promise<string> {
  if (!roster.sealed) return 'gateway';
  return sign(identity, roster, SIGNING_REQUEST, { id, message_sha256: sha256(message), time: new Date(time).toISOString() });
}

/** Has the gateway asked for this message under this id? In a plain cluster that cannot be told, and whatever the board says is taken for it. */
export async function wasAskedFor(roster: Roster, { id, message, origin }: RequestRecord): Promise<boolean> {
  if (!roster.sealed) return true;
  if (origin === undefined) return false;
  try {
    const { signer, claims } = await verify(roster, SIGNING_REQUEST, origin);
    return signer === 'gateway' && claims.id === id && claims.message_sha256 === sha256(message);
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

function sha256(message: string): string {
  return createHash('sha256').update(message).digest('hex');
}
