import { canSignTogether, isNamed, isLate, isReady, type ReadinessDeps } from '../cluster/readiness.js';
import { signerSets } from '../cluster/signer_sets.js';
import { announcedAttempts, type AnnouncementDeps } from './announcements.js';
import { isLater, type Attempt } from './attempt.js';

/**
 * A node that should propose an attempt waits this long times its place among the signers. Smaller: two nodes propose at once, and one of
 * the attempts is given up. Larger: a request waits longer when the first signers do not propose.
 */
const PROPOSAL_PATIENCE_MS = 5_000;

/** A node that can do nothing by itself waits this long; news wakes it earlier. */
const IDLE_MS = 60_000;

/**
 * Announced attempt numbers may exceed this node's own by at most this much. Smaller: a node that was away for long does not follow the
 * others. Larger: a cheat can use up the numbers that an announcement has room for.
 */
const MAX_NUMBERS_AHEAD = 10_000;

/** What to do next about a request that has no signature. */
export type Plan =
  | { readonly kind: 'run'; readonly attempt: Attempt }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'too_few'; readonly missing: readonly number[] };

/** What this node has tried for a request. */
export interface SigningHistory {
  /** The latest attempt that it took part in. */
  readonly last: Attempt | null;
  /** Parties that were silent when they were last waited for. They are avoided while there are others. */
  readonly suspects: ReadonlySet<number>;
  /** Since when nothing has been under way, on the monotonic clock. */
  readonly idleSince: number;
}

export interface PlanState extends SigningHistory {
  readonly requestId: string;
  /** Parties that will not sign this request. They are never asked, and an attempt with one of them is not followed. */
  readonly refusing: ReadonlySet<number>;
}

export type PlanDeps = ReadinessDeps & AnnouncementDeps;

/** Plans the next step of full signing. @param now monotonic */
export type Planner = (deps: PlanDeps, state: PlanState, now: number) => Plan;

/**
 * All members of the first signer set run attempt 0 without being asked. After that, or when one of them is not ready, the lowest member
 * of the first live set proposes the next attempt by announcing it. The others follow what is announced, or propose themselves when
 * nothing is.
 */
export const planAttempt: Planner = (deps, state, now) => {
  const { index, n, t } = deps;
  const { requestId, last, suspects, refusing } = state;
  const [first = []] = signerSets(requestId, n, t);
  const isSilent = (party: number): boolean => suspects.has(party);
  // A node that announces attempt after attempt and is silent in each must not keep the others from going on without it.
  const canAvoid = liveSet(deps, state, isSilent)?.some(isSilent) === false;
  const announced = announcedAttempts(deps, requestId, canAvoid ? new Set([...refusing, ...suspects]) : refusing)
    .map(({ attempt }) => attempt)
    .filter(({ number }) => number <= (last?.number ?? 0) + MAX_NUMBERS_AHEAD);
  const followed = announced.find((attempt) => attempt.signers.includes(index) && isLater(attempt, last));
  if (followed !== undefined) return { kind: 'run', attempt: followed };

  const isSuspect = (party: number): boolean => isSilent(party) || isLate(deps, party);
  const firstIsFit = canSignTogether(deps, first) && !first.some((party) => isSuspect(party) || refusing.has(party));
  if (last === null && announced.length === 0 && firstIsFit && first.includes(index)) {
    return { kind: 'run', attempt: { requestId, number: 0, signers: first } };
  }
  // The others run it without this node.
  if (announced.some((attempt) => !attempt.signers.includes(index))) return { kind: 'wait', ms: PROPOSAL_PATIENCE_MS };
  const signers = liveSet(deps, state, isSuspect);
  if (signers === null) return { kind: 'too_few', missing: missingParties(deps, refusing) };
  const place = signers.indexOf(index);
  if (place < 0) return { kind: 'wait', ms: PROPOSAL_PATIENCE_MS };
  const patience = state.idleSince + place * PROPOSAL_PATIENCE_MS - now;
  if (patience > 0) return { kind: 'wait', ms: patience };
  const number = 1 + Math.max(0, last?.number ?? 0, ...announced.map((attempt) => attempt.number));
  return { kind: 'run', attempt: { requestId, number, signers } };
};

/** In a cluster with Rust nodes, which announce nothing and know attempt 0 alone. */
export const planFirstAttempt: Planner = ({ index, n, t }, { requestId, last }) => {
  const [first = []] = signerSets(requestId, n, t);
  if (last !== null || !first.includes(index)) return { kind: 'wait', ms: IDLE_MS };
  return { kind: 'run', attempt: { requestId, number: 0, signers: first } };
};

/** The first signer set, in the request's order, whose members are all ready and willing. A set without suspects is preferred. */
function liveSet(deps: PlanDeps, { requestId, refusing }: PlanState, isSuspect: (party: number) => boolean): number[] | null {
  const isWilling = (party: number): boolean => !refusing.has(party);
  const live = signerSets(requestId, deps.n, deps.t).filter((set) => canSignTogether(deps, set) && set.every(isWilling));
  return live.find((set) => !set.some(isSuspect)) ?? live[0] ?? null;
}

/** Which nodes would have to come back: they are not ready, or another one accuses them. */
function missingParties(deps: PlanDeps, refusing: ReadonlySet<number>): number[] {
  const all = Array.from({ length: deps.n }, (_, party) => party);
  return all.filter((party) => (!isReady(deps, party) || isNamed(deps, party)) && !refusing.has(party));
}
