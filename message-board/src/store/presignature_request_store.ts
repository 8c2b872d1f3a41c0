import type { CreatePresignatureRequest, PresignatureRequest, Status } from '../contract/contract.js';
import type { Caller } from 'service/callers';
import { ServiceError } from 'service/errors';
import { isFinal } from './request_rules.js';
import type { StoreContext } from './store_context.js';
import { Works, type Work } from './works.js';

const ORDER: readonly Status[] = ['pending', 'in_progress', 'completed', 'failed'];

/**
 * The messages of a finished presignature are kept for this long. With a smaller value, a maker that is slower than the first cannot
 * finish. A larger one fills the board: half a megabyte for each presignature, and there may be one every second.
 */
const MESSAGES_KEPT_MS = 60_000;

/**
 * Finished presignature requests take at most this part of all bytes. Smaller: a node that was cut off does not hear that one has ended.
 * Larger: a member that asks for one after the other and ends them leaves less room for everything else.
 */
const FINISHED_PART = 1 / 32;

/**
 * Each member of a sealed cluster has an equal share of this part of all bytes for those in the making. Smaller: members of a large cluster
 * are refused. Larger: one that asks and asks makes longer lists, which the others read.
 */
const OPEN_PART = 1 / 16;

/** Upper bound of the memory that V8 needs for a record. */
export function presignatureRequestBytes({ participants = [], origin = '' }: Pick<PresignatureRequest, 'participants' | 'origin'>): number {
  return 8 * participants.length + 2 * origin.length + 2048;
}

/** Presignature requests, and the presignature messages under their ids. */
export class PresignatureRequestStore {
  readonly works: Works<PresignatureRequest>;
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
    const entryRetentionMs = Math.min(context.limits.entryRetentionMs, MESSAGES_KEPT_MS);
    this.works = new Works(context.usage, { ...context.limits, entryRetentionMs }, FINISHED_PART);
  }

  /**
   * @returns the stored record when it is the same again
   * @throws ServiceError 409 when the id has other participants, 429 when too many are open, or take too much room
   */
  create({ request_id, participants, origin }: CreatePresignatureRequest, owner: Caller): PresignatureRequest {
    const known = this.works.byId.get(request_id)?.record;
    if (known !== undefined) {
      if (String(known.participants) === String(participants)) return known;
      throw new ServiceError(409, 'presignature_request_exists', `request_id: ${request_id} is known with other participants`);
    }
    const recordBytes = presignatureRequestBytes({ participants, origin });
    const { clock, limits, shares, reserve, sequence, changed } = this.#context;
    const open = this.#openOf(owner);
    if (shares > 1 && open.bytes + recordBytes > (limits.maxStoredBytes * OPEN_PART) / shares) {
      throw new ServiceError(429, 'share_used_up', `request_id: ${open.count} presignatures in the making take up too much room already`);
    }
    reserve(recordBytes);
    const work = this.session(request_id, owner);
    const now = new Date(clock.now()).toISOString();
    const times = { created_at: now, updated_at: now };
    const record: PresignatureRequest = { id: request_id, request_id, participants, origin, status: 'pending', ...times };
    this.works.announce(work, record, sequence.next(), recordBytes, clock.monotonic());
    changed('presignature-requests');
    return record;
  }

  /** The work under `id`. Makes one when there is none. @throws ServiceError 429 when too many are open */
  session(id: string, owner: Caller): Work<PresignatureRequest> {
    const known = this.works.byId.get(id);
    if (known !== undefined) return known;
    const { limits, shares } = this.#context;
    const { count } = this.#openOf(owner);
    if (count >= limits.maxOpenSessions / shares) {
      throw new ServiceError(429, 'too_many_sessions', `request_id: ${count} presignatures are in the making already`);
    }
    return this.works.begin(id, this.#context.clock.monotonic(), owner);
  }

  /** What this member has begun that is open: all that is, where nobody can be told apart. */
  #openOf(owner: Caller): ReturnType<Works<PresignatureRequest>['openOf']> {
    return this.works.openOf((work) => this.#context.shares === 1 || work.owner === owner);
  }

  /** @throws ServiceError 404, or 409 when the status would move back */
  update(id: string, status: Status): PresignatureRequest {
    const work = this.works.byId.get(id);
    const before = work?.record;
    if (work === undefined || before === undefined) {
      throw new ServiceError(404, 'unknown_presignature_request', `there is no presignature request ${id}`);
    }
    if (before.status === status) return before;
    if (isFinal(before.status) || ORDER.indexOf(status) < ORDER.indexOf(before.status)) {
      throw new ServiceError(409, 'status_conflict', `status: cannot move from ${before.status} to ${status}`);
    }
    const { clock, sequence, changed } = this.#context;
    const record = { ...before, status, updated_at: new Date(clock.now()).toISOString() };
    this.works.change(work, record, sequence.next(), work.recordBytes);
    if (isFinal(status)) this.works.finish(work, clock.monotonic());
    changed('presignature-requests');
    return record;
  }

  /** Forgets unfinished ones that are idle, and finished ones that are old. */
  expire(): void {
    const now = this.#context.clock.monotonic();
    for (const work of this.works.open.values()) {
      if (now - work.touchedAt > this.#context.limits.idleMs) this.works.drop(work);
    }
    this.works.expireFinished(now);
  }
}
