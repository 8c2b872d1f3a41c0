import type { RequestRecord } from 'message-board/contract';
import { Refused } from 'sealing/errors';
import { SIGNING_REQUEST } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';
import { sha256 } from './utils.js';

/** The only member whose clients may ask. */
const ASKER = 'gateway';
const PREFIX = 'req_';
/** By so much the gateway's clock may be ahead of ours, ms. */
const MAX_AHEAD_MS = 60_000;

export interface AuthorizationOptions {
  readonly roster: Roster;
  /** What was asked longer ago is not signed any more, ms. */
  readonly maxAgeMs: number;
  /** Wall clock, ms. */
  readonly now?: () => number;
}

/** Who has asked; null when nobody can tell, in a plain cluster. And when, by its clock; else as the board says. */
export interface Authorized {
  readonly askedBy: string | null;
  readonly time: Date;
}

/**
 * Has a client of the gateway asked for this very message under this very id, a short time ago?
 * @throws Refused saying what is wrong, for this node's own log: others are told that it was refused and no more
 */
export async function authorize({ id, message, origin, created_at }: RequestRecord, options: AuthorizationOptions): Promise<Authorized> {
  const { roster, maxAgeMs, now = Date.now } = options;
  if (!id.startsWith(PREFIX)) throw new Refused(`id: a signing request's begins with ${PREFIX}`);
  if (message === '') throw new Refused('message: it is empty');
  if (!roster.sealed) return { askedBy: null, time: new Date(created_at) };
  if (origin === undefined) throw new Refused('origin: there is none');
  const { signer, claims } = await verify(roster, SIGNING_REQUEST, origin);
  if (signer !== ASKER) throw new Refused(`origin: it is by ${signer}, not by the ${ASKER}`);
  if (claims.id !== id) throw new Refused('origin: it is for another id');
  if (claims.message_sha256 !== sha256(message)) throw new Refused('origin: it is for another message');
  const time = new Date(claims.time);
  const age = now() - time.getTime();
  if (age > maxAgeMs) throw new Refused('origin: it is too old');
  if (age < -MAX_AHEAD_MS) throw new Refused('origin: it is from the future');
  return { askedBy: signer, time };
}
