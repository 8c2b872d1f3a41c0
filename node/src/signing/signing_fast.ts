import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import { NAMING } from 'sealing/kinds';
import { sleep } from 'service/clock';
import { ServiceError } from 'service/errors';
import { nodeId, signersLabel } from '../base/utils.js';
import { sleepWhile } from '../cluster/reading.js';
import { isReady } from '../cluster/readiness.js';
import type { PresignatureMaker } from '../presigning/presignature.js';
import type { StoredPresignature } from '../presigning/presignature_pool.js';
import { announcedAttempts } from './announcements.js';
import type { Assignments } from './assignments.js';
import type { CollectionOutcome } from './collection.js';
import { exchangePartialSignatures, type PartialSignaturesDeps } from './partial_signatures.js';
import { submitSignature, type PublicationDeps } from './publication.js';
import { UnwillingSigner } from './refusals.js';
import type { SigningTask } from './signing_task.js';
import type { Suspicion } from './suspicion.js';
import { proposalOf } from './task_state.js';

/** It may propose any presignature. */
const GATEWAY = 'gateway';

export interface FastSigningDeps extends PartialSignaturesDeps, PublicationDeps {
  readonly client: PartialSignaturesDeps['client'] & Pick<BoardClient, 'updateRequest' | 'getRequest'>;
  readonly seals: PartialSignaturesDeps['seals'];
  readonly audit: PartialSignaturesDeps['audit'] & PublicationDeps['audit'];
  readonly config: {
    /** The makers of a presignature have this long to sign with it. */
    readonly fastSigningTimeoutMs: number;
  };
}

type FailedCollection = Exclude<CollectionOutcome, { readonly kind: 'signed' }>;

/** What came of a presignature that was assigned to a request. */
export type PresignatureOutcome =
  /** Not used by this node. */
  | { readonly kind: 'unused' }
  /** The signature is on the board. */
  | { readonly kind: 'published' }
  /** It is lost. */
  | { readonly kind: 'failed' };

/**
 * Signs requests with presignatures. The gateway proposes one with the request, or one of the makers assigns one, once; all makers use that
 * one or none. When anybody else assigns one, it is not used, and the request is signed in full.
 */
export class FastSigning {
  constructor(
    private readonly deps: FastSigningDeps,
    private readonly presignatures: Pick<PresignatureMaker, 'pool' | 'makersOf' | 'take'>,
    private readonly assignments: Assignments,
    private readonly suspicion: Pick<Suspicion, 'suspect'>,
  ) {}

  /**
   * Assigns one of these presignatures, which all their makers hold.
   * @returns what the board then has, undefined when it does not know the request; the request as it was when this node has no free
   * presignature after all, because those of a moment ago have been assigned to other requests
   */
  async assign(task: SigningTask, usable: readonly string[]): Promise<RequestRecord | undefined> {
    const { client, seals, index } = this.deps;
    const { pool } = this.presignatures;
    const id = pool.reserve(usable);
    if (id === null) return task.request;
    let shown: RequestRecord | undefined;
    let isTaken = false;
    try {
      const statement = await seals.state(NAMING, { request_id: task.id, presignature_id: id });
      this.assignments.remember(task, { statement, presignatureId: id, author: index });
      shown = await client.updateRequest(task.id, { presignature_id: id, naming: statement }, task.signing);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      // Another one was assigned first, or the request is finished: what the board has decides.
      shown = await client.getRequest(task.id, { signal: task.signing });
      isTaken = error.code === 'presignature_conflict' && shown?.presignature_id === undefined;
    } finally {
      const { presignature_id: assigned } = shown !== undefined && task.isAbout(shown) ? shown : task.request;
      if (isTaken) void this.#leaveToOther(task, id);
      else if (assigned !== id) pool.release(id);
    }
    return shown;
  }

