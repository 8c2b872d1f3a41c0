/**
 * How a member shows who it is when it calls the board of a sealed cluster: by a statement that names the life of the board, in a header of
 * each call. The board verifies a statement once and knows it then, so a member uses one for many calls.
 *
 * Only the board's clock decides when a session is over. Each answer tells its time, and an answer 401 says: make a new session, by the
 * life and the time that this answer names. So a member whose clock is wrong gets in like any other.
 */
import { SESSION } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import type { Identity } from 'sealing/identity';
import { sign } from 'sealing/statement';

/** Header of a call: the session. */
export const MEMBER_HEADER = 'x-member';
/** Header of an answer: milliseconds since 1970, by a clock of the board that does not jump. */
export const TIME_HEADER = 'x-board-time';
/** A session is valid for this long, ms. Smaller: members sign more often. Larger: whoever reads one on the network uses it for longer. */
export const SESSION_MS = 60_000;

/** Makes a session for a life of the board. @param expires milliseconds since 1970, by the board's clock */
export type SignSession = (board: string, expires: number) => Promise<string>;

/** How a member makes its sessions; undefined in a plain cluster, where nobody has any. */
export function sessionsOf(roster: Roster, identity: Identity): SignSession | undefined {
  if (!roster.sealed) return undefined;
  return (board, expires) => sign(identity, roster, SESSION, { board, expires: new Date(expires).toISOString() });
}
