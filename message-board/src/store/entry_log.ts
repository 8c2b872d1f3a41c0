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

interface Posted<T> {
  readonly entry: T;
  readonly digest: string;
  readonly owner: Caller;
}

/** What was posted under one request, in order of arrival. No entry is in it twice. */
export class EntryLog<T extends Entry> {
  #entries: Posted<T>[] = [];
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
  push(digest: string, entry: T, owner: Caller): void {
    this.#entries.push({ entry, digest, owner });
    this.#byDigest.set(digest, entry);
    const bytes = entryBytes(entry);
    this.bytes += bytes;
    const own = this.owners.get(owner) ?? { entries: 0, bytes: 0 };
    this.owners.set(owner, { entries: own.entries + 1, bytes: own.bytes + bytes });
  }

  /** Forgets what this caller has posted. */
  forget(owner: Caller): void {
    for (const posted of this.#entries) if (posted.owner === owner) this.#byDigest.delete(posted.digest);
    this.#entries = this.#entries.filter((posted) => posted.owner !== owner);
    this.bytes -= this.owners.get(owner)?.bytes ?? 0;
    this.owners.delete(owner);
  }

  /** The entries after the one with the id `cursor`. All of them when there is no such entry. */
  *after(cursor: string | undefined): Generator<T> {
    for (let k = this.#indexAfter(cursor); k < this.#entries.length; k += 1) {
      const posted = this.#entries[k];
      if (posted !== undefined) yield posted.entry;
    }
  }

  #indexAfter(cursor: string | undefined): number {
    if (cursor === undefined) return 0;
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const id = this.#entries[middle]?.entry.id;
      if (id === cursor) return middle + 1;
      if (id !== undefined && id < cursor) low = middle + 1;
      else high = middle;
    }
    return 0;
  }
}
