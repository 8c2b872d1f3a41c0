import type { RequestRecord } from 'message-board/contract';
import { REFUSAL } from 'sealing/kinds';
import { sleep } from 'service/clock';
import { ServiceError } from 'service/errors';
import { decide } from '../approval/decision.js';
import type { PresignatureMaker } from '../presigning/presignature.js';
import type { Assignments } from './assignments.js';
import type { Attempt } from './attempt.js';
import { FastPlanner } from './fast_plan.js';
import { reportStatus } from './publication.js';
import { FullSigning } from './signing.js';
import type { SigningDeps } from './signing_deps.js';
import { FastSigning } from './signing_fast.js';
import type { SigningTask } from './signing_task.js';
import type { Suspicion } from './suspicion.js';
import {
  accepted, attempting, failed, failing, inFull, interrupted, presigned, refused, waiting, type FailingState, type FullState,
  type PresignedState, type RefusedState, type WaitingState,
} from './task_state.js';

/** Pause after an interruption. Smaller: the log fills while something is broken. Larger: signatures are late after a short fault. */
const RETRY_MS = 500;
/** A refusing node checks this often whether the board still has its refusal; news wakes it earlier. */
const REFUSAL_LOOK_MS = 25_000;
/**
 * Pause after a presignature could not be assigned: none was free after all, or the board has not taken it. Smaller: a board that takes
 * none is called in a tight loop. Larger: a request that lost a race for a presignature waits longer.
 */
const NOT_ASSIGNED_MS = 50;
/** While too few nodes are alive to sign, this node checks this often which are; news wakes it earlier. */
const TOO_FEW_LOOK_MS = 1_000;
/** When too few nodes would sign, the other refusing nodes have this long to say so. Smaller: the reason on the board lacks their names. */
const SETTLE_MS = 300;
/** Each live node waits this long for the one before it to say that a request has failed. Smaller: needless calls. Larger: late news. */
const FAIL_PATIENCE_MS = 1_000;

const isOpen = ({ ended }: SigningTask): boolean => !ended.aborted;

/**
 * Works on pending requests, and is the one writer of their states: fast and full signing return what came of a step, and this decides
 * what that means for the task.
 */
