import { isLater, parseAnnouncement, type Attempt } from './attempt.js';
import type { NodeContext } from '../context.js';
import { canSignTogether, isLate, isNamed, isReady } from '../cluster/readiness.js';
import { signerSets } from '../cluster/signer_sets.js';

/** A node that is asked to lead waits this long, times its place among the signers, before it does. */
const PROPOSAL_PATIENCE_MS = 5_000;

/** A number further ahead of this node's own is nobody's honest one: the next ones would be too long. */
const FURTHEST_AHEAD = 10_000;

/** What to do next about a request that has no signature. */
export type Plan =
  | { readonly kind: 'run'; readonly attempt: Attempt }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'too_few'; readonly missing: readonly number[] };

export interface PlanState {
  readonly requestId: string;
  /** The latest attempt that this node took part in or saw fail. */
  readonly last: Attempt | null;
  /** Signers that were silent in it: passed over while there are others. */
  readonly suspects: ReadonlySet<number>;
  /** They will not sign this request: never asked, and an attempt with one of them is not followed. */
  readonly refusing: ReadonlySet<number>;
  /** Since when nothing has been under way, by performance.now(). */
  readonly idleSince: number;
}

/** An attempt, and one of its signers that says it runs it. */
export interface Announced {
  readonly by: number;
  readonly attempt: Attempt;
}

/** What live peers announce for a request, of attempts with none of the parties to avoid; the one to follow first. */
export function announcedAttempts({ presence, culprits, n, t }: NodeContext, requestId: string, avoid: ReadonlySet<number>): Announced[] {
  const attempts = presence.peers().flatMap(({ live, index: by, status }) => {
    const texts = live && !culprits.has(by) ? (status?.attempts ?? []) : [];
    return texts.flatMap((text) => {
      const attempt = parseAnnouncement(text, n, t);
      if (attempt?.requestId !== requestId || !attempt.signers.includes(by)) return [];
      return attempt.signers.some((party) => avoid.has(party)) ? [] : [{ by, attempt }];
    });
  });
  return attempts.sort((a, b) => (isLater(a.attempt, b.attempt) ? -1 : 1));
}

/** The first signer set, in the request's order, whose members are all ready; one without suspects if there is any. */
function liveSet(context: NodeContext, { requestId, refusing }: PlanState, isSuspect: (party: number) => boolean): number[] | null {
  const live = signerSets(requestId, context.n, context.t).filter((set) => canSignTogether(context, set) && !set.some((party) => refusing.has(party)));
  return live.find((set) => !set.some(isSuspect)) ?? live[0] ?? null;
}

/**
 * Everybody runs the first signer set's attempt 0 unasked. After that, or when one of that set is not alive, the lowest
 * member of the first live set proposes the next attempt by announcing it; the others follow what is announced, or
 * propose themselves when nothing is.
 */
export function planAttempt(context: NodeContext, state: PlanState, now: number): Plan {
  const { index, n, t, config } = context;
  const { requestId, last, refusing } = state;
  const [first = []] = signerSets(requestId, n, t);
  if (config.rustInterop) {
    // Rust peers announce nothing and know attempt 0 alone.
    return last === null && first.includes(index) ? { kind: 'run', attempt: { requestId, number: 0, signers: first } } : { kind: 'wait', ms: 60_000 };
  }
  // One that announces attempt after attempt and is silent in each must not keep the others from going on without it.
  const isSilent = (party: number): boolean => state.suspects.has(party);
  const canAvoid = liveSet(context, state, isSilent)?.some(isSilent) === false;
  const announced = announcedAttempts(context, requestId, canAvoid ? new Set([...refusing, ...state.suspects]) : refusing)
    .map(({ attempt }) => attempt)
    .filter(({ number }) => number <= (last?.number ?? 0) + FURTHEST_AHEAD);
  const follow = announced.find((attempt) => attempt.signers.includes(index) && isLater(attempt, last));
  if (follow !== undefined) return { kind: 'run', attempt: follow };

  const isSuspect = (party: number): boolean => state.suspects.has(party) || isLate(context, party);
  const firstIsFit = canSignTogether(context, first) && !first.some((party) => isSuspect(party) || refusing.has(party));
  if (last === null && announced.length === 0 && firstIsFit && first.includes(index)) {
    return { kind: 'run', attempt: { requestId, number: 0, signers: first } };
  }
  if (announced.some((attempt) => !attempt.signers.includes(index))) return { kind: 'wait', ms: PROPOSAL_PATIENCE_MS };
  const signers = liveSet(context, state, isSuspect);
  if (signers === null) return { kind: 'too_few', missing: allParties(n).filter((party) => (!isReady(context, party) || isNamed(context, party)) && !refusing.has(party)) };
  const place = signers.indexOf(index);
  if (place < 0) return { kind: 'wait', ms: PROPOSAL_PATIENCE_MS };
  const patience = state.idleSince + place * PROPOSAL_PATIENCE_MS - now;
  if (patience > 0) return { kind: 'wait', ms: patience };
  const number = 1 + Math.max(0, last?.number ?? 0, ...announced.map((attempt) => attempt.number));
  return { kind: 'run', attempt: { requestId, number, signers } };
}

function allParties(n: number): number[] {
  return Array.from({ length: n }, (_, party) => party);
}
