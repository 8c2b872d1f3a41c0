import type { RequestRecord } from 'message-board/contract';
import { isRequestId, REQUEST_ID_PREFIX } from 'message-board/ids';
import { verifySigningRequest } from 'message-board/signing_request';
import { Refused } from 'sealing/errors';
import type { Roster } from 'sealing/roster';
import type { Clock } from 'service/clock';

/**
 * How far the gateway's clock may be ahead of ours. Smaller: requests are refused when the two clocks differ a little. Larger: a
 * request that is dated ahead can be signed for longer.
 */
const MAX_AHEAD_MS = 60_000;

/** What is known of a request that may be signed. */
export interface Authorization {
  /** The member whose client asked; null in a plain cluster, where nobody can tell. */
  readonly askedBy: string | null;
  /** When its client asked: by the gateway's clock, in a plain cluster by the board's. */
  readonly time: Date;
  /** The id of the presignature that the gateway proposes, if it does. */
  readonly proposal: string | undefined;
}

/**
 * Has a client of the gateway asked for this very message under this very id, a short time ago?
 * @throws Refused saying what is wrong. Only this node's own log says that: others learn that it was refused, and no more
 */
export type Authorize = (request: RequestRecord) => Promise<Authorization>;

export interface AuthorizationOptions {
  readonly roster: Roster;
  /** A request that is older is not signed any more. */
  readonly maxAgeMs: number;
  readonly clock: Pick<Clock, 'now'>;
}

/** In a sealed cluster: what the gateway has signed. */
export function authorizeSigned({ roster, maxAgeMs, clock }: AuthorizationOptions): Authorize {
  return async (request) => {
    checkForm(request);
    const { askedBy, time, proposal } = await verifySigningRequest(roster, request);
    const ageMs = clock.now() - time.getTime();
    if (ageMs > maxAgeMs) throw new Refused('origin: it is too old');
    if (ageMs < -MAX_AHEAD_MS) throw new Refused('origin: it is from the future');
    return { askedBy, time, proposal };
  };
}

/** In a plain cluster: anybody may ask, at any time. */
export const authorizeAnybody: Authorize = (request) =>
  new Promise((resolve) => {
    checkForm(request);
    resolve({ askedBy: null, time: new Date(request.created_at), proposal: undefined });
  });

function checkForm({ id, message }: RequestRecord): void {
  if (!isRequestId(id)) throw new Refused(`id: a signing request's is ${REQUEST_ID_PREFIX} and 1 to 124 of A-Z a-z 0-9 _ -`);
  if (message === '') throw new Refused('message: it is empty');
}
