import type { Signature } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import { digestOf, payloadSha256 } from 'message-board/payload';
import type { AuditLog } from '../audit/audit_log.js';
import { SessionTimeout } from '../base/errors.js';
import { nodeId, nodeIndex, signersLabel } from '../base/utils.js';
import type { PresenceView } from '../cluster/presence.js';
import type { Culprits } from '../evidence/culprits.js';
import type { Seals } from '../mail/seals.js';
import type { ExecutionJournal } from '../storage/execution_journal.js';
import { runOverBoard, type TransportDeps } from '../transport/http_transport.js';
import { OwnAnnouncements } from './announcements.js';
import { attemptId, leaderOf, parseAnnouncement, type Attempt } from './attempt.js';
import { AttemptWatch } from './attempt_watch.js';
import type { ClusterKind } from './cluster_kind.js';
import { reportWaiting, submitSignature, type PublicationDeps } from './publication.js';
import { canLead, type BegunAttempt, type Plan, type PlanState } from './signing_plan.js';
import type { SigningTask } from './signing_task.js';
import type { Suspicion } from './suspicion.js';
import type { FullState } from './task_state.js';
import { turnAt } from './turns.js';

/**
 * Attempts that a node leads at a time. All nodes lead some, and each attempt costs every signer seconds of CPU time. Smaller is none.
 * Larger: all of them end late, and more of them are cut off by their turns.
 */
const LED_ATTEMPTS = 1;
/**
 * Of the attempts that one leader announces, a node runs at most this many at a time: twice as many as an honest one leads, because one
 * that is over there may still run here. Smaller: an honest leader is not followed. Larger: a cheat uses more CPU time.
 */
const FOLLOWED_ATTEMPTS = 2 * (LED_ATTEMPTS + 1);
/** Weight of the newest value in the average time of an attempt. Smaller: it follows slowly. Larger: one slow attempt counts too much. */
const NEWEST_WEIGHT = 1 / 4;
/** In a cluster without turns, an attempt ends when a signer is silent for this long. Smaller: a slow Rust node is given up. */
const SILENCE_MS = 60_000;
/**
 * The leader publishes the signature at once. Each other signer waits this long, times its place, because those before it may have died.
 * Smaller: needless calls. Larger: when the leader has died, the signature comes later.
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
  readonly journal: Pick<ExecutionJournal, 'claim' | 'ids'>;
  readonly audit: Pick<AuditLog, 'record' | 'note'>;
  readonly decided: PublicationDeps['decided'];
  readonly keyShare: {
    /** `keyMaterialDigest` of it. */
    readonly materialDigest: string;
  };
}

/** How an attempt failed. `isOwnTry`: this node let it run in a turn of its own. */
export interface FailedAttempt {
  readonly isOwnTry: boolean;
}

/** Signs requests by the full protocol, attempt after attempt. */
export class FullSigning {
  readonly #announcements: OwnAnnouncements;
  readonly #running = new Map<SigningTask, Attempt>();
  /** Those that wait until this node leads fewer. */
  readonly #waiting = new Set<SigningTask>();
  /** The highest number under which this node has led a request in earlier lives, by its id. */
  readonly #ledBefore: ReadonlyMap<string, number>;
  /** How long an attempt takes, with a margin. */
  #attemptMs = Infinity;

  /** @param tasks all that this node works on */
  constructor(
    private readonly deps: FullSigningDeps,
    private readonly suspicion: Suspicion,
    private readonly tasks: () => Iterable<SigningTask>,
  ) {
    this.#announcements = new OwnAnnouncements(deps.presence);
    this.#ledBefore = this.#ledInEarlierLives();
  }

