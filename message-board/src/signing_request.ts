import { createHash } from 'node:crypto';
import { Refused } from 'sealing/errors';
import { SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';
import type { RequestRecord } from './contract.js';

/** Of a message's UTF-8 bytes, hexadecimal: what the gateway signs of it. */
export function messageHash(message: string): string {
  return createHash('sha256').update(message).digest('hex');
}

/** Has the gateway asked for this message under this id? At any time: that it was lately is for the nodes to require. */
export async function wasAskedFor(roster: Roster, { id, message, origin }: Pick<RequestRecord, 'id' | 'message' | 'origin'>): Promise<boolean> {
  if (origin === undefined) return false;
  try {
    const { signer, claims } = await verify(roster, SIGNING_REQUEST, origin);
    return signer === 'gateway' && claims.id === id && claims.message_sha256 === messageHash(message);
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}
