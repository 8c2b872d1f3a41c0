import type { Message, PartialSignature, Status } from '../contract/contract.js';
import { EntryLog } from './entry_log.js';
import type { Limits } from './limits.js';
import { OrderedList, type Place } from './ordered_list.js';
import type { Usage } from './store_context.js';

/** All that is held under one id. */
export interface Work<R> {
  readonly id: string;
  /** None while only messages were posted under the id. */
  record: R | undefined;
  messages: EntryLog<Message>;
  partials: EntryLog<PartialSignature>;
  /** When it got its record, as all times here by the monotonic clock. */
  announcedAt: number;
  /** When it was last posted to or asked for. */
  touchedAt: number;
  finishedAt: number | undefined;
  /** Its place in the order of arrival. */
  arrival: number;
  /** Its place in the order of the last change. */
  change: Place<Work<R>> | undefined;
  /** Size of the record's texts. */
  recordBytes: number;
}

/** Works by id, in order of arrival; finished ones also in the order in which they finished; records by their last change. */
export class Works<R extends { readonly status: Status }> {
  readonly byId = new Map<string, Work<R>>();
  readonly open = new Map<string, Work<R>>();
  readonly finished = new Map<string, Work<R>>();
  readonly #finishedWithEntries = new Set<Work<R>>();
  readonly #changed = new OrderedList<Work<R>>();
  #arrivals = 0;

  constructor(
    private readonly usage: Usage,
    private readonly limits: Limits,
  ) {}

  /** An open work without a record. */
  begin(id: string, now: number): Work<R> {
    const messages = new EntryLog<Message>();
    const partials = new EntryLog<PartialSignature>();
    const state = { record: undefined, announcedAt: now, touchedAt: now, finishedAt: undefined, arrival: 0, change: undefined, recordBytes: 0 };
    const work: Work<R> = { id, messages, partials, ...state };
    this.#arrive(work);
    return work;
  }

  /** Gives an open work its first record, or another one instead of it, as if it had arrived now; its entries stay. */
  announce(work: Work<R>, record: R, revision: string, recordBytes: number, now: number): void {
    this.#arrive(work);
    work.announcedAt = now;
    this.change(work, record, revision, recordBytes);
  }

  /**
   * @param revision larger, as a string, than every earlier one
   * @param recordBytes of the record's texts
   */
  change(work: Work<R>, record: R, revision: string, recordBytes: number): void {
    this.usage.bytes += recordBytes - work.recordBytes;
    work.recordBytes = recordBytes;
    work.record = record;
    if (work.change !== undefined) this.#changed.remove(work.change);
    work.change = this.#changed.add(revision, work);
  }

  finish(work: Work<R>, now: number): void {
    work.finishedAt = now;
    this.open.delete(work.id);
    this.finished.set(work.id, work);
    if (entries(work) > 0) this.#finishedWithEntries.add(work);
    if (this.finished.size > this.limits.maxFinished) this.forgetOldestFinished();
  }

  append<T extends { readonly id: string; readonly payload: string }>(work: Work<R>, log: EntryLog<T>, digest: string, entry: T): void {
    const before = log.bytes;
    log.push(digest, entry);
    this.usage.entries += 1;
    this.usage.bytes += log.bytes - before;
    if (work.finishedAt !== undefined) this.#finishedWithEntries.add(work);
  }

  drop(work: Work<R>): void {
    this.dropEntries(work);
    this.usage.bytes -= work.recordBytes;
    if (work.change !== undefined) this.#changed.remove(work.change);
    for (const works of [this.byId, this.open, this.finished]) works.delete(work.id);
  }

  dropEntries(work: Work<R>): void {
    this.usage.entries -= entries(work);
    this.usage.bytes -= work.messages.bytes + work.partials.bytes;
    work.messages = new EntryLog();
    work.partials = new EntryLog();
    this.#finishedWithEntries.delete(work);
  }

  /** Forgets finished works that are too old, and the entries of those that finished long enough ago. */
  expireFinished(now: number): void {
    for (const work of this.#finishedWithEntries) {
      if (age(work, now) > this.limits.entryRetentionMs) this.dropEntries(work);
    }
    for (const work of this.finished.values()) {
      if (age(work, now) <= this.limits.retentionMs) break;
      this.drop(work);
    }
  }

  /** Makes room. @returns false when nothing finished has entries */
  forgetOldestEntries(): boolean {
    const [oldest] = this.#finishedWithEntries;
    if (oldest !== undefined) this.dropEntries(oldest);
    return oldest !== undefined;
  }

  /** Makes room. @returns false when nothing is finished */
  forgetOldestFinished(): boolean {
    const [oldest] = this.finished.values();
    if (oldest !== undefined) this.drop(oldest);
    return oldest !== undefined;
  }

  /** Records in order of arrival, with `status` if given, after the one with the id `after` if there is one. */
  *records(status: Status | undefined, after: string | undefined): Generator<R> {
    const works = status === 'pending' || status === 'in_progress' ? this.open : this.byId;
    const last = after === undefined ? 0 : (this.byId.get(after)?.arrival ?? 0);
    for (const { arrival, record } of works.values()) {
      if (arrival > last && record !== undefined && (status === undefined || record.status === status)) yield record;
    }
  }

  /** Records in order of their last change, with `status` if given, changed after `revision` (`''`: all). */
  *changedAfter(status: Status | undefined, revision: string): Generator<R> {
    for (const { record } of this.#changed.after(revision)) {
      if (record !== undefined && (status === undefined || record.status === status)) yield record;
    }
  }

  #arrive(work: Work<R>): void {
    this.#arrivals += 1;
    work.arrival = this.#arrivals;
    for (const works of [this.byId, this.open]) {
      works.delete(work.id);
      works.set(work.id, work);
    }
  }
}

export function entries(work: Work<unknown>): number {
  return work.messages.size + work.partials.size;
}

function age(work: Work<unknown>, now: number): number {
  return now - (work.finishedAt ?? now);
}
