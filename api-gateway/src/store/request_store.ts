/**
 * What the gateway keeps of each request that it has accepted: what is needed to post it, and its one outcome. An answer to a client is
 * given only after what it promises is here.
 *
 * One gateway keeps this in a file (`sqlite_store.ts`). Several gateways can keep it in one database: nothing is held beside it in memory,
 * and each method is one transaction, so that of two gateways that do the same thing at the same time one is first.
 */

/** What the board is given. */
export interface PostedRequest {
  readonly message: string;
  /** What `message` is, and how it is hashed, as the board's contract says. */
  readonly kind?: 'bytes' | 'digest' | undefined;
  readonly hash?: 'sha256d' | 'keccak256' | undefined;
  readonly origin: string;
  readonly presignature_id?: string | undefined;
}

/** A pending request, as it is posted: again and again, without any change, until the board has it. */
export type PendingRequest = PostedRequest & { readonly id: string };

/** All times are milliseconds since 1970, by the gateway's {@link SteadyClock}. */
export interface NewRequest {
  readonly id: string;
  /** Chosen by the client. No two requests have the same one. */
  readonly idempotencyKey: string | undefined;
  /** SHA-256 of what the client has asked for, hexadecimal. */
  readonly askedSha256: string;
  readonly acceptedAt: number;
  /** If it is still pending then, it has failed. It is kept at least until then. */
  readonly endsAt: number;
  readonly posted: PostedRequest;
}

export type Outcome =
  | {
      readonly status: 'completed';
      readonly signature: string;
      /** Undefined when an earlier version of the gateway has completed it. */
      readonly recoveryId?: number | undefined;
    }
  | {
      readonly status: 'failed';
      readonly reason: string;
      /** How the gateway tells the nodes, when it is the gateway that has ended the request. */
      readonly closing?: string | undefined;
    };

/** A request that was accepted. What was posted is kept while it is pending. */
export interface StoredRequest extends Omit<NewRequest, 'posted'> {
  /** Counts the requests, in the order in which they were accepted. */
  readonly arrival: number;
  readonly state: { readonly status: 'pending'; readonly posted: PostedRequest } | Outcome;
}

/** What is kept: the new request, or the one that was there. */
export interface Registered {
  readonly request: StoredRequest;
  readonly isNew: boolean;
}

/** The one outcome of a request. */
export interface Ended {
  readonly outcome: Outcome;
  /** It was not there before. */
  readonly isNew: boolean;
}

export interface ListQuery {
  readonly status?: StoredRequest['state']['status'] | undefined;
  /** Id of the last request seen: only later ones are listed. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** How many requests are pending, when the oldest of them was accepted, and which is the oldest that still has time. */
export interface PendingSummary {
  readonly count: number;
  readonly oldestAcceptedAt: number | undefined;
  readonly oldestInTime: { readonly id: string; readonly acceptedAt: number } | undefined;
}

/** Every method rejects when it cannot be done: with {@link StoreFull} when there is no room, and nothing is changed then. */
export interface RequestStore {
  /**
   * Keeps a new request, unless one with its idempotency key or its id is kept already. Under its id it has to be for the same.
   * @param maxPending as many may be pending, this one included
   * @throws TooManyPending
   */
  register(request: NewRequest, maxPending?: number): Promise<Registered>;
  get(id: string): Promise<StoredRequest | undefined>;
  withKey(idempotencyKey: string): Promise<StoredRequest | undefined>;
  /**
   * Changes what is posted for a request, while it is pending and has this origin.
   * @returns the request as it is now, changed or not; undefined when it is not known
   */
  replacePosted(id: string, fromOrigin: string, posted: PostedRequest): Promise<StoredRequest | undefined>;
  /**
   * Ends a request. The first outcome stays.
   * @param endedAt by the same clock as the other times
   * @returns the outcome that the request has; undefined when the request is not known
   */
  end(id: string, outcome: Outcome, endedAt: number): Promise<Ended | undefined>;
  /** In the order in which they were accepted. @returns undefined when the request of `after` is not known */
  list(query: ListQuery): Promise<StoredRequest[] | undefined>;
  /** The `origin` of each pending request, by id, the oldest first. */
  pendingOrigins(): Promise<Map<string, string>>;
  /** @param endsAfter a request has time when it ends later */
  pendingSummary(endsAfter: number): Promise<PendingSummary>;
  /** Ids of pending requests that should have ended by now. @param limit how many at most */
  overdue(now: number, limit: number): Promise<string[]>;
  /**
   * Forgets requests that ended before `endedBefore`, and that would have had to end by `now`.
   * @param limit how many at most
   * @returns how many it has forgotten
   */
  forget(endedBefore: number, now: number, limit: number): Promise<number>;
  close(): Promise<void>;
}

/** As many requests are pending as may. */
export class TooManyPending extends Error {
  override readonly name = 'TooManyPending';

  constructor(readonly count: number) {
    super(`${count} requests are pending`);
  }
}

/** There is no room on the disk. */
export class StoreFull extends Error {
  override readonly name = 'StoreFull';
}
