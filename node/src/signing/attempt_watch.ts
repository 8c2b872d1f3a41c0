import type { Clock, Timer } from 'service/clock';
import type { PresenceView } from '../cluster/presence.js';
import type { ClusterKind } from './cluster_kind.js';
import type { Attempt } from './attempt.js';
import { isOwnTurn, turnOf, type PlanDeps, type PlanState } from './signing_plan.js';
import { halfOf, msLeft, turnAt, type Turn } from './turns.js';

/** A party that a failed attempt has waited for this long owed a message. Smaller: one that was just about to send it is suspected. */
const OWED_MS = 1_000;

/** In the first round nobody has heard of the others yet. */
const FIRST_ROUND = 1;

export interface AttemptWatchDeps extends PlanDeps {
  readonly cluster: Pick<ClusterKind, 'planner'>;
  readonly presence: PlanDeps['presence'] & Pick<PresenceView, 'onChange'>;
  readonly clock: Clock;
}

/** Watches one attempt while it runs: does it get on, who holds it up, and does another one take its place? */
export class AttemptWatch {
  /** Has this node let it run in a turn of its own, of which half was left? Then it counts as its try: the turn has not cut it off. */
  isOwnTry = false;
  readonly #over = new AbortController();
  readonly #unsubscribe: () => void;
  #isGivenUp = false;
  #turn: Turn;
  #timer: Timer | undefined;
  /** When it last came a round further. */
  #roundAt = -Infinity;
  /** Since when it waits for a party. */
  readonly #waitingSince = new Map<number, number>();

  /** @param state what planning knows of the request; null when this node does not sign it in full any more */
  constructor(
    private readonly deps: AttemptWatchDeps,
    private readonly attempt: Attempt,
    private readonly state: () => PlanState | null,
    acceptedAt: number,
  ) {
    const { clock, n, presence } = deps;
    this.#turn = turnAt(clock.monotonic() - acceptedAt, n);
    this.#unsubscribe = presence.onChange(() => {
      this.#check();
    });
    this.#check();
  }

  /** Aborts when the attempt is to end. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** The session has done its own part for this round. */
  cameTo(round: number): void {
    if (round > FIRST_ROUND) this.#roundAt = this.deps.clock.monotonic();
  }

  /** The session waits for these parties, and for no others. */
  waitsFor(parties: readonly number[]): void {
    for (const party of this.#waitingSince.keys()) if (!parties.includes(party)) this.#waitingSince.delete(party);
    for (const party of parties) if (!this.#waitingSince.has(party)) this.#waitingSince.set(party, this.deps.clock.monotonic());
  }

  /** Parties for whose messages it has waited for long; none when it only gives way to another one, which the others may have left for. */
  owing(): number[] {
    if (this.#isGivenUp) return [];
    const now = this.deps.clock.monotonic();
    return [...this.#waitingSince].flatMap(([party, since]) => (now - since >= OWED_MS ? [party] : []));
  }

  stop(): void {
    this.#unsubscribe();
    this.#timer?.stop();
  }

  #check(): void {
    const { deps, attempt } = this;
    const state = this.state();
    if (state === null || this.#over.signal.aborted) return;
    const now = deps.clock.monotonic();
    const verdict = deps.cluster.planner.verdict(deps, state, { attempt, turn: this.#turn, roundAt: this.#roundAt }, now);
    if (verdict !== 'goes_on') {
      this.#isGivenUp = verdict === 'given_up';
      const why = verdict === 'stalled' ? 'its turn is over, and it does not get on' : 'another attempt takes its place';
      this.#over.abort(new DOMException(why, 'AbortError'));
      return;
    }
    this.#turn = turnOf(deps, state, now);
    const left = msLeft(this.#turn, state.acceptedAt, now);
    this.isOwnTry ||= isOwnTurn(deps, state, this.#turn) && left >= halfOf(this.#turn);
    this.#timer?.stop();
    this.#timer = deps.clock.after(left, () => {
      this.#check();
    });
  }
}
