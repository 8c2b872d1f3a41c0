import type { Clock } from 'service/clock';
import { signersLabel } from '../base/utils.js';
import { canSignTogether, isLate, type ReadinessDeps } from '../cluster/readiness.js';
import { signerSets } from '../cluster/signer_sets.js';
import type { PoolDemand } from '../presigning/pool_demand.js';
import type { PresignatureMaker } from '../presigning/presignature.js';
import { countsByParty } from '../presigning/presignature_pool.js';
import { announcedAttempts, type AnnouncementDeps } from './announcements.js';
import type { Assignments } from './assignments.js';
import type { ClusterKind } from './cluster_kind.js';
import { FULL_SIGNINGS } from './signing.js';
import type { SigningTask } from './signing_task.js';
import type { WaitingState } from './task_state.js';

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

export interface FastPlanDeps extends ReadinessDeps, AnnouncementDeps {
  readonly presence: ReadinessDeps['presence'];
  readonly culprits: ReadinessDeps['culprits'];
  readonly demand: Pick<PoolDemand, 'refillMs'>;
  readonly cluster: Pick<ClusterKind, 'proposals'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly config: { readonly fastSigningTimeoutMs: number; readonly fullSigningTimeoutMs: number };
}

/** What to do next about a request that waits for its presignature. */
export type FastPlan =
  /** It has one. */
  | { readonly kind: 'use'; readonly presignatureId: string }
  /** This node is to assign one of these signers'. */
  | { readonly kind: 'assign'; readonly signers: readonly number[] }
  /** `isForNext`: none is free. */
  | { readonly kind: 'wait'; readonly ms: number; readonly isForNext: boolean }
  | { readonly kind: 'in_full' };

/**
 * Plans which presignature signs a request. When none is free, a request waits for the next one while more are coming: signing in full
 * costs as much as making one, and delays those that others wait for. So only a few at a time are signed in full, the oldest first.
 */
export class FastPlanner {
  constructor(
    private readonly deps: FastPlanDeps,
    private readonly presignatures: Pick<PresignatureMaker, 'pool' | 'isFilling'>,
    private readonly assignments: Assignments,
  ) {}

  /** @param inFull how many requests are signed in full, or wait for their turn */
  plan(task: SigningTask, { since }: WaitingState, inFull: () => number): FastPlan {
    if (task.assigned !== undefined) return { kind: 'use', presignatureId: task.assigned };
    const signers = this.#presignedSet(task);
    if (signers === null) {
      return this.#shouldWait(task, since, inFull) ? { kind: 'wait', ms: WAITING_LOOK_MS, isForNext: true } : { kind: 'in_full' };
    }
    const place = signers.indexOf(this.deps.index);
    const patience = this.#assignmentTime(task, since, place < 0 ? signers.length : place) - this.deps.clock.monotonic();
    if (patience > 0) return { kind: 'wait', ms: patience, isForNext: false };
    return place < 0 ? { kind: 'in_full' } : { kind: 'assign', signers };
  }

  /** Should this request wait for a presignature, or for others that are signed in full now? */
  #shouldWait(task: SigningTask, since: number, inFull: () => number): boolean {
    const { n, t, config, demand, clock } = this.deps;
    const isLive = signerSets(task.id, n, t).some((set) => this.#areFit(task, set));
    if (!isLive || announcedAttempts(this.deps, task.id, task.refusals.parties).length > 0) return false;
    if (inFull() >= FULL_SIGNINGS) return true;
    const refill = Math.max(config.fastSigningTimeoutMs, REFILLS_WAITED * demand.refillMs);
    const patience = Math.min(config.fullSigningTimeoutMs, refill);
    return this.presignatures.isFilling && clock.monotonic() <= this.#turnSince(task, since) + patience;
  }

  /** Since when it might have been the turn of this request. Others come first, unless it was passed over for a long time. */
  #turnSince(task: SigningTask, since: number): number {
    const turn = Math.max(since, this.assignments.movedAt);
    return this.assignments.isPassedOver(task.order) ? Math.min(turn, since + this.deps.config.fullSigningTimeoutMs) : turn;
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
   * The first signer set, in the request's order, whose members are all ready and willing and all have presignatures of it. A set in which
   * nobody is late is preferred.
   */
  #presignedSet(task: SigningTask): number[] | null {
    const { n, t } = this.deps;
    const pools = countsByParty(this.deps, this.presignatures.pool);
    // Many tasks may be waiting: most of the time there is nothing to look for.
    if (![...pools.values()].some((counts) => Object.values(counts).some((count) => count > 0))) return null;
    const has = (party: number, label: string): boolean => (pools.get(party)?.[label] ?? 0) > 0;
    const areHolders = (set: readonly number[]): boolean => set.every((party) => has(party, signersLabel(set)));
    const sets = signerSets(task.id, n, t).filter((set) => this.#areFit(task, set) && areHolders(set));
    return sets.find((set) => !set.some((party) => isLate(this.deps, party))) ?? sets[0] ?? null;
  }
}
