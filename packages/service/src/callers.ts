import type { Request, Response } from 'express';
import { ServiceError } from './errors.js';
import type { Lane } from './lane.js';

/** Who calls: the name of a member, or null for a stranger. */
export type Caller = string | null;

/** How a service tells members from strangers. */
export interface Callers {
  /** The member whose call this is, when that takes no work to say. */
  known(request: Request): string | undefined;
  /** Whose call it is, whatever work that takes. @throws ServiceError 401 for one that pretends to be a member */
  prove(request: Request): Promise<Caller>;
  /** Is asked before the body is read. @throws ServiceError when this caller may not make this call */
  permit(caller: Caller, request: Request): void;
  /** Headers of every answer, also of one that refuses the call. */
  headers(): Readonly<Record<string, string>>;
  /** Where calls wait that are not of a known member, so that members never wait for them. */
  readonly lane: Lane;
}

const callers = new WeakMap<Response, Caller>();

/** Who makes the call that this answers. Without {@link Callers} everybody is a stranger. */
export function callerOf(response: Response): Caller {
  return callers.get(response) ?? null;
}

/**
 * Finds out who calls. Whoever is not a known member waits for its turn first.
 * @param ended aborts when the caller is gone
 * @throws ServiceError when it may not make this call
 */
export async function admit(members: Callers, request: Request, response: Response, ended: () => AbortSignal): Promise<Caller> {
  let caller = members.known(request) ?? null;
  if (caller === null) {
    if (!(await members.lane.turn(ended()))) throw new ServiceError(503, 'closing', 'the service is shutting down');
    caller = await members.prove(request);
  }
  callers.set(response, caller);
  members.permit(caller, request);
  return caller;
}
