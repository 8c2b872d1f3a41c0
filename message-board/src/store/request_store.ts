import type { CreateRequest, RequestRecord, Status, UpdateRequest } from '../contract/contract.js';
import type { Caller } from 'service/callers';
import { ServiceError } from 'service/errors';
import { EXPIRY_MARGIN_MS } from '../contract/outcome.js';
import { isSamePayload, payloadOf } from '../contract/payload.js';
import { isRequestId, newRequestId } from '../contract/request_ids.js';
import { changes, isFinal, isProtocolRecord, type StoredRequest, type UpdateFacts } from './request_rules.js';
import type { StoreContext } from './store_context.js';
import { entries, Works, type Work } from './works.js';

/** Upper bound of the memory that V8 needs for a record: two bytes a character of its long texts, and 2 KiB for the rest. */
export function requestBytes(record: Pick<RequestRecord, 'message' | 'origin' | 'naming' | 'statement' | 'refusals' | 'closing'>): number {
  const { message, origin = '', naming = '', statement = '', refusals = [], closing = '' } = record;
  const texts = [message, origin, naming, statement, closing, ...refusals];
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  return 2 * characters + 2048;
}

/**
 * Finished requests take at most this part of all bytes. Smaller: they are forgotten sooner. Larger: there is less room for what is not
 * finished.
 */
const FINISHED_PART = 0.375;

type NewFields = Pick<RequestRecord, 'message' | 'kind' | 'hash' | 'status' | 'origin' | 'presignature_id'>;

/** Signing requests and protocol records. */
export class RequestStore {
  readonly works: Works<StoredRequest>;
  /** How many open works are signing requests. The others are protocol records. */
  pending = 0;
  readonly #context: StoreContext;
  /** The request to which each presignature is assigned, by their ids. It signs once, so it is assigned to no other. */
  readonly #assigned = new Map<string, string>();
  /** When pending requests expire that say so, on the monotonic clock. */
  readonly #expiries = new WeakMap<Work<StoredRequest>, number>();

  constructor(context: StoreContext) {
    this.#context = context;
    const { usage, limits } = context;
    this.works = new Works(usage, limits, FINISHED_PART, ({ presignature_id = '' }) => this.#assigned.delete(presignature_id));
  }

  /** How many protocol records there are. */
  get protocol(): number {
    return this.works.open.size - this.pending;
  }

  /**
   * @param lifetimeMs how long after its arrival it expires; null when it does not say. So no wall clock counts but the gateway's
   * @returns the stored record when it is the same again
   * @throws ServiceError 409 when the id stands for something else, or its presignature is assigned already; 429 when too many are pending
   */
  create(body: CreateRequest, lifetimeMs: number | null): RequestRecord {
    const { clock, limits, random } = this.#context;
    const { id = newRequestId(clock.now(), random()), origin, presignature_id } = body;
    const known = this.works.byId.get(id);
    const isSame = known?.record !== undefined && isSamePayload(known.record, body) && known.record.origin === origin;
    if (isSame) return this.get(id);
    // After a restart of the board, nodes that ask for a request's messages make a protocol record under its id. The request replaces it.
    const givesWay = known?.record !== undefined && isProtocolRecord(known.record) && isRequestId(id);
    if (known !== undefined && !givesWay) {
      throw new ServiceError(409, 'request_exists', `id: ${id} is known with another message or origin`);
    }
    this.#refuseAssigned(presignature_id);
    if (this.pending >= limits.maxPendingRequests) {
      throw new ServiceError(429, 'too_many_pending', `${this.pending} requests are pending already`);
    }
    const record = this.#announce(id, { ...payloadOf(body), origin, presignature_id, status: 'pending' });
    if (lifetimeMs !== null) this.#expiries.set(this.#existing(id), clock.monotonic() + lifetimeMs);
    return this.#shown(record);
  }

  /** The work under `id`. Makes a protocol record when there is none. @throws ServiceError 429 when there are too many */
  session(id: string, owner: Caller): Work<StoredRequest> {
    const known = this.works.byId.get(id);
    if (known !== undefined) return known;
    const { limits, shares } = this.#context;
    const isOwn = (work: Work<StoredRequest>): boolean => work.owner === owner && isProtocolRecord(this.#record(work));
    const open = shares === 1 ? this.protocol : this.works.openOf(isOwn).count;
    if (open >= limits.maxOpenSessions / shares && !this.#forgetUnusedSession(owner)) {
      throw new ServiceError(429, 'too_many_sessions', `request_id: ${open} protocol records are open already`);
    }
    this.#announce(id, { message: '', status: 'in_progress' }, owner);
    return this.#existing(id);
  }

  /** @throws ServiceError as {@link changes}, 404 for an unknown id, or 429 when the board is full */
  update(id: string, body: UpdateRequest, facts: UpdateFacts): RequestRecord {
    const work = this.#existing(id);
    const record = this.#record(work);
    const changed = changes(record, body, facts);
    this.#refuseAssigned(changed.presignature_id);
    return this.#shown(Object.keys(changed).length === 0 ? record : this.#change(work, record, changed));
  }

  /** @throws ServiceError 404 */
  get(id: string): RequestRecord {
    return this.#shown(this.#record(this.#existing(id)));
  }

  /** By the rules of the contract: without `changed_after` in order of arrival, with it in order of change. */
  *list(query: { status?: Status | undefined; after?: string | undefined; changed_after?: string | undefined }): Generator<RequestRecord> {
    const { status, after, changed_after = '' } = query;
    const records = query.changed_after === undefined
      ? this.works.records(status, after)
      : this.works.changedAfter(status, this.#context.sequence.made(changed_after) ? changed_after : '');
    for (const record of records) yield this.#shown(record);
  }

  /** @param record one that the store has */
  #shown(record: StoredRequest): RequestRecord {
    const now = this.#context.clock.monotonic();
    return { ...record, age_ms: now - (this.works.byId.get(record.id)?.announcedAt ?? now) };
  }

  /**
   * Fails requests that have expired, or do not say when they do and are past the deadline. Forgets idle protocol records and old finished
   * requests.
   */
  expire(): void {
    const now = this.#context.clock.monotonic();
    const { idleMs, requestDeadlineMs } = this.#context.limits;
    for (const work of this.works.open.values()) {
      const record = this.#record(work);
      if (isProtocolRecord(record)) {
        if (now - work.touchedAt > idleMs) this.works.drop(work);
      } else {
        const expiry = this.#expiries.get(work);
        if (expiry === undefined && now - work.announcedAt > requestDeadlineMs) this.#fail(work, record, 'deadline_passed');
        if (expiry !== undefined && now >= expiry + EXPIRY_MARGIN_MS) this.#fail(work, record, 'expired');
      }
    }
    this.works.expireFinished(now);
  }

  /** @throws ServiceError 409 when the presignature is assigned to a request */
  #refuseAssigned(presignatureId: string | undefined): void {
    const assignedTo = presignatureId === undefined ? undefined : this.#assigned.get(presignatureId);
    if (assignedTo === undefined) return;
    throw new ServiceError(409, 'presignature_conflict', `presignature_id: ${presignatureId} is assigned to ${assignedTo} already`);
  }

  #announce(id: string, fields: NewFields, owner: Caller = null): StoredRequest {
    const recordBytes = requestBytes(fields);
    const { clock, reserve, sequence } = this.#context;
    reserve(recordBytes);
    const now = clock.monotonic();
    const work = this.works.byId.get(id) ?? this.works.begin(id, now, owner);
    const at = new Date(clock.now()).toISOString();
    const record: StoredRequest = { id, ...fields, revision: sequence.next(), created_at: at, updated_at: at };
    this.works.announce(work, record, record.revision, recordBytes, now);
    this.#noteAssignment(record);
    if (record.status === 'pending') this.pending += 1;
    this.#notify(id, true);
    return record;
  }

