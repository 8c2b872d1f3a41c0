import type { Clock } from 'service/clock';
import { signersLabel } from '../base/utils.js';
import { canSignTogether, isLate, offeredByOthers, type ReadinessDeps } from '../cluster/readiness.js';
import { signerSets } from '../cluster/signer_sets.js';
import type { PoolDemand } from '../presigning/pool_demand.js';
import type { PresignatureMaker } from '../presigning/presignature.js';
import type { StoredPresignature } from '../presigning/presignature_pool.js';
import { announcedAttempts, type AnnouncementDeps } from './announcements.js';
import type { Assignments } from './assignments.js';
import type { ClusterKind } from './cluster_kind.js';
import type { SigningTask } from './signing_task.js';
import type { Suspicion } from './suspicion.js';
import type { FullState, WaitingState } from './task_state.js';
import { TURN_MS } from './turns.js';

/**
 * The first maker assigns a presignature. Each other maker waits this long, times its place among the makers, before it assigns one
 * instead. Smaller: two makers assign different ones, and the board keeps one. Larger: a request waits longer when the first maker is down.
 */
const ASSIGNMENT_PATIENCE_MS = 1_000;

/**
 * The gateway may already have proposed a free presignature for a request still in flight. Wait this long before assigning one. Smaller:
 * that other request is signed in full. Larger: a request without a proposal is signed later.
 */
const PROPOSALS_MS = 250;

/** A request that waits for a presignature checks this often whether it still should; news wakes it earlier. */
const WAITING_LOOK_MS = 1_000;
/**
 * It gives up when no request was assigned a presignature, or completed, for this many times the time that making one takes. Smaller:
 * requests are signed in full although presignatures come. Larger: they wait longer for a pool that nobody fills.
 */
const REFILLS_WAITED = 2;
/** It never waits longer than this for a change. Larger: with a pool that is filled slowly, requests take more than ten seconds. */
const MOST_PATIENCE_MS = 4_000;
/** It gives up after this long when younger requests are assigned presignatures. Smaller: a small change of order costs time. */
const PASSED_OVER_MS = 3_000;
/**
 * It gives up after this long, whatever happens to others. Smaller: in a burst, more requests are signed in full. Larger: a member that
 * assigns what it does not have delays requests for longer.
 */
const LONGEST_WAIT_MS = 15_000;

/**
 * Requests signed in full at a time, while others wait for presignatures. One that has been at it for a whole turn, because its signers do
 * not answer, does not count. Smaller: threads are idle while one waits for messages. Larger: all of them end late.
 */
const FULL_SIGNINGS = 4;

export interface FastPlanDeps extends ReadinessDeps, AnnouncementDeps {
  readonly presence: ReadinessDeps['presence'];
  readonly culprits: ReadinessDeps['culprits'];
  readonly demand: Pick<PoolDemand, 'refillMs'>;
  readonly cluster: Pick<ClusterKind, 'proposals'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly config: { readonly fastSigningTimeoutMs: number };
}

/** What to do next about a request that waits for its presignature. */
export type FastPlan =
  /** It has one. */
  | { readonly kind: 'use'; readonly presignatureId: string }
  /** This node is to assign one of these. */
  | { readonly kind: 'assign'; readonly usable: readonly string[] }
  /** `isForNext`: none is free. */
  | { readonly kind: 'wait'; readonly ms: number; readonly isForNext: boolean }
  | { readonly kind: 'in_full' };

/** A signer set, and ids of presignatures that it can use. */
interface UsableSet {
  readonly signers: readonly number[];
  readonly usable: readonly string[];
}

/**
 * Plans which presignature signs a request. When none is free, a request waits for the next one while more are coming: signing in full
 * costs as much as making one, and delays those that others wait for. So only a few at a time are signed in full, the oldest first.
 */
export class FastPlanner {
  constructor(
    private readonly deps: FastPlanDeps,
    private readonly presignatures: Pick<PresignatureMaker, 'pool' | 'isFilling'>,
    private readonly assignments: Assignments,
    private readonly suspicion: Pick<Suspicion, 'parties'>,
  ) {}

