import type { CreateRequest, NodeId, RequestRecord, Status } from '../contract/contract.js';
import { reasonOfRefusals } from '../contract/outcome.js';
import { isSamePayload, payloadOf } from '../contract/payload.js';
import { newRequestId } from '../contract/request_ids.js';
import type { UnsignedRefusal } from '../contract/unsigned_requests.js';
import type { Caller } from 'service/callers';
import { ServiceError } from 'service/errors';
import type { StoredRequest } from './request_rules.js';
import { requestBytes } from './request_store.js';
import type { StoreContext } from './store_context.js';

/** Records at most. Fewer: what somebody posts is forgotten before it is refused. More: nodes do more for strangers. */
const MAX_RECORDS = 100;
/** Their texts, at two bytes a character. Smaller: a few long messages displace all others. Larger: strangers fill more memory. */
const MAX_BYTES = 1024 * 1024;

interface Unsigned {
  record: StoredRequest;
  /** When it came, by the monotonic clock. */
  readonly since: number;
  readonly refusals: Map<NodeId, { readonly code: string; readonly statement: string }>;
}

export interface UnsignedRequestsDeps extends Pick<StoreContext, 'clock' | 'random' | 'sequence' | 'changed'> {
  /** As many nodes must refuse a request that too few are left to sign it. */
  readonly enough: number;
}

/**
 * Signing requests that the gateway has not signed, at the board of a sealed cluster. They have a small room of their own, in which the
 * oldest is forgotten for the newest: whatever strangers post, the rest of the board has as much room as before.
 */
export class UnsignedRequests {
  readonly #deps: UnsignedRequestsDeps;
  /** The oldest first. */
  readonly #byId = new Map<string, Unsigned>();
  #bytes = 0;

  constructor(deps: UnsignedRequestsDeps) {
    this.#deps = deps;
  }

  get(id: string): RequestRecord | undefined {
    const unsigned = this.#byId.get(id);
    return unsigned && this.#shown(unsigned);
  }

  /** Those after the one with this id; all of them when it is not known. */
  *list(status: Status | undefined, after: string | undefined): Generator<RequestRecord> {
    let isLater = after === undefined || !this.#byId.has(after);
    for (const [id, unsigned] of this.#byId) {
      if (isLater && (status === undefined || unsigned.record.status === status)) yield this.#shown(unsigned);
      isLater ||= id === after;
    }
  }

  /** Ids of those that are pending and that this member has not refused. */
  pending(member: Caller): string[] {
    const isLeft = ({ record, refusals }: Unsigned): boolean => record.status === 'pending' && (member === null || !refusals.has(member));
    return [...this.#byId.values()].filter(isLeft).map(({ record }) => record.id);
  }

  /** @throws ServiceError 409 when the id stands for something else */
  create(body: CreateRequest): RequestRecord {
    const { id: wanted, origin } = body;
    const { clock, random, sequence, changed } = this.#deps;
    const id = wanted ?? newRequestId(clock.now(), random());
    const known = this.get(id);
    if (known !== undefined) {
      if (isSamePayload(known, body) && known.origin === origin) return known;
      throw new ServiceError(409, 'request_exists', `id: ${id} is known with another message or origin`);
    }
    const at = new Date(clock.now()).toISOString();
    const state = { status: 'pending', revision: sequence.next(), created_at: at, updated_at: at } as const;
    const record: StoredRequest = { id, ...payloadOf(body), origin, ...state };
    const unsigned: Unsigned = { record, since: clock.monotonic(), refusals: new Map() };
    this.#byId.set(id, unsigned);
    this.#bytes += requestBytes(record);
    this.#makeRoom();
    changed('unsigned-requests', false);
    return this.#shown(unsigned);
  }

  /** Forgets one, if it is here. */
  forget(id: string): void {
    const unsigned = this.#byId.get(id);
    if (unsigned === undefined) return;
    this.#byId.delete(id);
    this.#bytes -= requestBytes(unsigned.record);
  }

  /** @returns how many of them are here and pending */
  refuse({ nodeId, code, requestIds }: UnsignedRefusal, statement: string): number {
    const here = [...new Set(requestIds)].flatMap((id) => this.#byId.get(id) ?? []).filter(({ record }) => record.status === 'pending');
    for (const unsigned of here) {
      if (unsigned.refusals.has(nodeId)) continue;
      unsigned.refusals.set(nodeId, { code, statement });
      this.#note(unsigned);
    }
    return here.length;
  }

  #shown({ record, since }: Unsigned): RequestRecord {
    return { ...record, age_ms: this.#deps.clock.monotonic() - since };
  }

  #note(unsigned: Unsigned): void {
    const { clock, enough, sequence, changed } = this.#deps;
    const { record: before, refusals } = unsigned;
    const reason = reasonOfRefusals(new Map([...refusals].map(([nodeId, { code }]) => [nodeId, code])));
    unsigned.record = {
      ...before,
      refusals: [...refusals.values()].map(({ statement }) => statement),
      ...(refusals.size < enough ? {} : { status: 'failed' as const, reason }),
      revision: sequence.next(),
      updated_at: new Date(clock.now()).toISOString(),
    };
    this.#bytes += requestBytes(unsigned.record) - requestBytes(before);
    this.#makeRoom();
    changed('unsigned-requests', false);
    changed(`request ${before.id}`);
  }

  #makeRoom(): void {
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size <= MAX_RECORDS && this.#bytes <= MAX_BYTES) return;
      this.forget(oldest);
    }
  }
}
