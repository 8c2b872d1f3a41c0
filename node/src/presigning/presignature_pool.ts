import type { Presignature } from 'cggmp24';
import { MAX_OFFERS } from 'message-board/contract';
import type { NodeContext } from '../context.js';
import type { SessionRecord } from '../mail/session_record.js';
import { signersLabel } from '../base/utils.js';

/** Of all signer sets together so many are offered, or one of each: every status brings them to every node. */
const OFFERED = 96;

/** A presignature and who made it. */
export interface StoredPresignature {
  /** The id under which its makers know it. */
  readonly id: string;
  /** Party indices, ascending; protocol index is the position. */
  readonly participants: readonly number[];
  readonly presignature: Presignature;
  /** What its makers said to each other, should one of them cheat with its part of a signature. */
  readonly making: SessionRecord | null;
}

/**
 * This node's halves of presignatures: in memory only, and never twice. Taking one removes it before anything is
 * computed with it; whatever happens next, it is not here any more.
 */
export class PresignaturePool {
  // In order of arrival.
  readonly #stored = new Map<string, StoredPresignature>();
  readonly #reserved = new Set<string>();

  /** @param maxFree with so many that no request has been named, it is full */
  constructor(readonly maxFree: number) {}

  get size(): number {
    return this.#stored.size;
  }

  /** Should this node take part in making more? Those that requests have been named are as good as gone. */
  get isFull(): boolean {
    return this.#stored.size - this.#reserved.size >= this.maxFree;
  }

  /** Keeps a new presignature, also when the pool has become full meanwhile: the other makers keep theirs. @returns false when it has one of this id */
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
   * Sets the newest presignature of a signer set aside, so that no other request names it, and returns its id. The gateway proposes the oldest:
   * of what it has proposed and this node does not know of yet, the newest is the last.
   */
  reserve(participants: readonly number[]): string | null {
    const label = signersLabel(participants);
    const id = this.#free().findLast((stored) => signersLabel(stored.participants) === label)?.id ?? null;
    if (id !== null) this.setAside(id);
    return id;
  }

  /** Free ones of the sets whose first member is `party`, by `1-2-3`, the oldest first, of each set as many as of the others. */
  offers(party: number): Record<string, string[]> {
    const own = this.#free().filter(({ participants: [first] }) => first === party);
    const sets = new Set(own.map(({ participants }) => signersLabel(participants)));
    const ofEach = Math.min(MAX_OFFERS, Math.ceil(OFFERED / sets.size));
    return Object.fromEntries([...sets].map((label) => [label, own.flatMap(({ id, participants }) => (signersLabel(participants) === label ? [id] : [])).slice(0, ofEach)]));
  }

  /** Some request has been named this one: no other is. */
  setAside(id: string): void {
    if (this.#stored.has(id)) this.#reserved.add(id);
  }

  /** Puts a reserved one back: the request was named another. */
  release(id: string): void {
    this.#reserved.delete(id);
  }

  /** How many of each signer set are free, by `1-2-3`. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { participants } of this.#free()) {
      const label = signersLabel(participants);
      counts[label] = (counts[label] ?? 0) + 1;
    }
    return counts;
  }

  /** Drops all that a party took part in: it has lost its halves. Returns how many. */
  dropParticipant(party: number): number {
    const lost = [...this.#stored.values()].filter(({ participants }) => participants.includes(party));
    for (const { id } of lost) this.take(id);
    return lost.length;
  }

  #free(): StoredPresignature[] {
    return [...this.#stored.values()].filter(({ id }) => !this.#reserved.has(id));
  }
}

/** How many of each signer set each party has free, by `1-2-3`: this node by its pool, the others as they say. */
export function countsByParty({ index, presence }: NodeContext, pool: PresignaturePool): ReadonlyMap<number, Readonly<Record<string, number>>> {
  return new Map([...presence.peers().map((peer) => [peer.index, peer.status?.pool ?? {}] as const), [index, pool.counts()]]);
}