  /** @param tasks all that this node works on */
  plan(task: SigningTask, { since }: WaitingState, tasks: Iterable<SigningTask>): FastPlan {
    if (task.assigned !== undefined) return { kind: 'use', presignatureId: task.assigned };
    if (this.#isOverdue(task, since)) return { kind: 'in_full' };
    const free = this.#presignedSet(task);
    if (free === null) {
      return this.#shouldWait(task, since, tasks) ? { kind: 'wait', ms: WAITING_LOOK_MS, isForNext: true } : { kind: 'in_full' };
    }
    const { signers, usable } = free;
    const place = signers.indexOf(this.deps.index);
    const patience = this.#assignmentTime(task, since, place < 0 ? signers.length : place) - this.deps.clock.monotonic();
    if (patience > 0) return { kind: 'wait', ms: patience, isForNext: false };
    return place < 0 ? { kind: 'in_full' } : { kind: 'assign', usable };
  }

  /**
   * Presignatures for a request that is signed in full, of which this node is to assign one: they came late, but one costs far less than
   * another attempt. None as long as the first attempt may sign it.
   */
  late(task: SigningTask, { began }: FullState): readonly string[] {
    if (task.assigned !== undefined || this.deps.clock.monotonic() < began + TURN_MS) return [];
    const free = this.#presignedSet(task);
    return free?.signers[0] === this.deps.index ? free.usable : [];
  }

  /** Has it waited as long as a request may, or does another node sign it in full? Then it gets no presignature any more. */
  #isOverdue({ id }: SigningTask, since: number): boolean {
    return this.deps.clock.monotonic() > since + LONGEST_WAIT_MS || announcedAttempts(this.deps, id).length > 0;
  }

  /** Should this request wait for a presignature, or for others that are signed in full now? */
  #shouldWait(task: SigningTask, since: number, tasks: Iterable<SigningTask>): boolean {
    const { n, t, config, demand, clock } = this.deps;
    const now = clock.monotonic();
    const isLive = signerSets(task.id, n, t).some((set) => this.#areFit(task, set));
    if (!isLive) return false;
    if (this.#inFull(tasks) >= FULL_SIGNINGS) return true;
    const patience = Math.min(MOST_PATIENCE_MS, Math.max(config.fastSigningTimeoutMs, REFILLS_WAITED * demand.refillMs));
    return this.presignatures.isFilling && now <= this.#turnSince(task, since) + patience;
  }

  #inFull(tasks: Iterable<SigningTask>): number {
    const now = this.deps.clock.monotonic();
    let count = 0;
    for (const { state } of tasks) if (state.kind === 'in_full' && now < state.began + TURN_MS) count += 1;
    return count;
  }

  /** Since when it might have been the turn of this request. Others come first, unless it was passed over for a long time. */
  #turnSince(task: SigningTask, since: number): number {
    const turn = Math.max(since, this.assignments.movedAt);
    return this.assignments.isPassedOver(task.order) ? Math.min(turn, since + PASSED_OVER_MS) : turn;
  }

  /** When the maker in this place assigns a presignature, if none of those before it has. */
  #assignmentTime(task: SigningTask, since: number, place: number): number {
    const proposed = this.deps.cluster.proposals ? since + PROPOSALS_MS : since;
    return Math.max(proposed, this.#turnSince(task, since) + place * ASSIGNMENT_PATIENCE_MS);
  }

  #areFit({ refusals }: SigningTask, signers: readonly number[]): boolean {
    return canSignTogether(this.deps, signers) && signers.every((party) => refusals.codeOf(party) === undefined);
  }

  /**
   * The first signer set, in the request's order, whose members are all ready and willing, and hold presignatures of it together. Sets
   * without suspects are preferred, and of those, sets in which nobody is late.
   */
  #presignedSet(task: SigningTask): UsableSet | null {
    const { n, t } = this.deps;
    // Many tasks may be waiting: most of the time there is nothing to look for.
    const free = this.presignatures.pool.free();
    const isOffered = this.deps.presence.peers().some(({ status }) => Object.keys(status?.offers ?? {}).length > 0);
    if (!isOffered) return null;
    const suspects = this.suspicion.parties;
    const sets = signerSets(task.id, n, t).filter((set) => this.#areFit(task, set)).flatMap((signers) => {
      const usable = this.#usable(signers, free);
      const rank = (signers.some((party) => suspects.has(party)) ? 2 : 0) + (signers.some((party) => isLate(this.deps, party)) ? 1 : 0);
      return usable.length === 0 ? [] : [{ signers, usable, rank }];
    });
    return sets.reduce<typeof sets[number] | null>((best, set) => (best === null || set.rank < best.rank ? set : best), null);
  }

  /** The free presignatures of a signer set of which each member states that it holds its half. What this node holds it knows itself. */
  #usable(signers: readonly number[], free: readonly StoredPresignature[]): readonly string[] {
    const stated = offeredByOthers(this.deps, signers);
    if (stated.length === 0 || !signers.includes(this.deps.index)) return stated;
    const label = signersLabel(signers);
    const own = new Set(free.flatMap(({ id, participants }) => (signersLabel(participants) === label ? [id] : [])));
    return stated.filter((id) => own.has(id));
  }
}
