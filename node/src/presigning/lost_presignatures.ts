/**
 * Which presignatures of this node are of no use any more. A presignature signs only while each of its makers has its part:
 *
 * - A node that was restarted has lost its parts, and a culprit signs nothing.
 * - A node that is silent for long would only take up room. It may come back with its parts, when the others have dropped theirs: it cannot
 *   know that, for instance after a pause. So each node states what it holds, and one that is not stated by all of its makers is used by
 *   nobody, and is dropped when that lasts.
 */
import { isReady, type PeerView } from 'message-board/peer_view';
import type { Clock } from 'service/clock';
import { signersLabel } from '../base/utils.js';
import type { PresenceView } from '../cluster/presence.js';
import type { Culprits } from '../evidence/culprits.js';
import { offeredOfEach, type PresignaturePool } from './presignature_pool.js';

/** Smaller: a short outage of a node costs presignatures. Larger: what cannot be used takes up room for longer. */
const SILENT_MS = 30_000;
/**
 * Smaller: one is dropped that another maker has made a little later, or that it will use in a moment. Larger: what is lost takes up room
 * for longer.
 */
const UNSTATED_MS = 10_000;

export interface LostPresignaturesDeps {
  readonly presence: Pick<PresenceView, 'peers'>;
  readonly culprits: Pick<Culprits, 'has'>;
  readonly clock: Pick<Clock, 'monotonic'>;
}

export class LostPresignatures {
  readonly #incarnations = new Map<number, string>();
  /** Since when a presignature is not stated by one of its makers, by id, on the monotonic clock. */
  readonly #unstatedSince = new Map<string, number>();

  constructor(
    private readonly deps: LostPresignaturesDeps,
    private readonly pool: PresignaturePool,
  ) {}

  /** Drops them from the pool. @returns how many were dropped, by the party that has lost its parts */
  drop(): ReadonlyMap<number, number> {
    const dropped = new Map<number, number>();
    const peers = this.deps.presence.peers();
    for (const peer of peers) {
      const count = this.#hasLostAll(peer) ? this.pool.dropParticipant(peer.index) : 0;
      if (count > 0) dropped.set(peer.index, count);
    }
    for (const party of this.#dropUnstated(peers)) dropped.set(party, (dropped.get(party) ?? 0) + 1);
    return dropped;
  }

  #hasLostAll({ index, live, status, ageMs }: PeerView): boolean {
    const before = this.#incarnations.get(index);
    if (status !== undefined) this.#incarnations.set(index, status.incarnation);
    const isRestarted = status !== undefined && before !== undefined && before !== status.incarnation;
    return isRestarted || (!live && ageMs > SILENT_MS) || this.deps.culprits.has(index);
  }

  /** @returns for each one that was dropped, a party that does not state it */
  #dropUnstated(peers: readonly PeerView[]): number[] {
    const now = this.deps.clock.monotonic();
    const unstated = new Map(this.pool.free().flatMap(({ id, participants }) => {
      const missing = peers.find((peer) => participants.includes(peer.index) && doesNotHold(peer, signersLabel(participants), id));
      return missing === undefined ? [] : [[id, missing.index]];
    }));
    for (const id of this.#unstatedSince.keys()) if (!unstated.has(id)) this.#unstatedSince.delete(id);
    return [...unstated].flatMap(([id, party]) => {
      const since = this.#unstatedSince.get(id) ?? now;
      this.#unstatedSince.set(id, since);
      if (now - since <= UNSTATED_MS) return [];
      this.pool.take(id);
      return [party];
    });
  }
}

/**
 * Does a ready node state all of a signer set that it holds, and not this one? It does unless it states as many as it can and holds more: a
 * number alone, which may be false, keeps nothing here.
 */
function doesNotHold(peer: PeerView, label: string, id: string): boolean {
  const { offers = {}, pool = {} } = peer.status ?? {};
  const stated = offers[label] ?? [];
  const statesAll = stated.length >= (pool[label] ?? 0) || stated.length < offeredOfEach(Object.keys(offers).length);
  return isReady(peer) && statesAll && !stated.includes(id);
}
