import type { RequestRecord } from 'message-board/contract';
import { refusalOf } from 'message-board/outcome';
import { REFUSAL } from 'sealing/kinds';
import { sleep } from 'service/clock';
import { ServiceError } from 'service/errors';
import { decide, type Decision } from '../approval/decision.js';
import { nodeId } from '../base/utils.js';
import type { PresignatureMaker } from '../presigning/presignature.js';
import type { Assignments } from './assignments.js';
import type { Attempt } from './attempt.js';
import { FastPlanner } from './fast_plan.js';
import { Outcomes } from './outcomes.js';
import { reportWaiting } from './publication.js';
import { FullSigning } from './signing.js';
import type { SigningDeps } from './signing_deps.js';
import { FastSigning } from './signing_fast.js';
import type { SigningTask } from './signing_task.js';
import type { Suspicion } from './suspicion.js';
import {
  accepted, attemptedBefore, attempting, failed, inFull, interrupted, OVER, presigned, refused, signed, waiting, type FullState,
  type PresignedState, type RefusedState, type SignedState, type WaitingState,
} from './task_state.js';

/** Pause after an interruption. Smaller: the log fills while something is broken. Larger: signatures are late after a short fault. */
const RETRY_MS = 500;
/**
 * A node that signs nothing of a request checks this often what the board has of it; news wakes it earlier. Smaller: needless calls.
 * Larger: a board that has lost a refusal gets it later.
 */
const LOOK_MS = 25_000;
/**
 * Pause after a presignature could not be assigned: none was free after all, or the board has not taken it. Smaller: a board that takes
 * none is called in a tight loop. Larger: a request that lost a race for a presignature waits longer.
 */
const NOT_ASSIGNED_MS = 50;
/** While too few nodes are alive to sign, this node checks this often which are; news wakes it earlier. */
const TOO_FEW_LOOK_MS = 1_000;

/** Without a pool, or for what no presignature may sign, there is nothing to plan. */
const IN_FULL = { kind: 'in_full' } as const;

const isOpen = ({ ended }: SigningTask): boolean => !ended.aborted;

/**
 * Works on pending requests, and is the one writer of their states: fast and full signing return what came of a step, and this decides
 * what that means for the task.
 */
export class SigningWork {
  readonly #planner: FastPlanner;
  readonly #fast: FastSigning;
  readonly #full: FullSigning;
  readonly #outcomes: Outcomes;
  /** Tasks about which this node has said that its clock does not allow them yet. */
  readonly #postponed = new WeakSet<SigningTask>();
  /** All that is under way, also about a task that has ended. */
  readonly #running = new Set<Promise<void>>();

  /** @param tasks all that this node works on */
  constructor(
    private readonly deps: SigningDeps,
    private readonly presignatures: PresignatureMaker,
    private readonly assignments: Assignments,
    suspicion: Suspicion,
    private readonly tasks: () => Iterable<SigningTask>,
  ) {
    this.#planner = new FastPlanner(deps, presignatures, assignments, suspicion);
    this.#fast = new FastSigning(deps, presignatures, assignments, suspicion);
    this.#full = new FullSigning(deps, suspicion, tasks);
    this.#outcomes = new Outcomes(deps);
  }

