/** What a node finds out about itself by comparing what it knows with what the others state. */
import type { PeerView } from 'message-board/peer_view';
import { SELF } from 'message-board/peers';
import { every, type Clock } from 'service/clock';
import type { Problems } from '../base/problems.js';
import { nodeId } from '../base/utils.js';
import type { Presence } from './presence.js';

/** Larger: problems are told later. Smaller: more work. */
const LOOK_MS = 1_000;
/** A board that has not answered for this long counts as gone. Smaller: one slow answer counts. Larger: a node is called ready longer. */
const BOARD_GONE_AFTER_MS = 5_000;
/** Smaller: a node that has just come seems ignored. Larger: an operator learns later that it is. */
const IGNORED_AFTER_MS = 10_000;
/**
 * A node does not sign a request whose time is a minute ahead of its own clock. The gateway and a node may each be off by half of that.
 * Smaller: a node stops that could sign. Larger: others count on one that refuses what it is asked.
 */
const MAX_SKEW_MS = 30_000;

export interface SelfWatchDeps {
  /** Own party index. */
  readonly index: number;
  /** Nodes in the cluster. */
  readonly n: number;
  /** How many of them sign. */
  readonly t: number;
  readonly presence: Pick<Presence, 'peers' | 'clocks' | 'boardSilentMs' | 'refusal'>;
  readonly problems: Problems;
  readonly clock: Clock;
}

/** Looks every second, until the signal aborts. */
export function watchSelf(deps: SelfWatchDeps, signal: AbortSignal): void {
  const watch = new SelfWatch(deps);
  const looking = every(deps.clock, LOOK_MS, () => {
    watch.look();
  });
  signal.addEventListener('abort', () => {
    looking.stop();
  }, { once: true });
}

export class SelfWatch {
  #heardAt: number;

  constructor(private readonly deps: SelfWatchDeps) {
    this.#heardAt = deps.clock.monotonic();
  }

  look(): void {
    const { problems } = this.deps;
    problems.set('board_unavailable', this.#boardGone());
    problems.set('heartbeat_refused', this.#refused());
    problems.set('ignored_by_peers', this.#ignored());
    problems.set('clock_skew', this.#skewed());
  }

  #boardGone(): string | null {
    const isGone = this.deps.presence.boardSilentMs > BOARD_GONE_AFTER_MS;
    return isGone ? 'the message board does not answer: start it, or check MESSAGE_BOARD_URL and the network' : null;
  }

  #refused(): string | null {
    const { refusal } = this.deps.presence;
    return refusal === null ? null : `the message board refuses what this node says of itself (${refusal}): compare the rosters of both`;
  }

  /** Others are there, but too few of them hear this node to sign with it. */
  #ignored(): string | null {
    const { presence, clock, t } = this.deps;
    const live = presence.peers().filter((peer) => peer.live);
    const deaf = live.filter((peer) => !this.#isHeardBy(peer));
    const now = clock.monotonic();
    if (live.length < t - 1 || live.length - deaf.length >= t - 1) this.#heardAt = now;
    if (now - this.#heardAt <= IGNORED_AFTER_MS) return null;
    const who = deaf.map((peer) => peer.nodeId).join(', ');
    return `${who} do not hear this node: look for node_statement_refused in their logs, and compare the rosters`;
  }

  #isHeardBy({ status }: PeerView): boolean {
    return status?.hears.includes(nodeId(this.deps.index)) === true;
  }

  /**
   * At least n − t + 1 others show another time, all of them later or all of them earlier. One of so many is honest, so this clock or
   * that of an honest node is wrong. Fewer, which may all be corrupt, cannot make a node believe that.
   */
  #skewed(): string | null {
    const { presence, n, t } = this.deps;
    const clocks = presence.clocks();
    const own = clocks.get(SELF) ?? 0;
    const skews = [...clocks].flatMap(([member, clock]) => (member === SELF ? [] : [own - clock]));
    const ahead = skews.filter((skew) => skew > MAX_SKEW_MS);
    const behind = skews.filter((skew) => skew < -MAX_SKEW_MS);
    const [side, off] = ahead.length > behind.length ? ['ahead of', ahead] as const : ['behind', behind] as const;
    if (off.length < n - t + 1) return null;
    return `the clock of this machine is more than ${MAX_SKEW_MS / 1000} s ${side} those of ${off.length} other nodes: set it, with NTP`;
  }
}
