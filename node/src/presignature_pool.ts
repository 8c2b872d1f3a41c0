import type { Presignature } from 'cggmp24';
import type { SessionRecord } from './culprits.js';
import { signersLabel } from './utils.js';

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
  // In order of arrival, so the oldest of a set goes first, at all its members.
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

  /** Sets the oldest presignature of a signer set aside, so that no other request names it, and returns its id. */
  reserve(participants: readonly number[]): string | null {
    const label = signersLabel(participants);
    for (const { id, participants: makers } of this.#stored.values()) {
      if (signersLabel(makers) !== label || this.#reserved.has(id)) continue;
      this.setAside(id);
      return id;
    }
    return null;
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
    for (const { id, participants } of this.#stored.values()) {
      const label = signersLabel(participants);
      if (!this.#reserved.has(id)) counts[label] = (counts[label] ?? 0) + 1;
    }
    return counts;
  }

  /** Drops all that a party took part in: it has lost its halves. Returns how many. */
  dropParticipant(party: number): number {
    const lost = [...this.#stored.values()].filter(({ participants }) => participants.includes(party));
    for (const { id } of lost) this.take(id);
    return lost.length;
  }
}
