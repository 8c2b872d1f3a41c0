import { every, type Clock, type Timer } from 'service/clock';
import { SessionTimeout } from '../base/errors.js';
import { nodeId } from '../base/utils.js';
import type { PeerView } from 'message-board/peer_view';
import type { PresenceView } from '../cluster/presence.js';

/** The peers that a session waits for are looked at this often. News of them is seen at once. */
const LOOK_MS = 1_000;

/** How the other members are, as they say. */
export type PeerSource = Pick<PresenceView, 'peers' | 'onChange'>;

/** Peers that do not say how they are, such as Rust nodes: each is given up only when it is silent for too long. */
export const UNKNOWN_PEERS: PeerSource = { peers: () => [], onChange: () => () => undefined };

export interface PeerWatchOptions {
  readonly clock: Clock;
  readonly peers: PeerSource;
  /** Party indices; the protocol index is the position. */
  readonly participants: readonly number[];
  /** A peer that is silent for this long is given up, milliseconds. */
  readonly silenceMs: number;
  /** A peer that has not been alive for this long is given up earlier, milliseconds. */
  readonly goneAfterMs: number;
  /** Called when peers that the session waits for are given up. */
  readonly onLoss: (error: SessionTimeout) => void;
}

/** Watches the peers that one session waits for. There is no use in waiting for a peer that is down, or that has forgotten the session. */
export class PeerWatch {
  #waiting: { readonly round: string; readonly missing: readonly string[] } | null = null;
  #silence: Timer | undefined;
  #looking: Timer | undefined;
  /** Of participants that were alive during this session. */
  readonly #incarnations = new Map<number, string>();

  constructor(private readonly options: PeerWatchOptions) {
    this.#lost();
  }

  /** The round whose messages the session waits for; null when it waits for none. */
  get round(): string | null {
    return this.#waiting?.round ?? null;
  }

  /** The session waits for messages of a round. @param missing protocol indices of their senders */
  waitFor(round: string, missing: readonly number[]): void {
    const { clock, participants, silenceMs, onLoss } = this.options;
    const ids = missing.map((position) => nodeId(participants[position] ?? position));
    if (this.#waiting?.round === round && this.#waiting.missing.join() === ids.join()) return;
    this.stop();
    this.#waiting = { round, missing: ids };
    this.#silence = clock.after(silenceMs, () => {
      onLoss(new SessionTimeout(round, ids));
    });
    this.#looking = every(clock, LOOK_MS, () => {
      this.check();
    });
    this.check();
  }

  /** The session waits for nobody. */
  stop(): void {
    this.#silence?.stop();
    this.#looking?.stop();
    this.#waiting = null;
  }

  /** Looks whether those that the session waits for are still there. */
  check(): void {
    const lost = this.#lost();
    const missing = this.#waiting?.missing.filter((id) => lost.includes(id)) ?? [];
    if (this.#waiting !== null && missing.length > 0) this.options.onLoss(new SessionTimeout(this.#waiting.round, missing));
  }

  /** Participants that were alive during this session and now are not, or are in another life. */
  #lost(): string[] {
    const { participants, goneAfterMs } = this.options;
    const peers = this.options.peers.peers().filter(({ index }) => participants.includes(index));
    for (const { index, live, status } of peers) {
      if (live && status !== undefined && !this.#incarnations.has(index)) this.#incarnations.set(index, status.incarnation);
    }
    const isLost = ({ index, live, ageMs, status }: PeerView): boolean => {
      const incarnation = this.#incarnations.get(index);
      return incarnation !== undefined && ((!live && ageMs > goneAfterMs) || status?.incarnation !== incarnation);
    };
    return peers.filter(isLost).map((peer) => peer.nodeId);
  }
}
