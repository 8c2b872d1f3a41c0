import type { Caller } from 'service/callers';
import { ServiceError } from 'service/errors';
import type { Message, PartialSignature, PostMessage, PostPartialSignature, Status } from '../contract/contract.js';
import { digest, entryBytes, type EntryLog } from '../store/entry_log.js';
import type { PresignatureRequestStore } from '../store/presignature_request_store.js';
import type { RequestStore } from '../store/request_store.js';
import type { StoreContext } from '../store/store_context.js';
import type { Work, Works } from '../store/works.js';
import type { Verifier } from './verifier.js';

interface PostedEntry {
  readonly request_id: string;
  readonly from_node: string;
  readonly payload: string;
}
type StoredEntry<B> = B & { readonly id: string; readonly created_at: string };

interface StatusRecord {
  readonly status: Status;
}

/** A store that makes a work for an id that it does not know. */
interface Sessions<R extends StatusRecord> {
  readonly works: Works<R>;
  session(id: string, owner: Caller): Work<R>;
}

/** What `Entries` needs: the stores in which it keeps them, and the check before. */
export interface EntriesDeps {
  readonly context: StoreContext;
  readonly verifier: Verifier;
  readonly requests: RequestStore;
  readonly presignatureRequests: PresignatureRequestStore;
}

/** Messages and partial signatures: what nodes post under the id of a session, in order of arrival. */
export class Entries {
  readonly #deps: EntriesDeps;

  constructor(deps: EntriesDeps) {
    this.#deps = deps;
  }

  /** @throws ServiceError 403, 429 */
  postMessage(body: PostMessage, caller: Caller = null): Promise<Message> {
    const { requests, verifier } = this.#deps;
    return this.#post('messages', requests, (work) => work.messages, body, () => verifier.message('messages', body), caller);
  }

  /** @throws ServiceError 403, 429 */
  postPresignatureMessage(body: PostMessage, caller: Caller = null): Promise<Message> {
    const { presignatureRequests, verifier } = this.#deps;
    const check = (): Promise<void> => verifier.message('presignature-messages', body);
    return this.#post('presignature-messages', presignatureRequests, (work) => work.messages, body, check, caller);
  }

  /** @throws ServiceError 403, 429 */
  postPartialSignature(body: PostPartialSignature, caller: Caller = null): Promise<PartialSignature> {
    const { requests, verifier } = this.#deps;
    return this.#post('partial-signatures', requests, (work) => work.partials, body, () => verifier.partialSignature(body), caller);
  }

  /**
   * Messages for `toNode` and for all. Makes a protocol record for an unknown id, unless a stranger asks at the board of a sealed cluster.
   * @throws ServiceError 429 when there are too many
   */
  messages(requestId: string, toNode: string, after: string | undefined, caller: Caller): Iterable<Message> {
    const { requests, verifier } = this.#deps;
    const mayBegin = caller !== null || verifier.rosterHash === null;
    const work = mayBegin ? requests.session(requestId, caller) : requests.works.byId.get(requestId);
    return work === undefined ? [] : forRecipient(this.#touch(work).messages.after(after), toNode);
  }

  /** Messages for `toNode` and for all; none for an unknown id. */
  presignatureMessages(requestId: string, toNode: string, after: string | undefined): Iterable<Message> {
    const work = this.#deps.presignatureRequests.works.byId.get(requestId);
    return work === undefined ? [] : forRecipient(this.#touch(work).messages.after(after), toNode);
  }

  /** None for an unknown id. */
  partialSignatures(requestId: string, after: string | undefined): Iterable<PartialSignature> {
    const work = this.#deps.requests.works.byId.get(requestId);
    return work === undefined ? [] : this.#touch(work).partials.after(after);
  }

  /**
   * Checks an entry and appends it, unless it is there already.
   * @param list the name under which readers wait for news
   * @param check resolves when the board may keep the entry
   * @param caller in whose share it is
   * @throws ServiceError 403, or 429 when the id has too many entries or the board is full
   */
  async #post<R extends StatusRecord, B extends PostedEntry>(
    list: string,
    store: Sessions<R>,
    logOf: (work: Work<R>) => EntryLog<StoredEntry<B>>,
    body: B,
    check: () => Promise<void>,
    caller: Caller,
  ): Promise<StoredEntry<B>> {
    const key = digest(body);
    const { limits, shares, clock, sequence, reserve, changed } = this.#deps.context;
    const most = Math.ceil(limits.maxEntriesPerRequest / shares);
    const alreadyThere = (): StoredEntry<B> | undefined => {
      const known = store.works.byId.get(body.request_id);
      if (known === undefined) return undefined;
      const entry = logOf(known).find(key);
      const count = logOf(known).owners.get(caller)?.entries ?? 0;
      if (entry === undefined && count >= most) {
        throw new ServiceError(429, 'too_many_entries', `request_id: ${body.request_id} has ${count} entries of this caller already`);
      }
      return entry;
    };
    const before = alreadyThere();
    if (before !== undefined) return before;
    await check();
    // The same entry may have come a second time during the check.
    const meanwhile = alreadyThere();
    if (meanwhile !== undefined) return meanwhile;
    reserve(entryBytes(body), caller);
    const work = this.#touch(store.session(body.request_id, caller));
    const entry = { id: sequence.next(), ...body, created_at: new Date(clock.now()).toISOString() };
    store.works.append(work, logOf(work), key, entry, caller);
    changed(`${list} ${body.request_id}`);
    return entry;
  }

  /** Somebody uses this work, so it is not idle. */
  #touch<R>(work: Work<R>): Work<R> {
    work.touchedAt = this.#deps.context.clock.monotonic();
    return work;
  }
}

function* forRecipient(messages: Iterable<Message>, toNode: string): Generator<Message> {
  for (const message of messages) {
    if (message.to_node === toNode || message.to_node === '*') yield message;
  }
}
