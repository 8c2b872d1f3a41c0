import { ServiceError } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import type { NodeContext } from './context.js';
import { PresignatureMaker } from './presignature.js';
import { keepReading, sleepUntilAborted, untilAnswered } from './reading.js';
import { FullSigning } from './signing.js';
import { FastSigning } from './signing_fast.js';
import { SigningTask } from './signing_task.js';
import { nodeId } from './utils.js';

/** Pause before a task that was interrupted goes on, ms. */
const RETRY_MS = 500;

/** Signs what is asked: one task for each pending request, on the fast path when there is a presignature, else in full. */
class SigningCoordinator {
  readonly #tasks = new Map<string, SigningTask>();
  readonly #presignatures: PresignatureMaker;
  readonly #fast: FastSigning;
  readonly #full: FullSigning;

  constructor(private readonly context: NodeContext) {
    this.#presignatures = new PresignatureMaker(context, () => [...this.#tasks.values()].some((task) => task.inFull));
    this.#fast = new FastSigning(context, this.#presignatures);
    this.#full = new FullSigning(context);
  }

  /** Fills the pool and follows the board's requests until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, presence } = this.context;
    await untilAnswered(this.context, 'presignature_requests', signal, () => this.#presignatures.prepare(signal));
    // Unless its files turned out to be of another key than the others'.
    if (presence.status.stage !== 'refusing') presence.update({ stage: 'ready' });
    const filling = this.#presignatures.run(signal);
    logger.info({ event: 'signing_loop_started' }, 'Main signing loop started');
    await Promise.all([filling, this.#followRequests(signal)]);
  }

  async #followRequests(signal: AbortSignal): Promise<void> {
    const { client, presence } = this.context;
    const unsubscribe = presence.onChange(() => {
      for (const task of this.#tasks.values()) task.wakeup.notify();
    });
    try {
      await keepReading(this.context, 'requests', signal, async (changedAfter = '0') => {
        const records = await client.listRequests({ changedAfter, wait: 25_000, signal });
        for (const record of records) this.#see(record);
        return records.at(-1)?.revision ?? changedAfter;
      });
    } finally {
      unsubscribe();
      for (const task of this.#tasks.values()) task.controller.abort(signal.reason);
    }
  }

  #see(record: RequestRecord): void {
    void this.#fast.setAside(record);
    const task = this.#tasks.get(record.id);
    if (record.status !== 'pending') {
      task?.controller.abort(new DOMException('the request is finished', 'AbortError'));
      this.#tasks.delete(record.id);
    } else if (task !== undefined) {
      task.request = record;
      task.wakeup.notify();
      this.#fast.joinLate(task);
    } else {
      this.#start(new SigningTask(record));
    }
  }

  #start(task: SigningTask): void {
    this.#tasks.set(task.id, task);
    void this.#finish(task);
  }

  /** Works on a task until it is finished; what goes wrong on the way is logged and tried again. */
  async #finish(task: SigningTask): Promise<void> {
    const { signal } = task.controller;
    while (!signal.aborted && this.#tasks.has(task.id)) {
      try {
        await this.#work(task);
      } catch (error) {
        if (error === signal.reason || !this.#tasks.has(task.id)) return;
        this.context.logger.warn({ event: 'signing_task_failed', request_id: task.id, err: error }, 'Signing was interrupted, trying again');
        // After a restart the board knows only the requests that the gateway posts again.
        if (error instanceof ServiceError && error.status === 404) this.#tasks.delete(task.id);
        await sleepUntilAborted(RETRY_MS, signal);
      }
    }
  }

  async #work(task: SigningTask): Promise<void> {
    if (!task.id.startsWith('req_') || task.request.message === '') {
      await this.#refuse(task);
      return;
    }
    if (this.#presignatures.enabled) await this.#fast.run(task);
    task.inFull = true;
    while (!task.controller.signal.aborted) await this.#full.step(task);
  }

  async #refuse(task: SigningTask): Promise<void> {
    const { client, config, index, logger } = this.context;
    this.#tasks.delete(task.id);
    logger.warn({ event: 'request_refused', request_id: task.id }, 'Not a signing request of the gateway: refused');
    // Rust peers sign under any id.
    if (!config.rustInterop) await client.updateRequest(task.id, { status: 'failed', reason: `not_a_signing_request: ${nodeId(index)}` }, task.controller.signal);
  }
}

/** Signs what is asked, and fills the pool, until the signal aborts. The node's life after its key share is complete. */
export async function runSigning(context: NodeContext, signal: AbortSignal): Promise<void> {
  await new SigningCoordinator(context).run(signal);
}
