import type { Signature } from 'cggmp24';
import { ServiceError } from 'message-board/client';
import { formatSignature, type RequestRecord } from 'message-board/contract';
import { attemptId, isLater, type Attempt } from './attempt.js';
import type { NodeContext } from './context.js';
import { SessionTimeout } from './errors.js';
import { OrderedSlots } from './ordered_slots.js';
import { PresignatureMaker } from './presignature.js';
import { keepReading, sleepUntilAborted } from './reading.js';
import { Announcements, announcedAttempts, planAttempt, runAttempt } from './signing.js';
import { signFast } from './signing_fast.js';
import { nodeId, nodeIndex, signerSets, signersLabel } from './utils.js';
import { Wakeup } from './wakeup.js';

/** Full signings under way at a time; each costs every signer seconds of CPU. */
const FULL_SIGNINGS = 4;
/** A participant waits this long, times its place among them, before it names a presignature in the first one's stead. */
const NAMING_PATIENCE_MS = 1_000;
/** Signers submit the same signature in turn, should the first one die with it. */
const SUBMIT_PATIENCE_MS = 1_000;
const RETRY_MS = 500;

/** The one request that a task works on, and why the task may stop. */
class Task {
  readonly wakeup = new Wakeup();
  readonly controller = new AbortController();
  /** Is it being signed in full, or waiting for its turn? */
  inFull = false;
  last: Attempt | null = null;
  suspects: ReadonlySet<number> = new Set();
  idleSince = performance.now();

  constructor(public request: RequestRecord) {}

  get id(): string {
    return this.request.id;
  }

  /** Oldest first, the same at all nodes. */
  get order(): string {
    return `${this.request.created_at} ${this.id}`;
  }
}

/** Signs what is asked: one task for each pending request, on the fast path when there is a presignature, else in full. */
class SigningCoordinator {
  readonly #tasks = new Map<string, Task>();
  readonly #slots = new OrderedSlots(FULL_SIGNINGS);
  readonly #announcements: Announcements;

  readonly #presignatures: PresignatureMaker;

  constructor(private readonly context: NodeContext) {
    this.#announcements = new Announcements(context);
    this.#presignatures = new PresignatureMaker(context, () => [...this.#tasks.values()].some((task) => task.inFull));
  }

