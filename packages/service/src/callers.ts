import type { Socket } from 'node:net';
import type { Request, Response } from 'express';
import { ServiceError } from './errors.js';
import type { Lane } from './lane.js';
import type { Turns } from './turns.js';

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
  /** Where calls of strangers wait, and those that show what nobody has proven yet, unless they come on a member's connection. */
  readonly lane: Lane;
  /** Where calls wait for the calls of others: all strangers together have a turn like one member. */
  readonly turns: Turns;
}

const callers = new WeakMap<Response, Caller>();
/** The member that was last proven on a connection. What it shows next, and is not known yet, is checked in its own turn. */
const members = new WeakMap<Socket, string>();

/** Who makes the call that this answers. Without {@link Callers} everybody is a stranger. */
export function callerOf(response: Response): Caller {
  return callers.get(response) ?? null;
}

/**
 * Finds out who calls, and waits for its turn.
 * @param ended aborts when the caller is gone
 * @throws ServiceError when it may not make this call
 */
export async function admit(service: Callers, request: Request, response: Response, ended: () => AbortSignal): Promise<Caller> {
  const known = service.known(request);
  const inTurn = known ?? members.get(request.socket) ?? null;
  const isTurn = (inTurn !== null || (await service.lane.turn(ended()))) && (await service.turns.turn(inTurn, ended));
  if (!isTurn) throw new ServiceError(503, 'closing', 'the service is shutting down');
  const caller = known ?? (await service.prove(request));
  if (caller !== null) members.set(request.socket, caller);
  callers.set(response, caller);
  service.permit(caller, request);
  return caller;
}
