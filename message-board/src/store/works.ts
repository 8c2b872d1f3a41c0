import type { Message, PartialSignature, Status } from '../contract/contract.js';
import type { Caller } from 'service/callers';
import { EntryLog } from './entry_log.js';
import type { Limits } from './limits.js';
import { OrderedList, type Place } from './ordered_list.js';
import type { Usage } from './store_context.js';

/** Everything that the board holds under one id. */
export interface Work<R> {
  readonly id: string;
  /** Who has begun it. */
  readonly owner: Caller;
  /** Undefined while the id has messages only. */
  record: R | undefined;
  messages: EntryLog<Message>;
  partials: EntryLog<PartialSignature>;
  /** When it got its record. All times here are of the monotonic clock. */
  announcedAt: number;
  /** When somebody last posted to it or asked for it. */
  touchedAt: number;
  /** Undefined while it is open. */
  finishedAt: number | undefined;
  /** Its number in the order of arrival, from 1. */
  arrival: number;
  /** Its place in that order. */
  arrived: Place<Work<R>> | undefined;
  /** Its other places in lists; undefined before its first record. */
  listed: Listed<R> | undefined;
  /** Size of the record, as the store counts it. */
  recordBytes: number;
}

/** Works in order of arrival, and of their last changes. */
class Lists<R> {
  readonly arrived = new OrderedList<Work<R>, number>();
  readonly changed = new OrderedList<Work<R>>();
}

/** The places of a work with a record. */
interface Listed<R> {
  readonly status: Status;
  /** Among those of its status. */
  readonly arrivedOfStatus: Place<Work<R>>;
  readonly changedOfStatus: Place<Work<R>>;
  /** Among all. */
  readonly changed: Place<Work<R>>;
}

