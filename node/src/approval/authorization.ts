import type { RequestRecord } from 'message-board/contract';
import { verifySigningRequest, type Asking } from 'message-board/signing_request';
import { Refused } from 'sealing/errors';
import type { Roster } from 'sealing/roster';

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

/** What the gateway has signed. In a plain cluster nobody can tell who has asked, null, and the time is the board's. */
export type Authorized = Omit<Asking, 'askedBy'> & { readonly askedBy: string | null };

/**
 * Has a client of the gateway asked for this very message under this very id, a short time ago?
 * @throws Refused saying what is wrong, for this node's own log: others are told that it was refused and no more
 */
export async function authorize(request: RequestRecord, options: AuthorizationOptions): Promise<Authorized> {
  const { id, message, created_at } = request;
  const { roster, maxAgeMs, now = Date.now } = options;
  if (!id.startsWith(PREFIX)) throw new Refused(`id: a signing request's begins with ${PREFIX}`);
  if (message === '') throw new Refused('message: it is empty');
  if (!roster.sealed) return { askedBy: null, time: new Date(created_at), proposal: undefined };
  const authorized = await verifySigningRequest(roster, request);
  const age = now() - authorized.time.getTime();
  if (age > maxAgeMs) throw new Refused('origin: it is too old');
  if (age < -MAX_AHEAD_MS) throw new Refused('origin: it is from the future');
  return authorized;
}
