import { createHash } from 'node:crypto';
import type { Caller } from 'service/callers';

interface Entry {
  readonly id: string;
  readonly payload: string;
}

/** Upper bound of the memory that V8 needs for an entry: two bytes a character, and 512 for the objects around it. */
export function entryBytes(entry: { readonly payload: string }): number {
  return 2 * entry.payload.length + 512;
}

/** A hash that is equal when the same entry is posted twice. @param posted its keys in the order of the schema */
export function digest(posted: object): string {
  return createHash('sha256').update(JSON.stringify(posted)).digest('base64');
}

/** What was posted under one request, in order of arrival. The list only grows, and no entry is in it twice. */
export class EntryLog<T extends Entry> {
  readonly #entries: T[] = [];
  readonly #byDigest = new Map<string, T>();
  /** Who has posted how much of it. */
  readonly owners = new Map<Caller, { entries: number; bytes: number }>();
  /** Sum of {@link entryBytes}. */
  bytes = 0;

  get size(): number {
    return this.#entries.length;
  }

  find(digestOfEntry: string): T | undefined {
    return this.#byDigest.get(digestOfEntry);
  }

  /** @param entry its id must be larger, as a string, than every earlier one: `after` finds its place by it */
  push(digestOfEntry: string, entry: T, owner: Caller): void {
    this.#entries.push(entry);
    this.#byDigest.set(digestOfEntry, entry);
    const bytes = entryBytes(entry);
    this.bytes += bytes;
    const own = this.owners.get(owner) ?? { entries: 0, bytes: 0 };
    this.owners.set(owner, { entries: own.entries + 1, bytes: own.bytes + bytes });
  }

  /** The entries after the one with the id `cursor`. All of them when there is no such entry. */
  *after(cursor: string | undefined): Generator<T> {
    for (let k = this.#indexAfter(cursor); k < this.#entries.length; k += 1) {
      const entry = this.#entries[k];
      if (entry !== undefined) yield entry;
    }
  }

  #indexAfter(cursor: string | undefined): number {
    if (cursor === undefined) return 0;
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const id = this.#entries[middle]?.id;
      if (id === cursor) return middle + 1;
      if (id !== undefined && id < cursor) low = middle + 1;
      else high = middle;
    }
    return 0;
  }
}