/** Works by id, and in order of arrival. Finished ones are also in the order in which they finished, and records by their last change. */
export class Works<R extends { readonly status: Status }> {
  readonly byId = new Map<string, Work<R>>();
  readonly open = new Map<string, Work<R>>();
  readonly finished = new Map<string, Work<R>>();
  readonly #finishedWithEntries = new Set<Work<R>>();
  readonly #all = new Lists<R>();
  readonly #ofStatus: Readonly<Record<Status, Lists<R>>> = {
    pending: new Lists(), in_progress: new Lists(), completed: new Lists(), failed: new Lists(),
  };
  readonly #usage: Usage;
  readonly #limits: Limits;
  readonly #finishedBytesMax: number;
  readonly #onDrop: (record: R) => void;
  #arrivals = 0;
  /** Of the records of finished works. */
  #finishedBytes = 0;

  /**
   * @param usage counts what is held here, and in the other stores too
   * @param finishedPart of all bytes, which finished records take at most: so the oldest gives way to the newest finished one, and never to
   *   work that is not finished
   * @param onDrop told of each record that is forgotten
   */
  constructor(usage: Usage, limits: Limits, finishedPart: number, onDrop: (record: R) => void = () => undefined) {
    this.#usage = usage;
    this.#limits = limits;
    this.#finishedBytesMax = limits.maxStoredBytes * finishedPart;
    this.#onDrop = onDrop;
  }

  /** Makes an open work without a record. */
  begin(id: string, now: number, owner: Caller): Work<R> {
    const work: Work<R> = {
      id,
      owner,
      record: undefined,
      messages: new EntryLog(),
      partials: new EntryLog(),
      announcedAt: now,
      touchedAt: now,
      finishedAt: undefined,
      arrival: 0,
      arrived: undefined,
      listed: undefined,
      recordBytes: 0,
    };
    this.#arrive(work);
    return work;
  }

  /** Gives an open work its first record, or replaces its record, as if the work arrived now. Its entries stay. */
  announce(work: Work<R>, record: R, revision: string, recordBytes: number, now: number): void {
    this.#arrive(work);
    work.announcedAt = now;
    this.change(work, record, revision, recordBytes);
  }

  /**
   * Replaces the record of a work.
   * @param revision larger, as a string, than every earlier one
   * @param recordBytes size of the new record
   */
  change(work: Work<R>, record: R, revision: string, recordBytes: number): void {
    const more = recordBytes - work.recordBytes;
    this.#usage.bytes += more;
    if (work.finishedAt !== undefined) this.#finishedBytes += more;
    work.recordBytes = recordBytes;
    work.record = record;
    this.#list(work, record.status, revision);
  }

  /** Ends an open work. When too many are finished, the oldest is forgotten. */
  finish(work: Work<R>, now: number): void {
    work.finishedAt = now;
    this.open.delete(work.id);
    this.finished.set(work.id, work);
    this.#finishedBytes += work.recordBytes;
    if (entries(work) > 0) this.#finishedWithEntries.add(work);
    while (this.finished.size > this.#limits.maxFinished || this.#finishedBytes > this.#finishedBytesMax) {
      if (!this.#forgetOldestFinished()) break;
    }
  }

  /** Adds an entry to one of the two logs of a work. */
  append<T extends { readonly id: string; readonly payload: string }>(
    work: Work<R>,
    log: EntryLog<T>,
    digest: string,
    entry: T,
    owner: Caller,
  ): void {
    const before = log.bytes;
    log.push(digest, entry, owner);
    this.#usage.entries += 1;
    this.#charge(owner, log.bytes - before);
    if (work.finishedAt !== undefined) this.#finishedWithEntries.add(work);
  }

  /** Forgets a work. */
  drop(work: Work<R>): void {
    this.dropEntries(work);
    this.#usage.bytes -= work.recordBytes;
    if (work.finishedAt !== undefined) this.#finishedBytes -= work.recordBytes;
    this.#leave(work);
    for (const works of [this.byId, this.open, this.finished]) works.delete(work.id);
    if (work.record !== undefined) this.#onDrop(work.record);
  }

  /** Forgets the entries of a work, and keeps its record. */
  dropEntries(work: Work<R>): void {
    this.#usage.entries -= entries(work);
    for (const log of [work.messages, work.partials]) {
      for (const [owner, { bytes }] of log.owners) this.#charge(owner, -bytes);
    }
    work.messages = new EntryLog();
    work.partials = new EntryLog();
    this.#finishedWithEntries.delete(work);
  }

  /** Forgets works that finished too long ago, and the entries of works before that. */
  expireFinished(now: number): void {
    for (const work of this.#finishedWithEntries) {
      if (age(work, now) > this.#limits.entryRetentionMs) this.dropEntries(work);
    }
    for (const work of this.finished.values()) {
      if (age(work, now) <= this.#limits.retentionMs) break;
      this.drop(work);
    }
  }

  /** Makes room: forgets the entries of the oldest finished work that has any. @returns false when there is none */
  forgetOldestEntries(): boolean {
    const [oldest] = this.#finishedWithEntries;
    if (oldest !== undefined) this.dropEntries(oldest);
    return oldest !== undefined;
  }

  /** Makes room in the share of a member: forgets its own entries of the oldest finished work that has any. @returns false as above */
  forgetOldestEntriesOf(owner: Caller): boolean {
    for (const work of this.#finishedWithEntries) {
      const logs = [work.messages, work.partials].filter(({ owners }) => owners.has(owner));
      if (logs.length === 0) continue;
      const before = entries(work);
      for (const log of logs) {
        this.#charge(owner, -(log.owners.get(owner)?.bytes ?? 0));
        log.forget(owner);
      }
      this.#usage.entries -= before - entries(work);
      if (entries(work) === 0) this.#finishedWithEntries.delete(work);
      return true;
    }
    return false;
  }

  /** How many of these works are open, and how much room their records take. */
  openOf(isCounted: (work: Work<R>) => boolean): { readonly count: number; readonly bytes: number } {
    const counted = [...this.open.values()].filter(isCounted);
    return { count: counted.length, bytes: counted.reduce((sum, { recordBytes }) => sum + recordBytes, 0) };
  }

  #charge(owner: Caller, bytes: number): void {
    const { entryBytesOf } = this.#usage;
    this.#usage.bytes += bytes;
    entryBytesOf.set(owner, (entryBytesOf.get(owner) ?? 0) + bytes);
  }

  /** @returns false when there is none */
  #forgetOldestFinished(): boolean {
    const [oldest] = this.finished.values();
    if (oldest !== undefined) this.drop(oldest);
    return oldest !== undefined;
  }

  /** Records in order of arrival. @param status only with this status @param after only after the one with this id, if it is known */
  *records(status: Status | undefined, after: string | undefined): Generator<R> {
    const last = after === undefined ? 0 : (this.byId.get(after)?.arrival ?? 0);
    for (const { record } of this.#with(status).arrived.after(last)) if (record !== undefined) yield record;
  }

  /** Records in order of their last change. @param status only with this status @param revision only changed after it; `''`: all */
  *changedAfter(status: Status | undefined, revision: string): Generator<R> {
    for (const { record } of this.#with(status).changed.after(revision)) if (record !== undefined) yield record;
  }

  #with(status: Status | undefined): Lists<R> {
    return status === undefined ? this.#all : this.#ofStatus[status];
  }

  #arrive(work: Work<R>): void {
    this.#leave(work);
    this.#arrivals += 1;
    work.arrival = this.#arrivals;
    work.arrived = this.#all.arrived.add(work.arrival, work);
    this.byId.set(work.id, work);
    this.open.set(work.id, work);
  }

  #leave(work: Work<R>): void {
    if (work.arrived !== undefined) this.#all.arrived.remove(work.arrived);
    this.#unlist(work);
  }

  /** Gives a work its places behind all that have changed before, and among those of its status. */
  #list(work: Work<R>, status: Status, revision: string): void {
    this.#unlist(work);
    const { arrived, changed } = this.#ofStatus[status];
    work.listed = {
      status,
      arrivedOfStatus: arrived.add(work.arrival, work),
      changedOfStatus: changed.add(revision, work),
      changed: this.#all.changed.add(revision, work),
    };
  }

  #unlist({ listed }: Work<R>): void {
    if (listed === undefined) return;
    const { arrived, changed } = this.#ofStatus[listed.status];
    arrived.remove(listed.arrivedOfStatus);
    changed.remove(listed.changedOfStatus);
    this.#all.changed.remove(listed.changed);
  }
}

/** How many messages and partial signatures it has. */
export function entries(work: Work<unknown>): number {
  return work.messages.size + work.partials.size;
}

function age(work: Work<unknown>, now: number): number {
  return now - (work.finishedAt ?? now);
}
