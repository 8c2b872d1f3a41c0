import { createHash } from 'node:crypto';
import { Refused } from 'sealing/errors';
import { SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';
import type { RequestRecord } from './contract.js';

/** The only member whose clients may ask. */
const ASKER = 'gateway';

/** Of a message's UTF-8 bytes, hexadecimal: what the gateway signs of it, and what nodes state and record. */
export function messageHash(message: string): string {
  return createHash('sha256').update(message).digest('hex');
}

type Asked = Pick<RequestRecord, 'id' | 'message' | 'origin'>;

/** What the gateway has signed of a request besides. */
export interface Asking {
  readonly askedBy: string;
  /** When, by its clock. */
  readonly time: Date;
  /** The id of the presignature that it proposes, if it does. */
  readonly proposal: string | undefined;
}

/** Has the gateway asked for this message under this id? @throws Refused saying what is wrong */
export async function verifySigningRequest(roster: Roster, { id, message, origin }: Asked): Promise<Asking> {
  if (origin === undefined) throw new Refused('origin: there is none');
  const { signer, claims } = await verify(roster, SIGNING_REQUEST, origin);
  if (signer !== ASKER) throw new Refused(`origin: it is by ${signer}, not by the ${ASKER}`);
  if (claims.id !== id) throw new Refused('origin: it is for another id');
  if (claims.message_sha256 !== messageHash(message)) throw new Refused('origin: it is for another message');
  return { askedBy: signer, time: new Date(claims.time), proposal: claims.presignature_id };
}

/** Has it, at any time? That it was lately is for the nodes to require. */
export async function wasAskedFor(roster: Roster, request: Asked): Promise<boolean> {
  return (await askingFor(roster, request)) !== null;
}

/** What it has signed of this request at any time; null when it has not asked for it. */
export async function askingFor(roster: Roster, request: Asked): Promise<Asking | null> {
  try {
    return await verifySigningRequest(roster, request);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}
