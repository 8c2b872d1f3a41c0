import { canSignTogether, isLate, type PeerView } from 'message-board/peer_view';
import type { Roster } from 'sealing/roster';
import type { Clock } from 'service/clock';

/**
 * A presignature that is still offered this long after it was proposed was for a request that did not reach the board: it is proposed
 * again. Smaller: two requests may be given the same one. Larger: it lies idle for longer.
 */
const AGAIN_MS = 60_000;

/** Free presignatures of a signer set that can sign. */
interface Offer {
  readonly free: readonly string[];
  /** Presignatures that the first member of the set holds, without those that were proposed. */
  readonly left: number;
}

/**
 * Picks a presignature for each request, so that the nodes that made it sign as soon as they see the request. A wrong pick does no harm but
 * delay: when a maker has just gone down, or another request has taken the presignature, the request is signed in full. A presignature
 * signs once at most.
 */
export class Proposals {
  readonly #roster: Roster;
  readonly #clock: Clock;
  /** When each of those that are still offered was proposed, by the clock's `monotonic`. */
  readonly #proposed = new Map<string, number>();

  constructor(roster: Roster, clock: Clock) {
    this.#roster = roster;
    this.#clock = clock;
  }

  /** Number of presignatures that were proposed and are still offered. */
  get remembered(): number {
    return this.#proposed.size;
  }

  /** The oldest presignature of the signer set that has most; undefined when no set that can sign offers one. */
  next(nodes: readonly PeerView[]): string | undefined {
    this.#forget(nodes);
    const offers = nodes.flatMap((node) => this.#offersOf(node, nodes)).sort((a, b) => b.left - a.left);
    const id = offers[0]?.free[0];
    if (id !== undefined) this.#proposed.set(id, this.#clock.monotonic());
    return id;
  }

  /** A node offers the presignatures of those signer sets whose first member it is. */
  #offersOf(first: PeerView, nodes: readonly PeerView[]): Offer[] {
    const { pool = {}, offers = {} } = first.status ?? {};
    const { t } = this.#roster;
    return Object.entries(offers).flatMap(([label, ids]) => {
      const members = label.split('-').map((number) => `node-${number}`);
      const signers = nodes.filter(({ nodeId }) => members.includes(nodeId));
      const isSet = members.length === t && signers.length === t && members[0] === first.nodeId;
      const free = ids.filter((id) => !this.#proposed.has(id));
      if (!isSet || free.length === 0 || signers.some(isLate) || !canSignTogether(signers, members)) return [];
      return [{ free, left: (pool[label] ?? 0) - (ids.length - free.length) }];
    });
  }

  /** A presignature that is no longer offered has been used, or is lost. It is never offered again. */
  #forget(nodes: readonly PeerView[]): void {
    const offered = new Set(nodes.flatMap(({ status }) => Object.values(status?.offers ?? {}).flat()));
    const now = this.#clock.monotonic();
    for (const [id, at] of this.#proposed) if (!offered.has(id) || now - at > AGAIN_MS) this.#proposed.delete(id);
  }
}
