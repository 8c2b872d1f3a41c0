import { ServiceError } from 'service/errors';
import type { RequestRecord } from 'message-board/contract';
import { REFUSAL } from 'sealing/kinds';
import { sleep } from 'service/clock';
import type { NodeContext } from '../context.js';
import { decide } from '../approval/decision.js';
import { PresignatureMaker } from '../presigning/presignature.js';
import { keepReading, untilAnswered } from '../cluster/reading.js';
import { FullSigning } from './signing.js';
import { FastSigning } from './signing_fast.js';
import { reportStatus, SigningTask, wake } from './signing_task.js';

/** Pause before a task that was interrupted goes on, ms. */
const RETRY_MS = 500;
/** How often a refusing node looks whether the board still has its refusal, ms; news wakes it earlier. */
const REFUSAL_LOOK_MS = 25_000;
/** How often those that are pending are read again, ms, for what the board once kept back; one answer of it at a time. */
const AGAIN_MS = 10_000;

/** When too few nodes would sign, others that refuse too have so long to say so, and each live node waits so long for the one before it to say what follows, ms. */
const SETTLE_MS = 300;
const FAIL_PATIENCE_MS = 1_000;

/**
 * Signs what is asked: one task for each pending request, on the fast path when there is a presignature, else in full. What
 * this node does not sign, by its own judgement, it refuses.
 */
class SigningCoordinator {
  readonly #tasks = new Map<string, SigningTask>();
  /** What goes on about any of them, also one that is no longer of interest. */
  readonly #work = new Set<Promise<void>>();
  readonly #presignatures: PresignatureMaker;
  readonly #fast: FastSigning;
  readonly #full: FullSigning;
  /** When pending requests are read again, by performance.now(), and after which revision. */
  #again = { at: performance.now() + AGAIN_MS, after: '0' };

