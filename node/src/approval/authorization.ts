import type { RequestRecord } from 'message-board/contract';
import { isRequestId, REQUEST_ID_PREFIX } from 'message-board/ids';
import { isPresignable, payloadProblem } from 'message-board/payload';
import { verifySigningRequest } from 'message-board/signing_request';
import { Refused } from 'sealing/errors';
import type { Roster } from 'sealing/roster';

/** What is known of a request that may be signed. */
export interface Authorization {
  /** The member whose client asked; null in a plain cluster, where nobody can tell. */
  readonly askedBy: string | null;
  /** When its client asked: by the gateway's clock, in a plain cluster by the board's. */
  readonly time: Date;
  /** The id of the presignature that the gateway proposes, if it does, and if one may sign this. */
  readonly proposal: string | undefined;
  /** When this node may sign it, by its own clock; null in a plain cluster, where it always may. */
  readonly validity: Validity | null;
}

/** In milliseconds since 1970. */
export interface Validity {
  /** A request that is dated later than this allows is not signed yet: the two clocks differ. */
  readonly begins: number;
  /** No share is issued any more: it has expired, or is older than this node allows. */
  readonly ends: number;
  /** When it expires, as the gateway has signed. */
  readonly expires: number;
}

/**
 * Has a client of the gateway asked for this very payload under this very id?
 * @throws Refused saying what is wrong. Only this node's own log says that: others learn that it was refused, and no more
 */
export type Authorize = (request: RequestRecord) => Promise<Authorization>;

export interface AuthorizationOptions {
  readonly roster: Roster;
  /**
   * A request whose time is further from this node's clock is not signed: not any more, or not yet. The gateway's clock may differ from
   * the node's by nearly as much: a request that is dated ahead does no harm, because it says itself when it expires.
   */
  readonly maxAgeMs: number;
}

/** In a sealed cluster: what the gateway has signed. */
export function authorizeSigned({ roster, maxAgeMs }: AuthorizationOptions): Authorize {
  return async (request) => {
    checkForm(request);
    const { askedBy, time, expires, proposal } = await verifySigningRequest(roster, request);
    const asked = time.getTime();
    const ends = Math.min(expires.getTime(), asked + maxAgeMs);
    const validity = { begins: asked - maxAgeMs, ends, expires: expires.getTime() };
    return { askedBy, time, proposal: isPresignable(request) ? proposal : undefined, validity };
  };
}

/** In a plain cluster: anybody may ask, at any time, for a text with SHA-256: nobody has signed that it is something else. */
export const authorizeAnybody: Authorize = (request) =>
  new Promise((resolve) => {
    checkForm(request);
    const isText = request.kind === undefined && request.hash === undefined;
    if (!isText) throw new Refused('kind, hash: in a plain cluster, text is signed with SHA-256 alone');
    resolve({ askedBy: null, time: new Date(request.created_at), proposal: undefined, validity: null });
  });

function checkForm(request: RequestRecord): void {
  if (!isRequestId(request.id)) throw new Refused(`id: a signing request's begins with ${REQUEST_ID_PREFIX}`);
  const wrong = payloadProblem(request);
  if (wrong !== undefined) throw new Refused(`${wrong.field}: it ${wrong.problem}`);
}
