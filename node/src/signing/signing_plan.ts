/**
 * Who signs a request in full, and when: the rule of attempts, and why every request comes to an end.
 *
 * ASSUMPTIONS, from some time G on. t members, called good here, are honest and alive and accept the request. The others do anything, and
 * show themselves differently to each. What a good member states reaches the good ones within D, and they read the age of a request with an
 * error of at most D. t good members sign within C, while each runs as many attempts as the rules below let it.
 *
 * RULES. (1) Turn k of a request is a function of its age alone (`turns.ts`). Its leader is party k in the ring that begins with the
 * request's first signer. Only when that party cannot sign, the next one that can stands in. (2) The leader alone chooses the signers, and
 * announces them in a signed statement. The others follow what the leader of the turn announces, and nothing else. (3) In turns of its own
 * a leader tries the set whose last failure there is longest ago. It notes the failure of a try only when half of the turn was left for
 * it. Suspicion, which is private and may be false, decides only between sets of which that is equally long ago. (4) An attempt ends with
 * its turn. Only one that came a round further in the last half of its turn goes on, and only until the next leader wants another. (5) A
 * node leads LED_ATTEMPTS at a time, and besides them always the request that has waited longest for it: since the last failure that it
 * has noted of it. It follows a few attempts of each leader. So no member can use up what another one needs. (6) Each leader has its own
 * numbers, so nobody can take a fresh execution id away from it. They grow, also from one life to the next, and with the turns, so that a
 * leader whose journal is lost is followed again from its next turn on.
 *
 * STATEMENT. Let turns be at least 2C + 8D long, which they become, up to eight times TURN_MS. Let P requests at most be signed in full
 * at a time. Then a request that all good members sign in full is signed within P * B rounds after G, where B = binom(n - 1, t - 1). A
 * round is n turns, and one more where P > 1. When the other members are silent and no more, and P = 1, it is n - t + 2 turns if 3t > 2n.
 *
 * PROOF. Let p be good. In its turn each good member sees p alive, ready and willing, because it is, so all of them agree that p leads, but
 * for D at each end of the turn. Those that run another attempt leave it for the one that p announces. Its number is higher than any that
 * they know of p, by (6), and they follow few attempts of p, by (5). So all good ones among its signers begin within 3D: the announcement
 * takes one, and a look at the board two. When p has begun in the first half of its turn, they have C left after that, and D for the error
 * in their ages. If all of p's signers are good, they sign. Otherwise p notes that the set has failed. By (3) it comes back to a set only
 * after all others that it could choose, and the good members are one: that is at most the B-th try that it notes. A try that begins later
 * in the turn may be cut off though its signers are good: it is not noted. Nor is what happens in turns that are not p's own. So nothing
 * else brings the good set to the end of that order. When r has waited longest for p, p leads it as soon as a turn of p's own begins, and
 * notes a failure at its end: that takes a round, and the rest of a turn that is half over. Then r waits behind the others, P - 1 at most,
 * each of which has its turn before r, or is signed. So p makes such a try for r in each P rounds.
 * Silent members: a leader that is silent costs its own turn, n - t at most. In the first turn of a good leader, the signers learn who owes
 * them messages. At least 2t - n > n - t of them are good and say so, so the next good leader avoids all of these.
 *
 * IN PRACTICE C is a second and D a tenth of one, so that the first turns are long enough. Of three signers of four, let one be silent in a
 * presignature: that costs FAST_SIGNING_TIMEOUT_MS, after which the others suspect it. The turn in which it leads may come next, until 7 s.
 * Who leads then avoids it: 9 s in all. With a pool that is empty and filled by nobody, a request is signed in full after 4 s at most. Then
 * a turn may be lost in which the silent one takes part, and the one in which it leads, and it is signed after 12 s.
 *
 * Before that, a request waits for a presignature, LONGEST_WAIT_MS at most (`fast_plan.ts`), and its presignature is given
 * FAST_SIGNING_TIMEOUT_MS. Both hold whatever a member does.
 *
 * The sets by number, agreed by votes of n - t + 1 members, would need more than n - t good members. Ages need none.
 */