  /** Works on a task until it has ended. What goes wrong on the way is logged and tried again. */
  start(task: SigningTask): void {
    this.#track(this.#run(task));
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** What the board says of a task's request; undefined when it does not know it. */
  see(task: SigningTask, record: RequestRecord | undefined): void {
    if (task.ended.aborted) return;
    if (record === undefined) {
      // After a restart the board knows only the requests that the gateway posts again.
      task.end('the board does not know it');
      return;
    }
    if (record.id !== task.id) return;
    void this.assignments.note(record, task);
    if (!task.isAbout(record)) {
      task.end('another request has taken its place');
      return;
    }
    // What a step waits for may depend on what has changed. Nothing has when a step has asked for the record itself.
    const isNews = record.status === 'pending' && record.revision !== task.request.revision;
    void this.#learn(task, record).then(() => {
      if (isNews) task.wakeup.notify();
    });
    // Until it is proven that the request is finished, this node goes on with what it knows.
    if (record.status !== 'pending') return;
    task.request = record;
    this.#joinLate(task);
  }

  /** What the board says of a request about which this node does nothing now. */
  async seeLate(record: RequestRecord): Promise<void> {
    if (record.status !== 'pending') await this.#outcomes.learnLate(record);
  }

  #track(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  async #run(task: SigningTask): Promise<void> {
    const { clock, logger } = this.deps;
    while (isOpen(task)) {
      try {
        await this.step(task);
      } catch (error) {
        // Its signing has come to an end, which the next step finds.
        if (!isOpen(task) || (task.signing.aborted && error === task.signing.reason)) continue;
        logger.warn({ event: 'signing_task_failed', request_id: task.id, err: error }, 'Signing was interrupted, trying again');
        await sleep(clock, RETRY_MS, task.signing.aborted ? task.ended : task.signing);
        this.#interrupt(task);
        // The board has rejected a call: perhaps the request has changed, and the news of that has not come yet.
        if (error instanceof ServiceError) await this.#refresh(task).catch(() => undefined);
      }
    }
  }

  /** What was under way for a task has failed, though nobody has refused or closed its request. */
  #interrupt(task: SigningTask): void {
    const { clock } = this.deps;
    this.#keepSigned(task);
    const { state } = task;
    if ('history' in state) task.move(state.kind, () => interrupted(state, clock.monotonic()));
  }

  /** When this node has the signature, whatever the board shows, it is not signed again. */
  #keepSigned(task: SigningTask): void {
    const signature = this.deps.decided.get(task.id)?.signature ?? null;
    if (signature !== null && 'history' in task.state) task.move(task.state.kind, () => signed(signature));
  }

  /** Takes the next step about a task. @throws what interrupts it */
  async step(task: SigningTask): Promise<void> {
    if (task.signing.aborted && ('history' in task.state || task.state.kind === 'deciding')) task.move(task.state.kind, () => OVER);
    const { state } = task;
    switch (state.kind) {
      case 'deciding':
        return this.#decide(task);
      case 'refused':
        return this.#stayOut(task, state);
      case 'waiting':
        return this.#seekPresignature(task, state);
      case 'presigned':
        return this.#usePresignature(task, state);
      case 'in_full':
        return this.#signInFull(task, state);
      case 'signed':
        return this.#publish(task, state);
      case 'over':
        return this.#awaitEnd(task);
    }
  }

  async #decide(task: SigningTask): Promise<void> {
    const { index, seals, demand, clock } = this.deps;
    const { request } = task;
    await this.#learn(task, request);
    if (task.signing.aborted) return;
    // What it has refused in an earlier life stays refused: the others know.
    const code = task.refusals.codeOf(index);
    const decision: Decision = code === undefined ? await decide(this.deps, request) : { kind: 'refused', code };
    switch (decision.kind) {
      case 'accepted':
        task.move('deciding', () => accepted(decision.proposal, clock.monotonic()));
        this.#track(this.#watchExpiry(task, decision.ends));
        demand.used();
        break;
      case 'refused': {
        const refusal = await seals.state(REFUSAL, refusalOf(request, decision.code));
        task.move('deciding', () => refused(refusal));
        break;
      }
      case 'completed':
        task.ends = decision.ends;
        task.move('deciding', () => signed(decision.signature));
        break;
      case 'postponed':
        return this.#postpone(task, decision.until);
    }
    this.assignments.decided(task);
  }

  // ---- signing ----

  async #seekPresignature(task: SigningTask, state: WaitingState): Promise<void> {
    // The new state follows on the plan at once: the next task that is about to be signed in full counts this one.
    const plan = this.presignatures.enabled && task.isPresignable ? this.#planner.plan(task, state, this.tasks()) : IN_FULL;
    switch (plan.kind) {
      case 'in_full':
        this.deps.logger.info({ event: 'no_presignature', request_id: task.id }, 'No presignature available, using full protocol');
        task.move('waiting', (now) => inFull(now, this.deps.clock.monotonic()));
        return;
      case 'use':
        task.move('waiting', (now) => presigned(now, plan.presignatureId));
        return;
      case 'assign': {
        task.move('waiting', (now) => waiting(now, false));
        this.see(task, await this.#fast.assign(task, plan.usable));
        if (task.assigned === undefined) await sleep(this.deps.clock, NOT_ASSIGNED_MS, task.signing);
        return;
      }
      case 'wait':
        if (plan.isForNext && !state.hasFoundNone) {
          const fields = { event: 'waiting_for_presignature', request_id: task.id };
          this.deps.logger.info(fields, 'No presignature is free, waiting for the next one');
        }
        task.move('waiting', (now) => waiting(now, plan.isForNext));
        await task.wakeup.sleep(plan.ms, task.signing);
    }
  }

  async #usePresignature(task: SigningTask, { presignatureId }: PresignedState): Promise<void> {
    await this.#fast.use(task, presignatureId);
    this.#keepSigned(task);
    task.move('presigned', (state) => inFull(state, this.deps.clock.monotonic()));
  }

  /** A node that does not sign a task in full yet has assigned it a presignature. Without this node's half that would be lost. */
  #joinLate(task: SigningTask): void {
    const { assigned, state, signing } = task;
    if (signing.aborted || state.kind !== 'in_full' || assigned === undefined || !this.presignatures.has(assigned)) return;
    const join = async (): Promise<void> => {
      try {
        await this.#fast.use(task, assigned);
      } catch (error) {
        if (signing.aborted) return;
        const fields = { event: 'fast_signing_failed', request_id: task.id, err: error };
        this.deps.logger.warn(fields, 'The fast path failed beside full signing');
      }
    };
    this.#track(join());
  }

  async #signInFull(task: SigningTask, before: FullState): Promise<void> {
    const late = this.presignatures.enabled && task.isPresignable ? this.#planner.late(task, before) : [];
    // It is used beside full signing, by all its makers.
    if (late.length > 0) this.see(task, await this.#fast.assign(task, late));
    const { state } = task;
    if (state.kind !== 'in_full' || task.signing.aborted) return;
    const plan = this.#full.plan(task, state);
    switch (plan.kind) {
      case 'wait':
        await task.wakeup.sleep(plan.ms, task.signing);
        return;
      case 'too_few': {
        const record = await this.#full.reportTooFew(task, plan.missing);
        if (record !== null) this.see(task, record);
        await task.wakeup.sleep(TOO_FEW_LOOK_MS, task.signing);
        return;
      }
      case 'run':
        await this.#full.occupying(task, plan.attempt, () => this.#attempt(task, plan.attempt));
    }
  }

  async #attempt(task: SigningTask, attempt: Attempt): Promise<void> {
    const planned = this.#full.begun(task, attempt);
    // A request that is finished, though the board has not said so, would be tried again and again.
    await this.#refresh(task);
    task.signing.throwIfAborted();
    const begun = this.#full.begun(task, attempt);
    // Another one leads by now.
    if (begun.turn !== planned.turn) return;
    if (!(await this.#full.claim(attempt))) {
      task.move('in_full', (state) => attemptedBefore(state, begun));
      return;
    }
    task.move('in_full', (state) => attempting(state, begun));
    const outcome = await this.#full.run(task, attempt);
    this.#keepSigned(task);
    if (outcome?.isOwnTry === true) task.move('in_full', (state) => failed(state, attempt.signers, this.deps.clock.monotonic()));
  }

  /** Asks the board about a request: it may have kept back the news. */
  async #refresh(task: SigningTask, signal = task.signing): Promise<void> {
    this.see(task, await this.deps.client.getRequest(task.id, { signal }));
  }

  // ---- what is not signed (any more) ----

  /** Takes no part in a request, and says so to the others. */
  async #stayOut(task: SigningTask, { refusal }: RefusedState): Promise<void> {
    const { client, cluster } = this.deps;
    void this.assignments.note(task.request, task);
    // In a plain cluster nobody could tell who says it.
    if (cluster.refusals && task.request.refusals?.includes(refusal) !== true) {
      const posted = client.updateRequest(task.id, { refusal }, task.ended).catch((error: unknown) => {
        if (!(error instanceof ServiceError) || error.code !== 'status_conflict') throw error;
        // Enough others have refused it by now, or it is completed.
        return client.getRequest(task.id, { signal: task.ended });
      });
      this.see(task, await posted);
    }
    await task.wakeup.sleep(LOOK_MS, task.ended);
  }

  /** Puts a signature on the board again: the board has lost it, or has not taken it yet. */
  async #publish(task: SigningTask, { signature }: SignedState): Promise<void> {
    this.see(task, await this.deps.client.updateRequest(task.id, { signature }, task.ended));
    await task.wakeup.sleep(LOOK_MS, task.ended);
  }

  /** The board has yet to call the request finished. */
  async #awaitEnd(task: SigningTask): Promise<void> {
    void this.assignments.note(task.request, task);
    await task.wakeup.sleep(LOOK_MS, task.ended);
    await this.#refresh(task, task.ended);
  }

  /** The clocks of gateway and node differ. It waits until its own allows the request, and says so once. */
  async #postpone(task: SigningTask, until: number): Promise<void> {
    const { index, clock, logger } = this.deps;
    if (!this.#postponed.has(task)) {
      this.#postponed.add(task);
      const fields = { event: 'request_postponed', request_id: task.id, ahead_ms: until - clock.now() };
      logger.warn(fields, 'A request is dated too far ahead: the clocks of gateway and node differ');
      this.see(task, await reportWaiting(this.deps, task.id, `clock_differs: ${nodeId(index)}`, task.ended));
    }
    await task.wakeup.sleep(Math.min(LOOK_MS, until - clock.now()), task.signing);
  }

  /** No share is issued after `ends`, by the wall clock, which may be set meanwhile. */
  async #watchExpiry(task: SigningTask, ends: number): Promise<void> {
    const { clock } = this.deps;
    task.ends = ends;
    while (!task.signing.aborted && !task.hasExpired) await sleep(clock, Math.min(LOOK_MS, ends - clock.now()), task.signing);
    if (!task.signing.aborted) task.giveUpSigning('it has expired');
  }

  /**
   * Learns from a record which nodes refuse its request, and whether it is finished. That ends the task when the board says so too: until
   * then the board would show the request again, and a new task would begin.
   */
  async #learn(task: SigningTask, record: RequestRecord): Promise<void> {
    await task.refusals.learn(record.refusals ?? []);
    try {
      const outcome = await this.#outcomes.learn(record);
      const isFinal = record.status !== 'pending';
      if (outcome !== undefined) task.giveUpSigning(outcome);
      if (isFinal && (outcome !== undefined || task.hasExpired || task.state.kind === 'refused')) task.end(outcome ?? 'it is over');
      else if (isFinal) this.#outcomes.doubt(task, record);
    } catch (error) {
      // It cannot be kept, so the task has to stay.
      task.giveUpSigning('its outcome cannot be kept');
      this.deps.logger.warn({ event: 'outcome_not_kept', request_id: task.id, err: error }, 'The outcome of a request could not be kept');
    }
  }
}