  /** @param life ends with the node */
  constructor(
    private readonly context: NodeContext,
    private readonly life: AbortSignal,
  ) {
    const inFull = (): number => [...this.#tasks.values()].filter((task) => task.inFull).length;
    this.#presignatures = new PresignatureMaker(context, () => inFull() > 0, () => { wake(this.#tasks.values()); });
    this.#fast = new FastSigning(context, this.#presignatures, inFull);
    this.#full = new FullSigning(context, (task) => this.#refresh(task));
  }

  /** Fills the pool and follows the board's requests until the node ends; then nothing of it goes on. */
  async run(): Promise<void> {
    const { life } = this;
    const { logger, presence } = this.context;
    await untilAnswered(this.context, 'presignature_requests', life, () => this.#presignatures.prepare(life));
    // Unless its files turned out to be of another key than the others'.
    if (presence.status.stage !== 'refusing') presence.update({ stage: 'ready' });
    const filling = this.#presignatures.run(life);
    logger.info({ event: 'signing_loop_started' }, 'Main signing loop started');
    await Promise.all([filling, this.#followRequests()]);
    // All of it is aborted by now, and has the last word in the audit log.
    await Promise.all(this.#work);
  }

  async #followRequests(): Promise<void> {
    const { life } = this;
    const { client, presence } = this.context;
    const unsubscribe = presence.onChange(() => { wake(this.#tasks.values()); });
    try {
      await keepReading(this.context, 'requests', life, async (changedAfter = '0') => {
        const records = await client.listRequests({ changedAfter, wait: 25_000, signal: life });
        for (const record of records) this.#see(record);
        await this.#readAgain();
        return records.at(-1)?.revision ?? changedAfter;
      });
    } finally {
      unsubscribe();
      for (const task of this.#tasks.values()) task.controller.abort(life.reason);
    }
  }

  async #readAgain(): Promise<void> {
    const { at, after } = this.#again;
    if (performance.now() < at) return;
    const records = await this.context.client.listRequests({ status: 'pending', changedAfter: after, signal: this.life });
    for (const record of records) this.#see(record);
    this.#again = { at: performance.now() + AGAIN_MS, after: records.at(-1)?.revision ?? '0' };
  }

  /** Asks the board how far a request is, of which it may have kept back the news. */
  async #refresh(task: SigningTask): Promise<void> {
    const record = await this.context.client.getRequest(task.id, { signal: task.controller.signal });
    // After a restart the board knows only the requests that the gateway posts again.
    if (record === undefined) this.#forget(task.id, 'the board does not know it');
    else this.#hear(task, record);
  }

  /** What the board has answered of a request. */
  #hear(task: SigningTask, record: RequestRecord): void {
    if (record.id === task.id && this.#isOpen(task)) this.#see(record);
  }

  #see(record: RequestRecord): void {
    const task = this.#tasks.get(record.id);
    const isPending = record.status === 'pending';
    void this.#fast.setAside(record, isPending && typeof task?.verdict !== 'string', task);
    if (!isPending) {
      this.#forget(record.id, 'the request is finished');
    } else if (task?.isAbout(record) === true) {
      task.request = record;
      void this.#learnRefusals(task);
      this.#fast.joinLate(task);
    } else {
      this.#forget(record.id, 'another request has taken its place');
      this.#start(new SigningTask(this.context, record));
    }
  }

  #start(task: SigningTask): void {
    // What the board answers last ends nothing any more, and begins nothing.
    if (this.life.aborted) return;
    this.#tasks.set(task.id, task);
    const work = this.#finish(task);
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }

  #forget(id: string, why: string): void {
    this.#tasks.get(id)?.controller.abort(new DOMException(why, 'AbortError'));
    this.#tasks.delete(id);
  }

  #isOpen(task: SigningTask): boolean {
    return this.#tasks.get(task.id) === task;
  }

  /** Works on a task until it is finished; what goes wrong on the way is logged and tried again. */
  async #finish(task: SigningTask): Promise<void> {
    const { signal } = task.controller;
    while (!signal.aborted && this.#isOpen(task)) {
      try {
        await this.#workOn(task);
      } catch (error) {
        if (error === signal.reason || !this.#isOpen(task)) return;
        this.context.logger.warn({ event: 'signing_task_failed', request_id: task.id, err: error }, 'Signing was interrupted, trying again');
        await sleep(this.context.clock, RETRY_MS, signal);
        // The board's no may be news that it has not told otherwise.
        if (error instanceof ServiceError) await this.#refresh(task).catch(() => undefined);
      }
    }
  }

  async #workOn(task: SigningTask): Promise<void> {
    const { signal } = task.controller;
    await task.refusals.learn(task.request.refusals ?? []);
    // What it has refused in an earlier life stays refused: the others know.
    if (task.verdict === undefined) {
      const code = task.refusals.codeOf(this.context.index);
      const decision = code === undefined ? await decide(this.context, task.request) : { refusal: code };
      task.verdict = decision.refusal;
      if (decision.refusal === null) task.proposal = decision.proposal;
      this.#fast.judged(task);
      if (task.verdict === null) this.context.demand.used();
    }
    if (task.verdict !== null) await this.#stayOut(task, task.verdict);
    await this.#learnRefusals(task);
    if (this.#presignatures.enabled && !signal.aborted) await this.#fast.run(task);
    task.inFull = true;
    while (!signal.aborted) await this.#full.step(task);
  }

  // ---- refusals ----

  /** Takes no part in a request until it is finished, and says so to the others. In a plain cluster nobody could tell who says it. */
  async #stayOut(task: SigningTask, code: string): Promise<void> {
    const { client, seals } = this.context;
    const { signal } = task.controller;
    const refusal = await seals.state(REFUSAL, { request_id: task.id, code });
    void this.#learnRefusals(task);
    while (!signal.aborted) {
      void this.#fast.setAside(task.request, false, task);
      const isKnown = task.request.refusals?.includes(refusal) === true;
      if (seals.sealed && !isKnown) this.#hear(task, await client.updateRequest(task.id, { refusal }, signal));
      await task.wakeup.sleep(REFUSAL_LOOK_MS, signal);
    }
  }

  /** Verifies what the board says of refusals. When too few are left to sign, work on the request ends. */
  async #learnRefusals(task: SigningTask): Promise<void> {
    const { n, t } = this.context;
    await task.refusals.learn(task.request.refusals ?? []);
    // Who waits for something may have to do without it, or with another one.
    task.wakeup.notify();
    if (n - task.refusals.parties.size >= t || task.isFailing) return;
    task.isFailing = true;
    if (task.verdict === null) task.controller.abort(new DOMException('too few nodes would sign it', 'AbortError'));
    await this.#fail(task);
  }

  /** The lowest live node says on the board that a request has failed, and why; the next ones if it does not. */
  async #fail(task: SigningTask): Promise<void> {
    const { index, presence, logger } = this.context;
    const before = presence.peers().filter((peer) => peer.live && peer.index < index).length;
    await sleep(this.context.clock, SETTLE_MS + before * FAIL_PATIENCE_MS, this.life);
    while (!this.life.aborted && this.#isOpen(task)) {
      try {
        const reason = task.refusals.reason();
        this.#hear(task, await reportStatus(this.context, task.id, 'failed', reason, this.life));
        logger.warn({ event: 'request_failed', request_id: task.id, reason }, 'Too few nodes would sign a request: it has failed');
      } catch (error) {
        // It is finished, or the board knows it no more.
        if (error instanceof ServiceError && (error.status === 404 || error.status === 409)) this.#forget(task.id, error.code);
      }
      // The board's news of it ends this.
      await sleep(this.context.clock, FAIL_PATIENCE_MS, this.life);
    }
  }
}

/** Signs what is asked, and fills the pool, until the signal aborts. The node's life after its key share is complete. */
export async function runSigning(context: NodeContext, signal: AbortSignal): Promise<void> {
  await new SigningCoordinator(context, signal).run();
}
