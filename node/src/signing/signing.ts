import type { Signature } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import { messageHash } from 'message-board/signing_request';
import type { AuditLog } from '../audit/audit_log.js';
import { SessionTimeout } from '../base/errors.js';
import { nodeId, nodeIndex, signersLabel } from '../base/utils.js';
import type { PresenceView } from '../cluster/presence.js';
import type { Culprits } from '../evidence/culprits.js';
import type { Seals } from '../mail/seals.js';
import type { ExecutionJournal } from '../storage/execution_journal.js';
import { runOverBoard, type TransportDeps } from '../transport/http_transport.js';
import { announcedAttempts, OwnAnnouncements } from './announcements.js';
import { attemptId, isLater, type Attempt } from './attempt.js';
import type { ClusterKind } from './cluster_kind.js';
import { reportStatus, submitSignature } from './publication.js';
import type { Plan } from './signing_plan.js';
import type { SigningTask } from './signing_task.js';
import type { FullState } from './task_state.js';

/**
 * Full signings under way at a time; each costs every signer seconds of CPU time. Smaller: threads are idle while one waits for messages.
 * Larger: all of them end late.
 */
export const FULL_SIGNINGS = 4;
/**
 * Each signer waits this long, times its place, before it publishes the signature, because those before it may have died. Smaller: needless
 * calls. Larger: when the first signer has died, the signature comes later.
 */
const SUBMIT_PATIENCE_MS = 1_000;

export interface FullSigningDeps extends TransportDeps {
  /** Own party index. */
  readonly index: number;
  /** Nodes in the cluster. */
  readonly n: number;
  /** How many of them sign. */
  readonly t: number;
  readonly cluster: Pick<ClusterKind, 'planner' | 'identification'>;
  readonly client: TransportDeps['client'] & Pick<BoardClient, 'updateRequest'>;
  readonly seals: TransportDeps['seals'] & Pick<Seals, 'state'>;
  readonly presence: PresenceView;
  readonly culprits: Pick<Culprits, 'has'>;
  readonly journal: Pick<ExecutionJournal, 'claim'>;
  readonly audit: Pick<AuditLog, 'record' | 'note'>;
  readonly keyShare: {
    /** `keyMaterialDigest` of it. */
    readonly materialDigest: string;
  };
  readonly config: {
    /** An attempt ends when a signer is silent for longer. */
    readonly fullSigningTimeoutMs: number;
  };
}

/** How an attempt ended. `silent`: signers that did not answer, if that was why it failed. */
export interface EndedAttempt {
  readonly silent: readonly number[];
}

/** Signs requests by the full protocol, attempt after attempt. */
export class FullSigning {
  readonly #announcements: OwnAnnouncements;

  constructor(private readonly deps: FullSigningDeps) {
    this.#announcements = new OwnAnnouncements(deps.presence);
  }

  plan({ id: requestId, refusals }: SigningTask, { history }: FullState): Plan {
    const { cluster, clock } = this.deps;
    return cluster.planner(this.deps, { requestId, refusing: refusals.parties, ...history }, clock.monotonic());
  }

  /** Does one of its own signers run a later attempt? What others announce does not end it. */
  isSuperseded({ id, refusals }: SigningTask, attempt: Attempt): boolean {
    const announced = announcedAttempts(this.deps, id, refusals.parties);
    return announced.some(({ by, attempt: other }) => attempt.signers.includes(by) && isLater(other, attempt));
  }

  /**
   * Runs one attempt and publishes its signature. @returns null when this node has run it before
   * @throws the signal's reason when the task's signing ends; what the journal throws
   */
  async run(task: SigningTask, attempt: Attempt): Promise<EndedAttempt | null> {
    const { index, n, clock, journal, presence, audit, logger } = this.deps;
    if (!(await journal.claim(attemptId(attempt)))) return null;
    const started = clock.monotonic();
    let signed = false;
    const superseded = new AbortController();
    const unsubscribe = presence.onChange(() => {
      if (this.isSuperseded(task, attempt)) superseded.abort(new DOMException('a later attempt is under way', 'AbortError'));
    });
    try {
      const signal = AbortSignal.any([task.signing, superseded.signal, task.refusals.signalFor(attempt.signers)]);
      const signature = await this.#announcements.during(attempt, () => this.#sign(attempt, task.request.message, signal));
      signed = true;
      const origin = { signers: attempt.signers, path: 'full', ms: clock.monotonic() - started } as const;
      await submitSignature(this.deps, task, signature, origin, attempt.signers.indexOf(index) * SUBMIT_PATIENCE_MS);
      return { silent: [] };
    } catch (error) {
      if (task.signing.aborted) throw error;
      const fields = { event: 'full_signing_failed', request_id: task.id, attempt: attempt.number, err: error };
      logger.warn(fields, 'Full signing failed, trying again');
      return { silent: error instanceof SessionTimeout ? error.missing.flatMap((id) => nodeIndex(id, n) ?? []) : [] };
    } finally {
      unsubscribe();
      audit.note({ event: 'full_signing_ended', fields: { request_id: task.id, execution_id: attemptId(attempt), signed } });
    }
  }

  /** @throws what ended it without a signature */
  async #sign(attempt: Attempt, message: string, signal: AbortSignal): Promise<Signature> {
    const { index, cluster, config, logger, audit, keyShare } = this.deps;
    const { requestId: request_id, number, signers } = attempt;
    const id = attemptId(attempt);
    const label = signersLabel(signers);
    const fields = { request_id, message_sha256: messageHash(message), execution_id: id, signers: label };
    await audit.record({ event: 'full_signing_started', fields });
    logger.info({ event: 'full_signing_started', request_id, attempt: number, signers: label }, 'Full signing started');
    return await runOverBoard(this.deps, {
      namespace: 'messages',
      requestId: id,
      participants: signers,
      self: index,
      keyMaterial: keyShare.materialDigest,
      job: { kind: 'sign', executionId: id, signers, message, identification: cluster.identification },
      silenceMs: config.fullSigningTimeoutMs,
      signal,
    });
  }

  /**
   * Says on the request what it waits for, if this is the lowest live node.
   * @returns what the board then has; null when there was nothing to say
   */
  async reportTooFew(task: SigningTask, missing: readonly number[]): Promise<RequestRecord | null> {
    const { index, logger, presence } = this.deps;
    const names = missing.map(nodeId);
    const reason = `not_enough_signers: ${names.join(', ')}`;
    if (task.request.reason === reason || presence.peers().some((peer) => peer.live && peer.index < index)) return null;
    logger.warn({ event: 'not_enough_signers', request_id: task.id, missing: names }, 'Too few nodes are alive to sign');
    return reportStatus(this.deps, task.id, 'pending', reason, task.signing);
  }
}