  /** Fills the pool and follows the board's requests until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.context;
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
    if (record.presignature_id !== undefined) this.#presignatures.pool.setAside(record.presignature_id);
    const task = this.#tasks.get(record.id);
    if (record.status !== 'pending') {
      task?.controller.abort(new DOMException('the request is finished', 'AbortError'));
      this.#tasks.delete(record.id);
    } else if (task !== undefined) {
      task.request = record;
      task.wakeup.notify();
      this.#joinLate(task);
    } else {
      this.#start(new Task(record));
    }
  }

  /** This node went on to full signing, but another one still knew of a presignature: without this half it would be wasted. */
  #joinLate(task: Task): void {
    const named = task.request.presignature_id;
    if (!task.inFull || named === undefined || !this.#presignatures.pool.has(named)) return;
    this.#useNamed(task, named).catch((error: unknown) => {
      if (task.controller.signal.aborted) return;
      this.context.logger.warn({ event: 'fast_signing_failed', request_id: task.id, err: error }, 'The fast path failed beside full signing');
    });
  }

  #start(task: Task): void {
    this.#tasks.set(task.id, task);
    void this.#finish(task);
  }

  /** Works on a task until it is finished; what goes wrong on the way is logged and tried again. */
  async #finish(task: Task): Promise<void> {
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

  async #work(task: Task): Promise<void> {
    if (!task.id.startsWith('req_') || task.request.message === '') {
      await this.#refuse(task);
      return;
    }
    if (this.#presignatures.enabled) await this.#signWithPresignature(task);
    task.inFull = true;
    while (!task.controller.signal.aborted) await this.#signInFull(task);
  }

  async #refuse(task: Task): Promise<void> {
    const { client, config, index, logger } = this.context;
    this.#tasks.delete(task.id);
    logger.warn({ event: 'request_refused', request_id: task.id }, 'Not a signing request of the gateway: refused');
    // Rust peers sign under any id.
    if (!config.rustInterop) await client.updateRequest(task.id, { status: 'failed', reason: `not_a_signing_request: ${nodeId(index)}` }, task.controller.signal);
  }

  // ---- fast path ----

  /** Returns when the fast path has failed or there is none; the task's signal aborts once the request is completed. */
  async #signWithPresignature(task: Task): Promise<void> {
    const { index, logger } = this.context;
    const { signal } = task.controller;
    const since = performance.now();
    while (!signal.aborted) {
      const named = task.request.presignature_id;
      if (named !== undefined) {
        await this.#useNamed(task, named);
        return;
      }
      const signers = this.#presignedSet(task.id);
      const place = signers?.indexOf(index) ?? -1;
      const patience = signers === null ? 0 : since + (place < 0 ? signers.length : place) * NAMING_PATIENCE_MS - performance.now();
      if (signers === null || (patience <= 0 && place < 0)) {
        logger.info({ event: 'no_presignature', request_id: task.id }, 'No presignature available, using full protocol');
        return;
      }
      if (patience <= 0) await this.#name(task, signers);
      else await task.wakeup.sleep(patience, signal);
    }
  }

  /** The first signer set, in the request's order, whose members are all live and whose first member has a presignature. */
  #presignedSet(requestId: string): number[] | null {
    const { index, n, t, presence } = this.context;
    const live = (party: number): boolean => party === index || presence.isLive(party);
    const has = (party: number, label: string): boolean => {
      const counts = party === index ? this.#presignatures.pool.counts() : presence.peers().find((peer) => peer.index === party)?.status?.pool;
      return (counts?.[label] ?? 0) > 0;
    };
    return signerSets(requestId, n, t).find((set) => set.every(live) && has(set[0] ?? -1, signersLabel(set))) ?? null;
  }

  async #name(task: Task, signers: readonly number[]): Promise<void> {
    const { client } = this.context;
    const { pool } = this.#presignatures;
    const id = pool.reserve(signers);
    if (id === null) {
      // The first member's count was news of a moment ago: what it had is named for other requests by now.
      await task.wakeup.sleep(50, task.controller.signal);
      return;
    }
    try {
      task.request = await client.updateRequest(task.id, { presignature_id: id }, task.controller.signal);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      // Another one was named first, or the request is finished: what the board has decides.
      const record = await client.getRequest(task.id, { signal: task.controller.signal });
      if (record !== undefined) task.request = record;
    } finally {
      if (task.request.presignature_id !== id) pool.release(id);
    }
  }

  async #useNamed(task: Task, presignatureId: string): Promise<void> {
    const { context } = this;
    const { signal } = task.controller;
    const started = performance.now();
    const stored = await this.#presignatures.take(presignatureId, context.config.fastSigningTimeoutMs, signal);
    const fields = { request_id: task.id, presignature_id: presignatureId };
    if (stored === null) {
      context.logger.info({ event: 'presignature_declined', ...fields }, 'Not a holder of the named presignature');
      // Whoever holds it may finish; if not, everybody goes on to full signing at about the same time.
      await sleepUntilAborted(context.config.fastSigningTimeoutMs, signal);
      return;
    }
    context.logger.info({ event: 'presignature_used', ...fields, signers: signersLabel(stored.participants), pool_size: this.#presignatures.pool.size }, 'Using presignature from pool');
    const outcome = await signFast(context, task.request, stored, signal);
    if (outcome.kind === 'signed') {
      await this.#submit(task, outcome.signature, stored.participants, { path: 'fast', ms: Math.round(performance.now() - started) });
      return;
    }
    task.suspects = new Set(outcome.missing);
    task.idleSince = performance.now();
    context.logger.warn({ event: 'fast_signing_timeout', ...fields, missing: outcome.missing.map(nodeId) }, 'Signers silent, using full protocol');
  }

  // ---- full signing ----

  async #signInFull(task: Task): Promise<void> {
    const { signal } = task.controller;
    const { id: requestId, last, suspects, idleSince } = task;
    const plan = planAttempt(this.context, { requestId, last, suspects, idleSince }, performance.now());
    switch (plan.kind) {
      case 'wait':
        await task.wakeup.sleep(plan.ms, signal);
        return;
      case 'too_few':
        await this.#reportTooFew(task, plan.missing);
        await task.wakeup.sleep(1_000, signal);
        return;
      case 'run':
        await this.#slots.run(task.order, signal, () => this.#attempt(task, plan.attempt));
    }
  }

  async #attempt(task: Task, attempt: Attempt): Promise<void> {
    const { context } = this;
    // While this waited for its slot the others may have gone on.
    if (announcedAttempts(context, task.id).some((other) => isLater(other, attempt))) return;
    task.last = attempt;
    if (!(await context.journal.claim(attemptId(attempt)))) return;
    const started = performance.now();
    const superseded = new AbortController();
    const unsubscribe = context.presence.onChange(() => {
      const later = announcedAttempts(context, task.id).some((other) => isLater(other, attempt) && other.signers.some((party) => attempt.signers.includes(party)));
      if (later) superseded.abort(new DOMException('a later attempt is under way', 'AbortError'));
    });
    try {
      const signal = AbortSignal.any([task.controller.signal, superseded.signal]);
      const signature = await this.#announcements.during(attempt, () => runAttempt(context, attempt, task.request.message, signal));
      await this.#submit(task, signature, attempt.signers, { path: 'full', ms: Math.round(performance.now() - started) });
    } catch (error) {
      if (task.controller.signal.aborted) throw error;
      if (error instanceof SessionTimeout) task.suspects = new Set(error.missing.flatMap((id) => nodeIndex(id, context.n) ?? []));
      context.logger.warn({ event: 'full_signing_failed', request_id: task.id, attempt: attempt.number, err: error }, 'Full signing failed, trying again');
    } finally {
      unsubscribe();
      task.idleSince = performance.now();
    }
  }

  // ---- results ----

  async #submit(task: Task, signature: Signature, signers: readonly number[], fields: { path: 'fast' | 'full'; ms: number }): Promise<void> {
    const { client, index, logger } = this.context;
    const { signal } = task.controller;
    logger.info({ event: 'signature_generated', request_id: task.id, signers: signersLabel(signers), ...fields }, 'signature generated');
    await sleepUntilAborted(signers.indexOf(index) * SUBMIT_PATIENCE_MS, signal);
    await client.updateRequest(task.id, { signature: formatSignature(signature) }, signal);
    logger.info({ event: 'signature_submitted', request_id: task.id }, 'Signature submitted');
    // The board's news of it ends the task.
    await sleepUntilAborted(SUBMIT_PATIENCE_MS, signal);
  }

  /** Says on the request what it waits for; the lowest live node does. */
  async #reportTooFew(task: Task, missing: readonly number[]): Promise<void> {
    const { client, index, logger, presence } = this.context;
    const reason = `not_enough_signers: ${missing.map(nodeId).join(', ')}`;
    if (task.request.reason === reason || presence.peers().some((peer) => peer.live && peer.index < index)) return;
    logger.warn({ event: 'not_enough_signers', request_id: task.id, missing: missing.map(nodeId) }, 'Too few nodes are alive to sign');
    task.request = await client.updateRequest(task.id, { reason }, task.controller.signal);
  }
}

/** Signs what is asked, and fills the pool, until the signal aborts. The node's life after its key share is complete. */
export async function runSigning(context: NodeContext, signal: AbortSignal): Promise<void> {
  await new SigningCoordinator(context).run(signal);
}