  /** The board has assigned it to another request, of which this node has yet to hear. If that does not use it, nobody can. */
  async #leaveToOther({ signing }: SigningTask, id: string): Promise<void> {
    await sleep(this.deps.clock, this.deps.config.fastSigningTimeoutMs, signing);
    this.presignatures.take(id);
  }

  /** Uses the presignature that is assigned to a request, if it was assigned by somebody who may assign it. */
  async use(task: SigningTask, presignatureId: string): Promise<PresignatureOutcome> {
    const by = proposalOf(task.state) === undefined ? await this.assignments.authorOf(task.request, task) : GATEWAY;
    return by === null ? { kind: 'unused' } : this.#useAssigned(task, presignatureId, by);
  }

  /** @param by the gateway, or the party that has assigned it */
  async #useAssigned(task: SigningTask, presignatureId: string, by: typeof GATEWAY | number): Promise<PresignatureOutcome> {
    const { clock, logger, config } = this.deps;
    const { pool } = this.presignatures;
    const started = clock.monotonic();
    const deadline = started + config.fastSigningTimeoutMs;
    const fields = { request_id: task.id, presignature_id: presignatureId };
    const makers = await this.presignatures.makersOf(presignatureId, config.fastSigningTimeoutMs, task.signing);
    if (by !== GATEWAY && makers?.includes(by) === false) {
      const reason = `${nodeId(by)} has no part in it`;
      logger.warn({ event: 'naming_refused', ...fields, reason }, 'The assignment of a presignature is invalid');
      // The board assigns it to no other request.
      this.presignatures.take(presignatureId);
      return { kind: 'unused' };
    }
    const stored = this.presignatures.take(presignatureId);
    if (stored === null) {
      logger.info({ event: 'presignature_declined', ...fields }, 'Not a holder of the assigned presignature');
      // Its holders may finish. If they do not, everybody goes on to full signing at about the same time.
      await this.#letHoldersFinish(task, deadline);
      return { kind: 'unused' };
    }
    const label = signersLabel(stored.participants);
    logger.info({ event: 'presignature_used', ...fields, signers: label, pool_size: pool.size }, 'Using presignature from pool');
    const outcome = await this.#exchange(task, stored, deadline);
    if (outcome?.kind !== 'signed') {
      if (outcome !== null) this.#noteFailure(task, stored, outcome);
      return { kind: 'failed' };
    }
    const origin = { signers: stored.participants, path: 'fast', ms: clock.monotonic() - started } as const;
    await submitSignature(this.deps, task, outcome.signature, origin, 0);
    return { kind: 'published' };
  }

  /** Records why a presignature gave no signature. */
  #noteFailure(task: SigningTask, { id }: StoredPresignature, outcome: FailedCollection): void {
    const { audit, logger } = this.deps;
    const fields = { request_id: task.id, presignature_id: id };
    if (outcome.kind === 'wrong') {
      const culprits = outcome.makers.map(nodeId);
      const aborted = { protocol: 'combine', session: task.id, code: 'invalid_partial_signature', round: 'combine', culprits };
      audit.note({ event: 'aborted', fields: aborted });
      logger.warn({ event: 'fast_signing_failed', ...fields, culprits }, 'A partial signature is wrong, using full protocol');
      return;
    }
    this.suspicion.suspect(outcome.missing);
    logger.warn({ event: 'fast_signing_timeout', ...fields, missing: outcome.missing.map(nodeId) }, 'Signers silent, using full protocol');
  }

  /** @returns null when one of the signers refuses: the request is signed in full, without it */
  async #exchange(task: SigningTask, stored: StoredPresignature, deadline: number): Promise<CollectionOutcome | null> {
    const refused = task.refusals.watch(stored.participants);
    try {
      const signal = AbortSignal.any([task.signing, refused.signal]);
      const checkMayIssue = (): void => {
        task.checkMayIssue();
      };
      return await exchangePartialSignatures(this.deps, task.request, stored, deadline, { signal, checkMayIssue });
    } catch (error) {
      if (!(error instanceof UnwillingSigner)) throw error;
      const fields = { event: 'signer_refuses', request_id: task.id, refusing: nodeId(error.party) };
      this.deps.logger.info(fields, 'A signer refuses, using full protocol');
      return null;
    } finally {
      refused.stop();
    }
  }

  /** Gives the holders time, until one of them goes on to full signing, or until a node that may be one of them goes down. */
  async #letHoldersFinish(task: SigningTask, deadline: number): Promise<void> {
    const { deps } = this;
    const isInFull = (): boolean => announcedAttempts(deps, task.id).length > 0;
    const ready = (): number[] => deps.presence.peers().flatMap(({ index }) => (isReady(deps, index) ? [index] : []));
    const before = ready();
    const holds = (): boolean => !isInFull() && before.every((party) => ready().includes(party));
    await sleepWhile(deps, deadline - deps.clock.monotonic(), task.signing, holds);
  }
}
