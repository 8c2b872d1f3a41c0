import type { Signature } from 'cggmp24';
import { messageHash } from 'message-board/signing_request';
import { announce, attemptId, isLater, type Attempt } from './attempt.js';
import type { NodeContext } from '../context.js';
import { SessionTimeout } from '../base/errors.js';
import { runOverBoard } from '../transport/http_transport.js';
import { OrderedSlots } from '../base/ordered_slots.js';
import { announcedAttempts, planAttempt } from './signing_plan.js';
import { reportStatus, submitSignature, type SigningTask } from './signing_task.js';
import { nodeId, nodeIndex, signersLabel } from '../base/utils.js';

/** Full signings under way at a time; each costs every signer seconds of CPU. */
export const FULL_SIGNINGS = 4;
/** Signers publish the same signature in turn, times their place, ms, should the first one die with it. */
const SUBMIT_PATIENCE_MS = 1_000;

/** Runs one attempt, announced while it lasts. @throws what ended it without a signature */
async function runAttempt(context: NodeContext, attempt: Attempt, message: string, signal: AbortSignal): Promise<Signature> {
  const { index, config, logger, audit } = context;
  const id = attemptId(attempt);
  await audit.record({ event: 'full_signing_started', fields: { request_id: attempt.requestId, message_sha256: messageHash(message), execution_id: id, signers: signersLabel(attempt.signers) } });
  logger.info({ event: 'full_signing_started', request_id: attempt.requestId, attempt: attempt.number, signers: signersLabel(attempt.signers) }, 'Full signing started');
  return await runOverBoard(context, {
    namespace: 'messages',
    requestId: id,
    participants: attempt.signers,
    self: index,
    keyMaterial: context.keyShare.materialDigest,
    // Rust nodes do not know it.
    job: { kind: 'sign', executionId: id, signers: attempt.signers, message, identification: context.seals.sealed },
    silenceMs: config.fullSigningTimeoutMs,
    signal,
  });
}

/** Signs requests by the full protocol, attempt after attempt, the oldest requests first. */
export class FullSigning {
  readonly #slots = new OrderedSlots(FULL_SIGNINGS);
  readonly #announcements: Announcements;

  /** @param refresh asks the board about a request: its task's signal aborts when it is finished */
  constructor(
    private readonly context: NodeContext,
    private readonly refresh: (task: SigningTask) => Promise<void>,
  ) {
    this.#announcements = new Announcements(context);
  }

  /** Takes the next step towards a signature: an attempt, or waiting for its time. */
  async step(task: SigningTask): Promise<void> {
    const { signal } = task.controller;
    const { id: requestId, last, suspects, idleSince } = task;
    const refusing = task.refusals.parties;
    const plan = planAttempt(this.context, { requestId, last, suspects, refusing, idleSince }, performance.now());
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

  async #attempt(task: SigningTask, attempt: Attempt): Promise<void> {
    const { context } = this;
    // One of its own signers runs a later one: what others announce does not end it.
    const isLeft = (): boolean => announcedAttempts(context, task.id, task.refusals.parties).some(({ by, attempt: other }) => attempt.signers.includes(by) && isLater(other, attempt));
    // What is finished, though the board has not said so, would hold up the others, attempt after attempt.
    await this.refresh(task);
    task.controller.signal.throwIfAborted();
    // While this waited for its slot.
    if (isLeft()) return;
    task.last = attempt;
    if (!(await context.journal.claim(attemptId(attempt)))) return;
    const started = performance.now();
    let signed = false;
    const superseded = new AbortController();
    const unsubscribe = context.presence.onChange(() => {
      if (isLeft()) superseded.abort(new DOMException('a later attempt is under way', 'AbortError'));
    });
    try {
      const signal = AbortSignal.any([task.controller.signal, superseded.signal, task.refusals.signalFor(attempt.signers)]);
      const signature = await this.#announcements.during(attempt, () => runAttempt(context, attempt, task.request.message, signal));
      signed = true;
      await submitSignature(context, task, signature, { signers: attempt.signers, path: 'full', patienceMs: attempt.signers.indexOf(context.index) * SUBMIT_PATIENCE_MS, ms: performance.now() - started });
    } catch (error) {
      if (task.controller.signal.aborted) throw error;
      if (error instanceof SessionTimeout) task.suspects = new Set(error.missing.flatMap((id) => nodeIndex(id, context.n) ?? []));
      context.logger.warn({ event: 'full_signing_failed', request_id: task.id, attempt: attempt.number, err: error }, 'Full signing failed, trying again');
    } finally {
      unsubscribe();
      context.audit.note({ event: 'full_signing_ended', fields: { request_id: task.id, execution_id: attemptId(attempt), signed } });
      task.idleSince = performance.now();
    }
  }

  /** Says on the request what it waits for; the lowest live node does. */
  async #reportTooFew(task: SigningTask, missing: readonly number[]): Promise<void> {
    const { index, logger, presence } = this.context;
    const reason = `not_enough_signers: ${missing.map(nodeId).join(', ')}`;
    if (task.request.reason === reason || presence.peers().some((peer) => peer.live && peer.index < index)) return;
    logger.warn({ event: 'not_enough_signers', request_id: task.id, missing: missing.map(nodeId) }, 'Too few nodes are alive to sign');
    task.request = await reportStatus(this.context, task.id, 'pending', reason, task.controller.signal);
  }
}

/** Keeps the announcements of the attempts that this node runs. */
class Announcements {
  readonly #current = new Set<string>();

  constructor(private readonly context: NodeContext) {}

  async during<T>(attempt: Attempt, work: () => Promise<T>): Promise<T> {
    const text = announce(attempt);
    this.#current.add(text);
    this.#publish();
    try {
      return await work();
    } finally {
      this.#current.delete(text);
      this.#publish();
    }
  }

  #publish(): void {
    this.context.presence.update({ attempts: [...this.#current] });
  }
}