export class SigningWork {
  readonly #planner: FastPlanner;
  readonly #fast: FastSigning;
  readonly #full: FullSigning;
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
    if (record.status !== 'pending') task.end('the request is finished');
    else if (!task.isAbout(record)) task.end('another request has taken its place');
    else {
      task.request = record;
      void this.#learnRefusals(task);
      this.#joinLate(task);
    }
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
        // Its signing has come to an end: either the task ends, or the next step is to say that the request has failed.
        if (!isOpen(task) || (task.signing.aborted && error === task.signing.reason)) continue;
        logger.warn({ event: 'signing_task_failed', request_id: task.id, err: error }, 'Signing was interrupted, trying again');
        await sleep(clock, RETRY_MS, task.signing.aborted ? task.ended : task.signing);
        const { state } = task;
        if ('history' in state) task.move(state.kind, () => interrupted(state, clock.monotonic()));
        // The board has rejected a call: perhaps the request has changed, and the news of that has not come yet.
        if (error instanceof ServiceError) await this.#refresh(task).catch(() => undefined);
      }
    }
  }

  /** Takes the next step about a task. @throws what interrupts it */
  async step(task: SigningTask): Promise<void> {
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
      case 'failing':
        return this.#fail(task, state);
    }
  }

  async #decide(task: SigningTask): Promise<void> {
    const { index, seals, demand, clock } = this.deps;
    await task.refusals.learn(task.request.refusals ?? []);
    // What it has refused in an earlier life stays refused: the others know.
    const code = task.refusals.codeOf(index);
    const decision = code === undefined ? await decide(this.deps, task.request) : { refusal: code };
    if (decision.refusal === null) {
      task.move('deciding', () => accepted(decision.proposal, clock.monotonic()));
      demand.used();
    } else {
      const refusal = await seals.state(REFUSAL, { request_id: task.id, code: decision.refusal });
      task.move('deciding', () => refused(refusal));
    }
    this.assignments.decided(task);
    await this.#learnRefusals(task);
  }

  // ---- signing ----

  async #seekPresignature(task: SigningTask, state: WaitingState): Promise<void> {
    if (!this.presignatures.enabled) {
      task.move('waiting', (state) => inFull(state, this.deps.clock.monotonic()));
      return;
    }
    // The new state follows on the plan at once: the next task that is about to be signed in full counts this one.
    const plan = this.#planner.plan(task, state, this.tasks());
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
        this.see(task, await this.#fast.assign(task, plan.signers));
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

  async #signInFull(task: SigningTask, state: FullState): Promise<void> {
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
        await this.#attempt(task, plan.attempt);
    }
  }

  async #attempt(task: SigningTask, attempt: Attempt): Promise<void> {
    // A request that is finished, though the board has not said so, would be tried again and again.
    await this.#refresh(task);
    task.signing.throwIfAborted();
    const begun = this.#full.begun(task, attempt);
    task.move('in_full', (state) => attempting(state, begun));
    const outcome = await this.#full.run(task, attempt);
    if (outcome?.isOwnTry === true) task.move('in_full', (state) => failed(state, attempt.signers, this.deps.clock.monotonic()));
  }

  /** Asks the board about a request: it may have kept back the news. */
  async #refresh(task: SigningTask): Promise<void> {
    this.see(task, await this.deps.client.getRequest(task.id, { signal: task.signing }));
  }

  // ---- refusals ----

  /** Takes no part in a request, and says so to the others. */
  async #stayOut(task: SigningTask, { refusal }: RefusedState): Promise<void> {
    void this.assignments.note(task.request, task);
    await this.#postRefusal(task, refusal);
    await task.wakeup.sleep(REFUSAL_LOOK_MS, task.ended);
  }

  /** Unless the board has it. In a plain cluster nobody could tell who says it. */
  async #postRefusal(task: SigningTask, refusal: string): Promise<void> {
    const { client, cluster } = this.deps;
    if (!cluster.refusals || task.request.refusals?.includes(refusal) === true) return;
    this.see(task, await client.updateRequest(task.id, { refusal }, task.ended));
  }

  /** Verifies what the board says of refusals. When too few nodes are left to sign, the request begins to fail. */
  async #learnRefusals(task: SigningTask): Promise<void> {
    const { n, t } = this.deps;
    await task.refusals.learn(task.request.refusals ?? []);
    const { state } = task;
    if (n - task.refusals.parties.size < t && state.kind !== 'deciding' && state.kind !== 'failing') {
      task.move(state.kind, () => failing(state));
      task.giveUpSigning();
    }
    // What a step waits for may depend on a node that has now refused.
    task.wakeup.notify();
  }

  /** The lowest live node says on the board that a request has failed, and why; the next ones if it does not. */
  async #fail(task: SigningTask, { refusal }: FailingState): Promise<void> {
    const { index, presence, clock } = this.deps;
    const before = presence.peers().filter((peer) => peer.live && peer.index < index).length;
    for (let pause = SETTLE_MS + before * FAIL_PATIENCE_MS; isOpen(task); pause = FAIL_PATIENCE_MS) {
      // A board that does not take the refusal must not keep the request from failing.
      if (refusal !== null) await this.#postRefusal(task, refusal).catch(() => undefined);
      await sleep(clock, pause, task.ended);
      if (isOpen(task)) await this.#reportFailure(task);
    }
  }

  /** The board's news of it ends the task. */
  async #reportFailure(task: SigningTask): Promise<void> {
    const reason = task.refusals.reason();
    try {
      this.see(task, await reportStatus(this.deps, task.id, 'failed', reason, task.ended));
      const fields = { event: 'request_failed', request_id: task.id, reason };
      this.deps.logger.warn(fields, 'Too few nodes would sign a request: it has failed');
    } catch (error) {
      // It is finished, or the board does not know it any more.
      if (error instanceof ServiceError && (error.status === 404 || error.status === 409)) task.end(error.code);
    }
  }
}