  #fail(work: Work<StoredRequest>, record: StoredRequest, reason: string): void {
    this.#change(work, record, { status: 'failed', reason, statement: undefined });
  }

  #change(work: Work<StoredRequest>, before: StoredRequest, changed: Partial<StoredRequest>): StoredRequest {
    const { clock, sequence } = this.#context;
    const record = { ...before, ...changed, revision: sequence.next(), updated_at: new Date(clock.now()).toISOString() };
    const recordBytes = requestBytes(record);
    // A change that needs no more room is never refused: even a full board can finish what it has.
    if (recordBytes > work.recordBytes) this.#context.reserve(recordBytes - work.recordBytes);
    this.works.change(work, record, record.revision, recordBytes);
    this.#noteAssignment(record);
    // The gateway's closing is still added to a request that has failed.
    if (isFinal(record.status) && !isFinal(before.status)) {
      this.pending -= 1;
      this.works.finish(work, clock.monotonic());
    }
    this.#notify(work.id, !isFinal(record.status));
    return record;
  }

  #noteAssignment({ id, presignature_id }: StoredRequest): void {
    if (presignature_id !== undefined) this.#assigned.set(presignature_id, id);
  }

  /** Nodes have work to do for a request that goes on, so they hear of it at once. That a request is over can wait for the next news. */
  #notify(id: string, goesOn: boolean): void {
    this.#context.changed('requests', goesOn);
    this.#context.changed(`request ${id}`);
  }

  #existing(id: string): Work<StoredRequest> {
    const work = this.works.byId.get(id);
    if (work === undefined) throw new ServiceError(404, 'unknown_request', `there is no request ${id}`);
    return work;
  }

  #record(work: Work<StoredRequest>): StoredRequest {
    if (work.record === undefined) throw new Error(`no record under ${work.id}`);
    return work.record;
  }

  /** Forgets a protocol record without entries, which somebody made by asking for messages. @returns false when there is none */
  #forgetUnusedSession(owner: Caller): boolean {
    for (const work of this.works.open.values()) {
      if (work.owner === owner && entries(work) === 0 && isProtocolRecord(this.#record(work))) {
        this.works.drop(work);
        return true;
      }
    }
    return false;
  }
}
