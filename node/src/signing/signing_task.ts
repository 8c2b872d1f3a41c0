import { isSamePayload, type RequestRecord } from 'message-board/contract';
import { isPresignable } from 'message-board/payload';
import type { Clock } from 'service/clock';
import { Wakeup } from '../base/wakeup.js';
import { BATCH } from '../workers/batch.js';
import { Refusals, type RefusalsDeps } from './refusals.js';
import { DECIDING, isOfKind, proposalOf, type StateOf, type TaskKind, type TaskState } from './task_state.js';

/**
 * One piece of news wakes at most this many of the tasks that wait for a presignature: as many as two batches serve. Smaller: presignatures
 * stay in the pool although requests wait. Larger: more CPU time, ten times a second; to wake a thousand takes 20 ms.
 */
const MAX_WOKEN = 2 * BATCH;

/**
 * Two monotonic clocks may differ by this part of the time that passes. Smaller: the age of a request drifts away from what the board
 * says. Larger: answers that come late count for more.
 */
const RATE_ERROR = 0.01;

export interface SigningTaskDeps extends RefusalsDeps {
  readonly clock: Clock;
}

/** A pending request, and how far this node is with it. */
export class SigningTask {
  readonly wakeup: Wakeup;
  readonly refusals: Refusals;
  #state: TaskState = DECIDING;
  #request: RequestRecord;
  #acceptedAt: number;
  /** When the board last said how old it is, on the monotonic clock. */
  #readAt: number;
  readonly #ended = new AbortController();
  readonly #signing = new AbortController();
  readonly #clock: Clock;
  /** No share is issued after this, on the wall clock. `SigningWork` alone sets it, when this node has decided to sign the request. */
  ends = Infinity;

  constructor(
    private readonly deps: SigningTaskDeps,
    request: RequestRecord,
  ) {
    this.#request = request;
    this.#readAt = deps.clock.monotonic();
    this.#acceptedAt = this.#readAt - request.age_ms;
    this.refusals = new Refusals(deps, request);
    this.wakeup = new Wakeup(deps.clock);
    this.#clock = deps.clock;
  }

  get state(): TaskState {
    return this.#state;
  }

  /** Changes the state, if it is still of this kind. Called by `SigningWork` alone. @param next a transition of task_state.ts */
  move<K extends TaskKind>(kind: K, next: (state: StateOf<K>) => TaskState): void {
    const state = this.#state;
    if (isOfKind(state, kind)) this.#state = next(state);
  }

  /** What the board says of it now. What was asked for never changes: this node has decided about that. */
  get request(): RequestRecord {
    return this.#request;
  }

  /** @param record as the board has just answered it */
  set request(record: RequestRecord) {
    if (record === this.#request || !this.isAbout(record)) return;
    const isInOneLife = record.created_at === this.#request.created_at;
    this.#request = record;
    const now = this.deps.clock.monotonic();
    const acceptedAt = now - record.age_ms;
    // The longer an answer was under way, the younger it makes the request.
    this.#acceptedAt = isInOneLife ? Math.min(acceptedAt, this.#acceptedAt + RATE_ERROR * (now - this.#readAt)) : acceptedAt;
    this.#readAt = now;
  }

  /** When the board took it, on the monotonic clock. After a restart of the board that is when it was posted again. */
  get acceptedAt(): number {
    return this.#acceptedAt;
  }

  /** Is this the same request? The board may show another one under its id. */
  isAbout(record: RequestRecord): boolean {
    return record.id === this.#request.id && isSamePayload(record, this.#request) && record.origin === this.#request.origin;
  }

  get id(): string {
    return this.request.id;
  }

  get order(): string {
    return orderOf(this.request);
  }

  /** May a presignature sign it? */
  get isPresignable(): boolean {
    return isPresignable(this.#request);
  }

  /**
   * The presignature that is assigned to it: the gateway's proposal, else the one that the board shows, if there is any. None counts for a
   * digest, whoever assigns it.
   */
  get assigned(): string | undefined {
    if (!this.isPresignable) return undefined;
    return proposalOf(this.#state) ?? this.#request.presignature_id;
  }

  /** Aborts when the request is finished, or is not this node's concern any more. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Aborts when there is no use in signing it any more. */
  get signing(): AbortSignal {
    return this.#signing.signal;
  }

  /** @param why for people */
  end(why: string): void {
    const reason = new DOMException(why, 'AbortError');
    this.#ended.abort(reason);
    this.#signing.abort(reason);
  }

  /** No share of it is issued any more. @param why for people */
  giveUpSigning(why: string): void {
    if (this.#signing.signal.aborted) return;
    this.#signing.abort(new DOMException(why, 'AbortError'));
    this.wakeup.notify();
  }

  /** Has it expired by the clock of this node? */
  get hasExpired(): boolean {
    return this.#clock.now() >= this.ends;
  }

  /** Called at the last moment before a share leaves this node. @throws why no share may leave any more */
  checkMayIssue(): void {
    if (this.hasExpired) this.giveUpSigning('it has expired');
    this.signing.throwIfAborted();
  }
}

/**
 * Tells tasks, the oldest first, that there is news. Of those that wait for the next presignature only some are told; the others look
 * now and then.
 */
export function wake(tasks: Iterable<SigningTask>): void {
  let waiting = 0;
  for (const { state, wakeup } of tasks) {
    const isForNext = state.kind === 'waiting' && state.isForNext;
    if (isForNext) waiting += 1;
    if (!isForNext || waiting <= MAX_WOKEN) wakeup.notify();
  }
}

/** All nodes order requests by this text, the oldest first. */
export function orderOf({ created_at, id }: RequestRecord): string {
  return `${created_at} ${id}`;
}
