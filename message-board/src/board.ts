import { ECDH } from 'node:crypto';
import type { Health, Message, PartialSignature, PostMessage, PostPartialSignature, Status } from './contract.js';
import { digest, entryBytes, type EntryLog } from './entry_log.js';
import { ServiceError } from './errors.js';
import { Sequence } from './ids.js';
import type { Limits } from './limits.js';
import { Presence } from './presence.js';
import { PresignatureRequestStore } from './presignature_request_store.js';
import { RequestStore } from './request_store.js';
import type { Usage, Work, Works } from './works.js';

export interface BoardDeps {
  readonly limits: Limits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** At least 64 random bits, in hexadecimal. */
  readonly random: () => string;
  /** Told of every change: the list, or the list and the request id, that has news. */
  readonly changed: (topic: string) => void;
}

/** What the stores of a board share. */
export interface BoardContext extends BoardDeps {
  readonly sequence: Sequence;
  readonly usage: Usage;
  /** Makes room for texts by forgetting finished work. @throws ServiceError 429 when that is not enough */
  readonly reserve: (bytes: number) => void;
}

/** Everything the board knows, in memory and bounded. No HTTP, no timers: {@link expire} is to be called now and then. */
export class Board {
  readonly requests: RequestStore;
  readonly presignatureRequests: PresignatureRequestStore;
  readonly presence: Presence;
  private readonly context: BoardContext;
  private publicKey: string | undefined;

  constructor(deps: BoardDeps) {
    this.context = {
      ...deps,
      sequence: new Sequence(deps.random()),
      usage: { entries: 0, bytes: 0 },
      reserve: (bytes) => {
        this.reserve(bytes);
      },
    };
    this.requests = new RequestStore(this.context);
    this.presignatureRequests = new PresignatureRequestStore(this.context);
    this.presence = new Presence(this.context);
  }

  /** Names this life of the board: another one has forgotten everything. */
  get instance(): string {
    return this.context.sequence.instance;
  }

  postMessage(body: PostMessage): Message {
    return this.post('messages', this.requests, (work) => work.messages, body);
  }

  postPresignatureMessage(body: PostMessage): Message {
    return this.post('presignature-messages', this.presignatureRequests, (work) => work.messages, body);
  }

  postPartialSignature(body: PostPartialSignature): PartialSignature {
    return this.post('partial-signatures', this.requests, (work) => work.partials, body);
  }

  /** For `toNode` and for all. Makes a protocol record where nothing is known under the id. */
  messages(requestId: string, toNode: string, after: string | undefined): Iterable<Message> {
    return forRecipient(this.touch(this.requests.session(requestId)).messages.after(after), toNode);
  }

  presignatureMessages(requestId: string, toNode: string, after: string | undefined): Iterable<Message> {
    const work = this.presignatureRequests.works.byId.get(requestId);
    return work === undefined ? [] : forRecipient(this.touch(work).messages.after(after), toNode);
  }

  partialSignatures(requestId: string, after: string | undefined): Iterable<PartialSignature> {
    const work = this.requests.works.byId.get(requestId);
    return work === undefined ? [] : this.touch(work).partials.after(after);
  }

  /** Compressed, hexadecimal, lower case. */
  getPublicKey(): string | undefined {
    return this.publicKey;
  }

  /** The first key stays. @throws ServiceError 400 when it is not a point of the curve, 409 when there is another */
  postPublicKey(publicKey: string): void {
    if (this.publicKey === publicKey) return;
    if (this.publicKey !== undefined) throw new ServiceError(409, 'public_key_conflict', 'public_key: another one is stored');
    try {
      ECDH.convertKey(publicKey, 'secp256k1', 'hex');
    } catch {
      throw new ServiceError(400, 'invalid_request', 'public_key: is not a point of secp256k1');
    }
    this.publicKey = publicKey;
    this.context.changed('publickey');
  }

  /** Forgets what is old and fails what is past its deadline. */
  expire(): void {
    this.requests.expire();
    this.presignatureRequests.expire();
  }

  health(waiting: number): Health {
    const presignatureWorks = this.presignatureRequests.works;
    return {
      status: 'ok',
      public_key: this.publicKey !== undefined,
      requests: {
        pending: this.requests.pending,
        finished: this.requests.works.finished.size,
        protocol: this.requests.protocol,
      },
      presignature_requests: { open: presignatureWorks.open.size, finished: presignatureWorks.finished.size },
      entries: this.context.usage.entries,
      stored_bytes: this.context.usage.bytes,
      waiting,
    };
  }

  /** Appends what is not there yet. @throws ServiceError 429 when the id has too many entries, or the board is full */
  private post<R extends WithStatus, B extends Posted>(list: string, store: Sessions<R>, logOf: (work: Work<R>) => EntryLog<Stored<B>>, body: B): Stored<B> {
    const key = digest(body);
    const known = store.works.byId.get(body.request_id);
    const again = known === undefined ? undefined : logOf(known).find(key);
    if (again !== undefined) return again;
    const { limits, now, sequence } = this.context;
    if (known !== undefined && logOf(known).size >= limits.maxEntriesPerRequest) {
      throw new ServiceError(429, 'too_many_entries', `request_id: ${body.request_id} has ${limits.maxEntriesPerRequest} entries already`);
    }
    this.reserve(entryBytes(body));
    const work = this.touch(store.session(body.request_id));
    const entry = { id: sequence.next(), ...body, created_at: new Date(now()).toISOString() };
    store.works.append(work, logOf(work), key, entry);
    this.context.changed(`${list} ${body.request_id}`);
    return entry;
  }

  private touch<R>(work: Work<R>): Work<R> {
    work.touchedAt = this.context.now();
    return work;
  }

  private reserve(bytes: number): void {
    const { limits, usage } = this.context;
    const stores = [this.presignatureRequests.works, this.requests.works];
    while (usage.bytes + bytes > limits.maxStoredBytes) {
      const made = stores.some((works) => works.forgetOldestEntries()) || stores.some((works) => works.forgetOldestFinished());
      if (!made) throw new ServiceError(429, 'board_full', 'too much unfinished work is stored');
    }
  }
}

interface Posted {
  readonly request_id: string;
  readonly from_node: string;
  readonly payload: string;
}
type Stored<B> = B & { readonly id: string; readonly created_at: string };

interface WithStatus {
  readonly status: Status;
}
interface Sessions<R extends WithStatus> {
  readonly works: Works<R>;
  session(id: string): Work<R>;
}

function* forRecipient(messages: Iterable<Message>, toNode: string): Generator<Message> {
  for (const message of messages) {
    if (message.to_node === toNode || message.to_node === '*') yield message;
  }
}
