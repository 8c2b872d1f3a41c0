import type { PeerView } from 'message-board/peer_view';
import type { Clock } from 'service/clock';
import { signersLabel } from '../base/utils.js';
import { isReady, type ReadinessDeps } from '../cluster/readiness.js';
import { leaderOf } from './presignature_id.js';
import type { PresigningDeps } from './presigning_deps.js';
import type { SetLevel } from './refill_plan.js';

/**
 * A leader is passed over when nothing has come of what it asks for, for this many times the time that making one takes. Smaller: on a busy
 * machine two nodes lead. Larger: a leader that asks for nothing leaves the pool empty for longer.
 */
const REFILLS_WITHOUT_RESULT = 3;
/** The same, as long as nobody knows how long one takes. */
const FIRST_RESULT_MS = 30_000;
/**
 * It is passed over when something comes or is under way, but not what the pool needs most, for this many times as long. Smaller: a leader
 * that makes one set after the other is passed over before it comes to the set that is missing. Larger: one that serves itself leads for
 * longer.
 */
const PATIENCES_FOR_NEEDED = 4;
/** A leader is then passed over for this long. */
const PASSED_OVER_MS = 60_000;

/** The pool needs filling. */
interface Need {
  readonly leader: number;
  /**
   * When something last came of its lead, or was under way; or since when it leads while the pool needs filling. On a busy machine a second
   * leader, beside one that is slow, would make everything slower.
   */
  resultAt: number;
  /** When something last came of what the pool needs most, or since when it leads. */
  neededAt: number;
  /** How many there were, at least, of each signer set that was needed most at some time since then, by label. */
  counts: Map<string, number>;
}

export interface PoolLeadDeps extends ReadinessDeps, Pick<PresigningDeps, 'n' | 'demand'> {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly config: Pick<PresigningDeps['config'], 'poolLeaderTimeoutMs'>;
  /** Does this node make a presignature for a party that does more than ask? */
  readonly worksFor: (party: number) => boolean;
}

/** Who leads the making of presignatures: the lowest node that was heard from lately, unless nothing good comes of its lead. */
export class PoolLead {
  /** Since when peers have been alive but not ready, by index. */
  readonly #unreadySince = new Map<number, number>();
  /** Until when a leader is passed over, of whose lead nothing has come, by index. */
  readonly #idleUntil = new Map<number, number>();
  #need: Need | null = null;

  constructor(private readonly deps: PoolLeadDeps) {}

  /** The lowest party that is not passed over. */
  get leader(): number {
    const { index, presence } = this.deps;
    const lower = presence.peers().filter((peer) => peer.index < index && !this.#isPassedOver(peer));
    return Math.min(index, ...lower.map((peer) => peer.index));
  }

  get isOwn(): boolean {
    return this.leader === this.deps.index;
  }

  /** One of these signers was made, in which this node took part. */
  made(id: string, signers: readonly number[]): void {
    const [need, now] = [this.#need, this.deps.clock.monotonic()];
    if (need === null || need.leader !== leaderOf(id, this.deps.n)) return;
    need.resultAt = now;
    if (need.counts.has(signersLabel(signers))) Object.assign(need, { neededAt: now, counts: new Map() });
  }

  /**
   * To be called often: looks at the peers, and at what has come of the lead.
   * @param levels of each signer set that can sign
   * @param neediest those of them that have to be asked for next
   */
  look(levels: readonly SetLevel[], neediest: readonly SetLevel[]): void {
    const { clock, demand, config } = this.deps;
    this.#noteReadiness();
    const [now, leader] = [clock.monotonic(), this.leader];
    this.#need = this.#needUnder(leader, levels, neediest, now);
    if (this.#need === null) return;
    if (this.deps.worksFor(leader)) this.#need.resultAt = now;
    const refills = demand.refillMs === 0 ? FIRST_RESULT_MS : REFILLS_WITHOUT_RESULT * demand.refillMs;
    const patience = Math.max(config.poolLeaderTimeoutMs, refills);
    const { resultAt, neededAt } = this.#need;
    if (now - resultAt <= patience && now - neededAt <= PATIENCES_FOR_NEEDED * patience) return;
    this.#idleUntil.set(leader, now + PASSED_OVER_MS);
    this.#need = null;
  }

  /**
   * What the pool needs under this leader. Where sets without it are among the neediest, only those count as needed most: it could make
   * others with itself alone in mind, and then state that it has none of them.
   */
  #needUnder(leader: number, levels: readonly SetLevel[], neediest: readonly SetLevel[], now: number): Need | null {
    if (leader === this.deps.index || neediest.length === 0) return null;
    const before = this.#need?.leader === leader ? this.#need : null;
    // This node may have no part in what comes: it sees that there are more.
    const hasCome = levels.some(({ signers, count }) => count > (before?.counts.get(signersLabel(signers)) ?? Infinity));
    const need = before === null || hasCome ? { leader, resultAt: now, neededAt: now, counts: new Map<string, number>() } : before;
    const others = neediest.filter(({ signers }) => !signers.includes(leader));
    for (const { signers, count } of others.length > 0 ? others : neediest) {
      const label = signersLabel(signers);
      need.counts.set(label, Math.min(count, need.counts.get(label) ?? Infinity));
    }
    return need;
  }

  #noteReadiness(): void {
    for (const peer of this.deps.presence.peers()) {
      if (isReady(this.deps, peer.index)) this.#unreadySince.delete(peer.index);
      else if (!this.#unreadySince.has(peer.index)) this.#unreadySince.set(peer.index, this.deps.clock.monotonic());
    }
  }

  /** Nobody waits for long for a node that is silent, nor for one that is alive but cannot sign or asks in vain. Nor for a culprit. */
  #isPassedOver({ index, ageMs }: PeerView): boolean {
    const { config, clock, culprits } = this.deps;
    const now = clock.monotonic();
    const unreadyMs = now - (this.#unreadySince.get(index) ?? Infinity);
    const isIdle = (this.#idleUntil.get(index) ?? 0) > now;
    return Math.max(ageMs, unreadyMs) > config.poolLeaderTimeoutMs || isIdle || culprits.has(index);
  }
}