import { signersLabel } from '../base/utils.js';
import { canSignTogether, isLate, isNamed, isReady, isSuspected, type ReadinessDeps } from '../cluster/readiness.js';
import { firstSigner, ringOf, setsWith, signerSets } from '../cluster/signer_sets.js';
import { announcedAttempts, type AnnouncementDeps } from './announcements.js';
import { leaderOf, nextNumber, type Attempt } from './attempt.js';
import { halfOf, msLeft, turnAt, type Turn } from './turns.js';

/** A node that can do nothing by itself waits this long; news wakes it earlier. */
const IDLE_MS = 60_000;

/**
 * In one turn a node takes part in at most this many attempts at a request. Smaller: a turn is lost when two signers die in it. Larger: a
 * leader that begins one after the other costs the others more CPU time.
 */
const ATTEMPTS_IN_A_TURN = 3;

/** What to do next about a request that has no signature. */
export type Plan =
  | { readonly kind: 'run'; readonly attempt: Attempt }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'too_few'; readonly missing: readonly number[] };

/** What this node has tried for a request. */
export interface SigningHistory {
  /** The highest number that it has run, of those of each leader. */
  readonly lastOf: ReadonlyMap<number, number>;
  /** Sets that it has tried in turns of its own, by label, and when they last failed, on the monotonic clock. */
  readonly failedAt: ReadonlyMap<string, number>;
  /** The turn in which it last took part in an attempt, and in how many. */
  readonly begun: { readonly turn: number; readonly attempts: number };
}

export const NOTHING_TRIED: SigningHistory = { lastOf: new Map(), failedAt: new Map(), begun: { turn: -1, attempts: 0 } };

/** An attempt that this node is about to run. */
export interface BegunAttempt {
  readonly attempt: Attempt;
  readonly leader: number;
  /** Number of the turn. */
  readonly turn: number;
}

export interface PlanState {
  readonly requestId: string;
  /** When the board took the request, on the monotonic clock of this node. */
  readonly acceptedAt: number;
  readonly history: SigningHistory;
  /** Parties that will not sign this request. They are never asked, and an attempt with one of them is not followed. */
  readonly refusing: ReadonlySet<number>;
  /** Parties that owed this node a message lately. */
  readonly suspects: ReadonlySet<number>;
  /** How long an attempt takes at this node, so that it does not begin one for which a turn has no time left. */
  readonly attemptMs: number;
  /** The highest number under which this node has led it in earlier lives, if it has. */
  readonly lastLed: number | undefined;
  /** May this node lead one more attempt, and this request be the one? */
  readonly mayLead: () => boolean;
  /** May it run one more of the attempts that this party leads? */
  readonly mayFollow: (leader: number) => boolean;
}

export type PlanDeps = ReadinessDeps & AnnouncementDeps;

/** An attempt that this node runs. */
export interface RunningAttempt {
  readonly attempt: Attempt;
  /** The turn in which it began, or into which it was last let go on. */
  readonly turn: Turn;
  /** When it last came a round further, on the monotonic clock. */
  readonly roundAt: number;
}

/** Does a running attempt go on? `given_up`: another one takes its place. `stalled`: its turn is over, and it does not get on. */
export type Verdict = 'goes_on' | 'given_up' | 'stalled';

/** How the signers of full signing find each other. Both functions only look. @param now monotonic */
export interface Planner {
  /** The next step about a request for which this node runs no attempt. */
  readonly next: (deps: PlanDeps, state: PlanState, now: number) => Plan;
  readonly verdict: (deps: PlanDeps, state: PlanState, running: RunningAttempt, now: number) => Verdict;
}

