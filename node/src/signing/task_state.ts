/**
 * How far this node is with a pending request.
 *
 *     deciding ─┬─> refused ───────────────────────────────┐
 *               └─> waiting ──> presigned ──> in_full ─────┴─> failing
 *
 * Without a presignature `in_full` follows on `waiting`. After an interruption, `waiting` follows on `presigned` and `in_full`. `failing`
 * may follow on any state but `deciding`. The functions below are the only transitions, and `SigningWork` alone makes them. A task ends,
 * in any state, when the board has finished its request.
 */
import type { Attempt } from './attempt.js';
import type { SigningHistory } from './signing_plan.js';

export type TaskState = DecidingState | RefusedState | WaitingState | PresignedState | FullState | FailingState;
export type TaskKind = TaskState['kind'];
export type StateOf<K extends TaskKind> = Extract<TaskState, { readonly kind: K }>;

/** It is not known whether this node signs it. */
export interface DecidingState {
  readonly kind: 'deciding';
}

/** This node does not sign it. */
export interface RefusedState {
  readonly kind: 'refused';
  /** Its refusal, signed. */
  readonly refusal: string;
}

/** This node signs it. */
interface Accepted {
  /** The presignature that the gateway proposes, as it has signed. Whatever the board shows in its place does not count. */
  readonly proposal: string | undefined;
  readonly history: SigningHistory;
}

/** This node looks for its presignature, and waits for it if need be. */
export interface WaitingState extends Accepted {
  readonly kind: 'waiting';
  /** When this began, on the monotonic clock. */
  readonly since: number;
  /** Is no presignature free, so that it waits for the next one? */
  readonly isForNext: boolean;
  /** Has this ever found none free? It is logged once. */
  readonly hasFoundNone: boolean;
}

/** It is signed with its presignature. */
export interface PresignedState extends Accepted {
  readonly kind: 'presigned';
  readonly presignatureId: string;
}

/** It is signed in full, or waits for its turn. */
export interface FullState extends Accepted {
  readonly kind: 'in_full';
}

/** Too few nodes will sign it. */
export interface FailingState {
  readonly kind: 'failing';
  /** This node's own refusal, signed; null when it would sign. */
  readonly refusal: string | null;
}

export const DECIDING: DecidingState = { kind: 'deciding' };

/** @param refusal the statement by which this node refuses */
export function refused(refusal: string): RefusedState {
  return { kind: 'refused', refusal };
}

/** @param proposal the gateway's @param now monotonic, here and below */
export function accepted(proposal: string | undefined, now: number): WaitingState {
  return searching({ proposal, history: { last: null, suspects: new Set(), idleSince: now } }, now);
}

function searching({ proposal, history }: Accepted, since: number): WaitingState {
  return { kind: 'waiting', proposal, history, since, isForNext: false, hasFoundNone: false };
}

/** It goes on waiting, for the next presignature or for its turn. */
export function waiting(state: WaitingState, isForNext: boolean): WaitingState {
  return { ...state, isForNext, hasFoundNone: state.hasFoundNone || isForNext };
}

export function presigned({ proposal, history }: WaitingState, presignatureId: string): PresignedState {
  return { kind: 'presigned', proposal, history, presignatureId };
}

/** The board or the disk failed meanwhile: the search for a presignature begins again. One that was taken out of the pool is gone. */
export function interrupted(state: WaitingState | PresignedState | FullState, now: number): WaitingState {
  return searching(state, now);
}

export function inFull({ proposal, history }: WaitingState | PresignedState): FullState {
  return { kind: 'in_full', proposal, history };
}

/** Before the first message of an attempt. */
export function attempting(state: FullState, last: Attempt): FullState {
  return { ...state, history: { ...state.history, last } };
}

/** After an attempt, or after a presignature was used in vain. @param silent parties that did not answer, if that was the reason */
export function tried<S extends PresignedState | FullState>(state: S, silent: readonly number[], now: number): S {
  const suspects = silent.length > 0 ? new Set(silent) : state.history.suspects;
  return { ...state, history: { ...state.history, suspects, idleSince: now } };
}

export function failing(state: Exclude<TaskState, DecidingState | FailingState>): FailingState {
  return { kind: 'failing', refusal: state.kind === 'refused' ? state.refusal : null };
}

/** The gateway's proposal; undefined when it has made none, or while that is not known. */
export function proposalOf(state: TaskState): string | undefined {
  return 'proposal' in state ? state.proposal : undefined;
}

/** Does this node, by its own decision, take no part in it? */
export function isRefusal(state: TaskState): boolean {
  return 'refusal' in state && state.refusal !== null;
}

export function isOfKind<K extends TaskKind>(state: TaskState, kind: K): state is StateOf<K> {
  return state.kind === kind;
}
