import type { Request, Response } from 'express';
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
  /** Where calls wait that are not of a known member, so that members never wait for them. */
  readonly lane: Lane;
}

const callers = new WeakMap<Response, Caller>();

/** Who makes the call that this answers. Without {@link Callers} everybody is a stranger. */
export function callerOf(response: Response): Caller {
  return callers.get(response) ?? null;
}

/** @see callerOf */
export function setCaller(response: Response, caller: Caller): void {
  callers.set(response, caller);
}
