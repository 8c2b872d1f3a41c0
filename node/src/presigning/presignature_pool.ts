import type { Presignature } from 'cggmp24';
import { MAX_OFFERS } from 'message-board/contract';
import { signersLabel } from '../base/utils.js';
import type { PresenceView } from '../cluster/presence.js';
import type { SessionRecord } from '../mail/session_record.js';

/**
 * Upper bound on offers in one heartbeat, for all signer sets together; each set offers at least one. Smaller: a burst of requests finds
 * nothing to propose. Larger: every node reads more with every status.
 */
const MAX_OFFERED = 96;

/** A presignature and who made it. */
export interface StoredPresignature {
  /** The id under which its makers know it. */
  readonly id: string;
  /** Party indices, ascending; protocol index is the position. */
  readonly participants: readonly number[];
  readonly presignature: Presignature;
  /** What its makers said to each other: evidence if one of them cheats with its partial signature. Null when nobody signed that. */
  readonly making: SessionRecord | null;
}

/**
 * This node's halves of presignatures: in memory only, and never twice. Taking one removes it before anything is computed with it;
 * whatever happens next, it is not here any more.
 */
export class PresignaturePool {
  /** In order of arrival. */
  readonly #stored = new Map<string, StoredPresignature>();
  /** Those that are assigned to a request. */
  readonly #reserved = new Set<string>();

  /** @param maxFree the pool is full when this many are not assigned to a request */
  constructor(readonly maxFree: number) {}

  get size(): number {
    return this.#stored.size;
  }

  /** Is there no need to make more? Those that are assigned to requests are as good as used. */
  get isFull(): boolean {
    return this.#stored.size - this.#reserved.size >= this.maxFree;
  }

  /**
   * Keeps a new presignature, even when the pool has become full meanwhile: the other makers keep theirs.
   * @returns false when one of this id is here already
   */
  add(stored: StoredPresignature): boolean {
    if (this.#stored.has(stored.id)) return false;
    this.#stored.set(stored.id, stored);
    return true;
  }

  /** Removes a presignature and hands it out, once. */
  take(id: string): StoredPresignature | null {
    const stored = this.#stored.get(id) ?? null;
    this.#stored.delete(id);
    this.#reserved.delete(id);
    return stored;
  }

  has(id: string): boolean {
    return this.#stored.has(id);
  }

  /** Party indices of those who made it; null when it is not here. */
  makersOf(id: string): readonly number[] | null {
    return this.#stored.get(id)?.participants ?? null;
  }

  /**
   * Sets the newest of these presignatures aside, and returns its id; null when none of them is free. The gateway proposes the oldest
   * first, so the newest is the last one that it may have proposed without this node's knowledge.
   */
  reserve(ids: readonly string[]): string | null {
    const id = this.free().findLast((stored) => ids.includes(stored.id))?.id ?? null;
    if (id !== null) this.setAside(id);
    return id;
  }

  /** Ids of free ones, by signer set, `1-2-3`: the oldest first, and of each set the same number at most. */
  offers(): Record<string, string[]> {
    const free = this.free();
    const sets = new Set(free.map(({ participants }) => signersLabel(participants)));
    const ofEach = offeredOfEach(sets.size);
    const idsOf = (label: string): string[] => free.filter(({ participants }) => signersLabel(participants) === label).map(({ id }) => id);
    return Object.fromEntries([...sets].map((label) => [label, idsOf(label).slice(0, ofEach)]));
  }

  /** It is assigned to a request, and so to no other one. */
  setAside(id: string): void {
    if (this.#stored.has(id)) this.#reserved.add(id);
  }

  /** It is free again: its request was assigned another one. */
  release(id: string): void {
    this.#reserved.delete(id);
  }

  /** How many of each signer set are free, by `1-2-3`. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { participants } of this.free()) {
      const label = signersLabel(participants);
      counts[label] = (counts[label] ?? 0) + 1;
    }
    return counts;
  }

  /** Drops all that a party took part in, because it has lost its halves. @returns how many */
  dropParticipant(party: number): number {
    const lost = [...this.#stored.values()].filter(({ participants }) => participants.includes(party));
    for (const { id } of lost) this.take(id);
    return lost.length;
  }

  /** Those that are not assigned to a request, the oldest first. */
  free(): StoredPresignature[] {
    return [...this.#stored.values()].filter(({ id }) => !this.#reserved.has(id));
  }
}

/** How many of each signer set are offered at most, when there are free ones of so many sets. */
export function offeredOfEach(sets: number): number {
  return Math.min(MAX_OFFERS, Math.ceil(MAX_OFFERED / sets));
}

/** How many are free, by signer set: `1-2-3`. */
export type PoolCounts = Readonly<Record<string, number>>;

export interface CountsDeps {
  /** Own party index. */
  readonly index: number;
  readonly presence: Pick<PresenceView, 'peers'>;
}

/** How many each party has free: this node by its pool, the others as they say. */
export function countsByParty({ index, presence }: CountsDeps, pool: PresignaturePool): ReadonlyMap<number, PoolCounts> {
  return new Map([...presence.peers().map((peer) => [peer.index, peer.status?.pool ?? {}] as const), [index, pool.counts()]]);
}
