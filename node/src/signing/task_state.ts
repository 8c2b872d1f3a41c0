/**
 * How far this node is with a pending request.
 *
 *     deciding ─┬─> refused
 *               ├─> signed <───────────────────────────┐
 *               └─> waiting ──> presigned ──> in_full ─┴─> over
 *
 * Without a presignature `in_full` follows on `waiting`. After an interruption, `waiting` follows on `presigned` and `in_full`, or `signed`
 * when this node has the signature. `over` may follow on any state in which this node would sign, and on `deciding`. The functions below
 * are the only transitions, and `SigningWork` alone makes them. A task ends, in any state, when the board has finished its request and
 * proves that.
 */
import { signersLabel } from '../base/utils.js';
import { NOTHING_TRIED, type BegunAttempt, type SigningHistory } from './signing_plan.js';

export type TaskState = DecidingState | RefusedState | WaitingState | PresignedState | FullState | SignedState | OverState;
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
  /** When it came to this state, on the monotonic clock. */
  readonly began: number;
  /** Since when it has waited for this node to lead it: since it came to this state, or since this node's last try failed. */
  readonly since: number;
}

/** This node has its signature, and publishes that. */
export interface SignedState {
  readonly kind: 'signed';
  /** In the board's form. */
  readonly signature: string;
}

/** No share of it is issued any more: it has failed, or has expired by the clock of this node. */
export interface OverState {
  readonly kind: 'over';
}

export const DECIDING: DecidingState = { kind: 'deciding' };
export const OVER: OverState = { kind: 'over' };

/** @param refusal the statement by which this node refuses */
export function refused(refusal: string): RefusedState {
  return { kind: 'refused', refusal };
}

/** @param signature in the board's form */
export function signed(signature: string): SignedState {
  return { kind: 'signed', signature };
}

/** @param proposal the gateway's @param now monotonic, here and below */
export function accepted(proposal: string | undefined, now: number): WaitingState {
  return searching({ proposal, history: NOTHING_TRIED }, now);
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

export function inFull({ proposal, history }: WaitingState | PresignedState, now: number): FullState {
  return { kind: 'in_full', proposal, history, began: now, since: now };
}

/** Before the first message of an attempt. */
export function attempting(state: FullState, attempt: BegunAttempt): FullState {
  const { turn } = attempt;
  const { history } = attemptedBefore(state, attempt);
  const attempts = history.begun.turn === turn ? history.begun.attempts + 1 : 1;
  return { ...state, history: { ...history, begun: { turn, attempts } } };
}

/** This node has run this attempt in an earlier life. */
export function attemptedBefore(state: FullState, { attempt: { number }, leader }: BegunAttempt): FullState {
  const { lastOf } = state.history;
  const last = Math.max(number, lastOf.get(leader) ?? 0);
  return { ...state, history: { ...state.history, lastOf: new Map([...lastOf, [leader, last]]) } };
}

/** This node's own try with these signers has failed. */
export function failed(state: FullState, signers: readonly number[], now: number): FullState {
  const failedAt = new Map([...state.history.failedAt, [signersLabel(signers), now]]);
  return { ...state, since: now, history: { ...state.history, failedAt } };
}

/** The gateway's proposal; undefined when it has made none, or while that is not known. */
export function proposalOf(state: TaskState): string | undefined {
  return 'proposal' in state ? state.proposal : undefined;
}

/** Does this node use no presignature for it? */
export function needsNoPresignature({ kind }: TaskState): boolean {
  return kind === 'refused' || kind === 'signed' || kind === 'over';
}

export function isOfKind<K extends TaskKind>(state: TaskState, kind: K): state is StateOf<K> {
  return state.kind === kind;
}