export const BY_TURNS: Planner = {
  next: (deps, state, now) => {
    const { index } = deps;
    const { acceptedAt, history } = state;
    if (!canBeSigned(deps, state)) return { kind: 'too_few', missing: missingParties(deps, state) };
    const turn = turnOf(deps, state, now);
    const left = msLeft(turn, acceptedAt, now);
    const wait: Plan = { kind: 'wait', ms: left };
    if (history.begun.turn === turn.number && history.begun.attempts >= ATTEMPTS_IN_A_TURN) return wait;
    const leader = leaderIn(deps, state, turn);
    if (leader !== index) {
      const announced = announcedBy(deps, state, leader);
      return announced !== undefined && isFollowed(deps, state, announced) ? { kind: 'run', attempt: announced } : wait;
    }
    const signers = left < neededMs(state, turn) ? null : signersOfOwn(deps, state);
    return signers !== null && state.mayLead() ? { kind: 'run', attempt: ownAttempt(deps, state, turn, signers) } : wait;
  },

  verdict: (deps, state, { attempt, turn: before, roundAt }, now) => {
    const { index } = deps;
    const turn = turnOf(deps, state, now);
    const endedAt = state.acceptedAt + before.end;
    // Who lets it go on must have seen it get on lately. Otherwise a signer that says nothing would cost two turns.
    if (now >= endedAt && roundAt < endedAt - halfOf(before)) return 'stalled';
    const leader = leaderIn(deps, state, turn);
    if (leader !== index) return announcedBy(deps, state, leader) === undefined ? 'goes_on' : 'given_up';
    const isOwn = leaderOf(attempt, deps.n) === index;
    const canBegin = msLeft(turn, state.acceptedAt, now) >= neededMs(state, turn) && state.mayLead();
    return isOwn || !canBegin || isAsGood(deps, state, attempt) ? 'goes_on' : 'given_up';
  },
};

/** In a cluster with Rust nodes, which announce nothing and know attempt 0 alone. */
export const FIRST_ATTEMPT_ONLY: Planner = {
  next: ({ index, n, t }, { requestId, history: { lastOf } }) => {
    const [first = []] = signerSets(requestId, n, t);
    if (lastOf.size > 0 || !first.includes(index)) return { kind: 'wait', ms: IDLE_MS };
    return { kind: 'run', attempt: { requestId, number: 0, signers: first } };
  },
  verdict: () => 'goes_on',
};

/** Is this a turn in which the node is to lead, whoever else can? */
export function isOwnTurn({ index, n }: PlanDeps, { requestId }: PlanState, { number }: Turn): boolean {
  return ringOf(requestId, n)[number % n] === index;
}

/** The turn of a request now. */
export function turnOf({ n }: PlanDeps, { acceptedAt }: PlanState, now: number): Turn {
  return turnAt(now - acceptedAt, n);
}

/** Is there a set of signers with this node that it could lead? */
export function canLead(deps: PlanDeps, state: PlanState): boolean {
  return signersOfOwn(deps, state) !== null;
}

/** The party whose turn it is; when it cannot sign, as this node sees it, the next one in the ring that can. */
function leaderIn(deps: PlanDeps, state: PlanState, { number }: Turn): number {
  const ring = ringOf(state.requestId, deps.n);
  const order = ring.map((_, k) => ring[(number + k) % deps.n] ?? 0);
  return order.find((party) => isFit(deps, state, party)) ?? order[0] ?? 0;
}

function isFit(deps: PlanDeps, { refusing }: PlanState, party: number): boolean {
  return isReady(deps, party) && !refusing.has(party);
}

/** What a leader announces after all that this node has run of it. */
function announcedBy(deps: PlanDeps, { requestId, history }: PlanState, leader: number): Attempt | undefined {
  const last = history.lastOf.get(leader) ?? -1;
  const news = announcedAttempts(deps, requestId).filter((attempt) => leaderOf(attempt, deps.n) === leader && attempt.number > last);
  return news.reduce<Attempt | undefined>((latest, one) => (latest === undefined || one.number > latest.number ? one : latest), undefined);
}

