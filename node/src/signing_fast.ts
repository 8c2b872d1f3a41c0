import { ServiceError } from 'message-board/client';
import type { NodeContext } from './context.js';
import { exchangePartialSignatures } from './partial_signatures.js';
import type { PresignatureMaker } from './presignature.js';
import { sleepUntilAborted } from './reading.js';
import { isReady } from './signing_plan.js';
import { submitSignature, type SigningTask } from './signing_task.js';
import { nodeId, signerSets, signersLabel } from './utils.js';

/** A participant waits this long, times its place among them, before it names a presignature in the first one's stead. */
const NAMING_PATIENCE_MS = 1_000;

/** Signs requests with presignatures: one is named for the request, once, and its makers use that one or none. */
export class FastSigning {
  readonly #presignatures: PresignatureMaker;

  constructor(
    private readonly context: NodeContext,
    presignatures: PresignatureMaker,
  ) {
    this.#presignatures = presignatures;
  }

  /** Returns when the fast path has failed or there is none; the task's signal aborts once the request is completed. */
  async run(task: SigningTask): Promise<void> {
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

  /** The first signer set, in the request's order, whose members are all ready and whose first member has a presignature. */
  #presignedSet(requestId: string): number[] | null {
    const { index, n, t, presence } = this.context;
    const has = (party: number, label: string): boolean => {
      const counts = party === index ? this.#presignatures.pool.counts() : presence.peers().find((peer) => peer.index === party)?.status?.pool;
      return (counts?.[label] ?? 0) > 0;
    };
    return signerSets(requestId, n, t).find((set) => set.every((party) => isReady(this.context, party)) && has(set[0] ?? -1, signersLabel(set))) ?? null;
  }

  async #name(task: SigningTask, signers: readonly number[]): Promise<void> {
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

  async #useNamed(task: SigningTask, presignatureId: string): Promise<void> {
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
    const outcome = await exchangePartialSignatures(context, task.request, stored, signal);
    if (outcome.kind === 'signed') {
      await submitSignature(context, task, outcome.signature, { signers: stored.participants, path: 'fast', ms: performance.now() - started });
      return;
    }
    task.suspects = new Set(outcome.missing);
    task.idleSince = performance.now();
    context.logger.warn({ event: 'fast_signing_timeout', ...fields, missing: outcome.missing.map(nodeId) }, 'Signers silent, using full protocol');
  }

  /** This node went on to full signing, but another one still knew of a presignature: without this half it would be wasted. */
  joinLate(task: SigningTask): void {
    const named = task.request.presignature_id;
    if (!task.inFull || named === undefined || !this.#presignatures.pool.has(named)) return;
    this.#useNamed(task, named).catch((error: unknown) => {
      if (task.controller.signal.aborted) return;
      this.context.logger.warn({ event: 'fast_signing_failed', request_id: task.id, err: error }, 'The fast path failed beside full signing');
    });
  }
}