  /** Others follow no number that is below those that they have followed before. */
  #ledInEarlierLives(): ReadonlyMap<string, number> {
    const { index, n, t, journal } = this.deps;
    const last = new Map<string, number>();
    for (const id of journal.ids()) {
      const attempt = parseAnnouncement(id, n, t);
      if (attempt === null || leaderOf(attempt, n) !== index) continue;
      last.set(attempt.requestId, Math.max(attempt.number, last.get(attempt.requestId) ?? 0));
    }
    return last;
  }

  plan(task: SigningTask, state: FullState): Plan {
    const { cluster, clock } = this.deps;
    return cluster.planner.next(this.deps, this.#stateOf(task, state), clock.monotonic());
  }

  /** What is known of a request just before this attempt at it. */
  begun(task: SigningTask, attempt: Attempt): BegunAttempt {
    const { n, clock } = this.deps;
    return { attempt, leader: leaderOf(attempt, n), turn: turnAt(clock.monotonic() - task.acceptedAt, n).number };
  }

  /** @returns false when this node has run it before: it must not run it again @throws what the journal throws */
  claim(attempt: Attempt): Promise<boolean> {
    return this.deps.journal.claim(attemptId(attempt));
  }

  /** An attempt counts as running while the work on it lasts, from this very moment on: others are planned before it has begun. */
  async occupying(task: SigningTask, attempt: Attempt, work: () => Promise<void>): Promise<void> {
    this.#running.set(task, attempt);
    try {
      await work();
    } finally {
      this.#running.delete(task);
      for (const waiting of this.#waiting) waiting.wakeup.notify();
      this.#waiting.clear();
    }
  }

  /**
   * Runs one attempt, which this node has claimed, and publishes its signature. @returns null when it did not fail
   * @throws the signal's reason when the task's signing ends; what the board's client throws when it does not take the signature
   */
  async run(task: SigningTask, attempt: Attempt): Promise<FailedAttempt | null> {
    const { index, n, clock, audit, logger } = this.deps;
    const started = clock.monotonic();
    const watch = new AttemptWatch(this.deps, attempt, () => this.#planStateOf(task), task.acceptedAt);
    const refused = task.refusals.watch(attempt.signers);
    const leader = leaderOf(attempt, n);
    let signature: Signature | null = null;
    try {
      const signal = AbortSignal.any([task.signing, watch.signal, refused.signal]);
      const sign = (): Promise<Signature> => this.#sign(attempt, task, watch, signal);
      signature = await (leader === index ? this.#announcements.during(attempt, sign) : sign());
    } catch (error) {
      if (task.signing.aborted) throw error;
      const lost = error instanceof SessionTimeout ? error.missing.flatMap((id) => nodeIndex(id, n) ?? []) : [];
      const owing = [...new Set([...lost, ...watch.owing()])];
      this.suspicion.suspect(owing);
      const fields = { event: 'full_signing_failed', request_id: task.id, attempt: attempt.number, owing: owing.map(nodeId), err: error };
      logger.warn(fields, 'Full signing failed, trying again');
      return { isOwnTry: watch.isOwnTry };
    } finally {
      watch.stop();
      refused.stop();
      const fields = { request_id: task.id, execution_id: attemptId(attempt), signed: signature !== null };
      audit.note({ event: 'full_signing_ended', fields });
    }
    const ms = clock.monotonic() - started;
    this.#learn(ms);
    const place = leader === index ? 0 : 1 + attempt.signers.indexOf(index);
    await submitSignature(this.deps, task, signature, { signers: attempt.signers, path: 'full', ms }, place * SUBMIT_PATIENCE_MS);
    return null;
  }

  #learn(ms: number): void {
    const enough = 1.25 * ms;
    this.#attemptMs = this.#attemptMs === Infinity ? enough : this.#attemptMs + NEWEST_WEIGHT * (enough - this.#attemptMs);
  }

  #planStateOf(task: SigningTask): PlanState | null {
    return task.state.kind === 'in_full' ? this.#stateOf(task, task.state) : null;
  }

  #stateOf(task: SigningTask, { history, since }: FullState): PlanState {
    return {
      requestId: task.id,
      acceptedAt: task.acceptedAt,
      history,
      refusing: task.refusals.parties,
      suspects: this.suspicion.parties,
      attemptMs: this.#attemptMs,
      lastLed: this.#ledBefore.get(task.id),
      mayLead: () => this.#runningOf(this.deps.index, task) < LED_ATTEMPTS || this.#hasWaitedLongest(task, since),
      mayFollow: (leader) => this.#runningOf(leader, task) < FOLLOWED_ATTEMPTS,
    };
  }

  /** How many attempts at other requests this party leads. */
  #runningOf(leader: number, task: SigningTask): number {
    return [...this.#running].filter(([other, attempt]) => other !== task && leaderOf(attempt, this.deps.n) === leader).length;
  }

  /** Of all that this node could lead. It is always let in, whatever the attempts at others do. */
  #hasWaitedLongest(task: SigningTask, since: number): boolean {
    for (const other of this.tasks()) {
      const { state } = other;
      if (other === task || state.kind !== 'in_full' || state.since > since) continue;
      if (state.since === since && other.order > task.order) continue;
      if (canLead(this.deps, this.#stateOf(other, state))) {
        this.#waiting.add(task);
        return false;
      }
    }
    return true;
  }

  /** @throws what ended it without a signature */
  async #sign(attempt: Attempt, task: SigningTask, watch: AttemptWatch, signal: AbortSignal): Promise<Signature> {
    const { index, cluster, logger, audit, keyShare } = this.deps;
    const { requestId: request_id, number, signers } = attempt;
    const id = attemptId(attempt);
    const label = signersLabel(signers);
    const fields = { request_id, message_sha256: payloadSha256(task.request), execution_id: id, signers: label };
    await audit.record({ event: 'full_signing_started', fields });
    logger.info({ event: 'full_signing_started', request_id, attempt: number, signers: label }, 'Full signing started');
    return await runOverBoard(this.deps, {
      namespace: 'messages',
      requestId: id,
      participants: signers,
      self: index,
      keyMaterial: keyShare.materialDigest,
      job: { kind: 'sign', executionId: id, signers, ...signedBy(task.request), identification: cluster.identification },
      silenceMs: SILENCE_MS,
      signal,
      onRound: (round) => {
        watch.cameTo(round);
      },
      onOwed: (parties) => {
        watch.waitsFor(parties);
      },
      mayPost: () => {
        task.checkMayIssue();
      },
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
    return reportWaiting(this.deps, task.id, reason, task.signing);
  }
}

/** What a full signing signs: a text with SHA-256, as Rust nodes do too, or the digest that this node computes of anything else. */
function signedBy(request: RequestRecord): { readonly message: string } | { readonly digest: string } {
  if (request.kind === undefined && request.hash === undefined) return { message: request.message };
  return { digest: Buffer.from(digestOf(request)).toString('hex') };
}