function isFollowed({ index, n, culprits }: PlanDeps, { refusing, mayFollow }: PlanState, attempt: Attempt): boolean {
  const { signers } = attempt;
  const isWilling = signers.includes(index) && !signers.some((party) => refusing.has(party) || culprits.has(party));
  return isWilling && mayFollow(leaderOf(attempt, n));
}

/** The signers of this node's next attempt: of those that have not failed, or not for the longest time, the ones with fewest suspects. */
function signersOfOwn(deps: PlanDeps, state: PlanState): number[] | null {
  const { index, n, t } = deps;
  const fit = ringOf(state.requestId, n).filter((party) => party !== index && isFit(deps, state, party));
  const avoided = new Set(fit.filter((party) => isAvoided(deps, state, party)));
  const others = [...fit.filter((party) => !avoided.has(party)), ...fit.filter((party) => avoided.has(party))];
  const burden = (set: readonly number[]): number => set.filter((party) => avoided.has(party)).length;
  const isBetter = (one: readonly number[], other: readonly number[]): boolean => {
    const later = failedAt(state, one) - failedAt(state, other);
    return later < 0 || (later === 0 && burden(one) < burden(other));
  };
  const sets = setsWith(index, others, t).filter((set) => canSignTogether(deps, set));
  return sets.reduce<number[] | null>((best, set) => (best === null || isBetter(set, best) ? set : best), null);
}

/** When this node's last try with these signers failed; the beginning of time when it has not. */
function failedAt({ history }: PlanState, signers: readonly number[]): number {
  return history.failedAt.get(signersLabel(signers)) ?? Number.MIN_SAFE_INTEGER;
}

/** Would this node, as the leader, choose these signers as well as any others? */
function isAsGood(deps: PlanDeps, state: PlanState, { signers }: Attempt): boolean {
  const best = signersOfOwn(deps, state);
  const isWilling = canSignTogether(deps, signers) && !signers.some((party) => isAvoided(deps, state, party));
  return best === null || (isWilling && failedAt(state, signers) <= failedAt(state, best));
}

function ownAttempt({ index, n, t }: PlanDeps, state: PlanState, turn: Turn, signers: readonly number[]): Attempt {
  const { requestId, history, lastLed } = state;
  const known = [history.lastOf.get(index) ?? [], lastLed ?? []].flat();
  const last = known.length === 0 ? undefined : Math.max(...known);
  const isFirst = turn.number === 0 && last === undefined && firstSigner(requestId, n) === index;
  const [first] = signerSets(requestId, n, t);
  if (isFirst && first?.join() === signers.join()) return { requestId, number: 0, signers };
  // Beyond all that it can have led in earlier turns, whether it remembers them or not.
  const lowest = nextNumber(index, undefined, n) + n * ATTEMPTS_IN_A_TURN * turn.number;
  return { requestId, number: Math.max(lowest, nextNumber(index, last, n)), signers };
}

/** It owed this node a message lately, or as many say so as cannot all be cheats; or its heartbeat is late. */
function isAvoided(deps: PlanDeps, { suspects }: PlanState, party: number): boolean {
  return suspects.has(party) || isSuspected(deps, party) || isLate(deps, party);
}

/** An attempt should not begin in a turn that has no time left for it. How long it takes may be misjudged: half a turn is enough. */
function neededMs({ attemptMs }: PlanState, turn: Turn): number {
  return Math.min(attemptMs, halfOf(turn));
}

/** Are there t parties that could sign? */
function canBeSigned(deps: PlanDeps, state: PlanState): boolean {
  const fit = ringOf(state.requestId, deps.n).filter((party) => isFit(deps, state, party));
  return fit.some((party, k) => setsWith(party, fit.slice(k + 1), deps.t).some((set) => canSignTogether(deps, set)));
}

/** Which nodes would have to come back: they are not ready, or another one accuses them. */
function missingParties(deps: PlanDeps, { refusing }: PlanState): number[] {
  const all = Array.from({ length: deps.n }, (_, party) => party);
  return all.filter((party) => (!isReady(deps, party) || isNamed(deps, party)) && !refusing.has(party));
}
