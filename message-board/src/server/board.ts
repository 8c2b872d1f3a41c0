import { ECDH } from 'node:crypto';
import type { Roster } from 'sealing/roster';
import { Checks } from './checks.js';
import type {
  CreatePresignatureRequest,
  CreateRequest,
  Health,
  Heartbeat,
  Message,
  NodeId,
  NodeRecord,
  PartialSignature,
  PostMessage,
  PostPartialSignature,
  PresignatureRequest,
  RequestRecord,
  Status,
  UpdateRequest,
} from '../contract/contract.js';
import { digest, entryBytes, type EntryLog } from '../store/entry_log.js';
import { ServiceError } from 'service/errors';
import { Sequence } from '../store/ids.js';
import type { Limits } from './limits.js';
import { keysStatedBy } from '../contract/node_statement.js';
import { Presence } from '../store/presence.js';
import { PresignatureRequestStore } from '../store/presignature_request_store.js';
import { RequestStore } from '../store/request_store.js';
import type { Usage, Work, Works } from '../store/works.js';

export interface BoardDeps {
  readonly limits: Limits;
  /** Against which envelopes and statements are checked; null: nothing is checked, as with the roster of a plain cluster. */
  readonly roster: Roster | null;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** At least 64 random bits, in hexadecimal. */
  readonly random: () => string;
  /** Told of every change: the list, or the list and the request id, that has news; with `false`, news that nobody is in a hurry for. */
  readonly changed: (topic: string, isUrgent?: boolean) => void;
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
  private readonly checks: Checks | null;
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
    this.checks = deps.roster?.sealed === true ? new Checks(deps.roster) : null;
    this.requests = new RequestStore(this.context);
    this.presignatureRequests = new PresignatureRequestStore(this.context);
    this.presence = new Presence(this.context);
  }

  /** Names this life of the board: another one has forgotten everything. */
  get instance(): string {
    return this.context.sequence.instance;
  }

  /** @throws ServiceError 403, 429 */
  postMessage(body: PostMessage): Promise<Message> {
    return this.post('messages', this.requests, (work) => work.messages, body, (checks) => checks.message('messages', body));
  }

  /** @throws ServiceError 403, 429 */
  postPresignatureMessage(body: PostMessage): Promise<Message> {
    const check = (checks: Checks): Promise<void> => checks.message('presignature-messages', body);
    return this.post('presignature-messages', this.presignatureRequests, (work) => work.messages, body, check);
  }

  /** @throws ServiceError 403, 429 */
  postPartialSignature(body: PostPartialSignature): Promise<PartialSignature> {
    return this.post('partial-signatures', this.requests, (work) => work.partials, body, (checks) => checks.partialSignature(body));
  }

  /** What the gateway has signed takes the place of what somebody else has put under its id. @throws ServiceError as the store's `create`, or 403 */
  async createRequest(body: CreateRequest): Promise<RequestRecord> {
    await this.checks?.request(body);
    const rival = this.requests.rival(body);
    if (rival !== undefined && (await this.checks?.mayDisplace(body, rival)) === true) this.requests.displace(rival);
    return this.requests.create(body);
  }

  /** @throws ServiceError as the store's `update`, or 403 */
  async updateRequest(id: string, body: UpdateRequest): Promise<RequestRecord> {
    const refuser = await this.checks?.update(this.requests.get(id), body);
    return this.requests.update(id, body, { publicKey: this.publicKey, refuser });
  }

  /** @throws ServiceError as the store's `create`, or 403 */
  async createPresignatureRequest(body: CreatePresignatureRequest): Promise<PresignatureRequest> {
    if (this.presignatureRequests.works.byId.get(body.request_id)?.record === undefined) await this.checks?.presignatureRequest(body);
    return this.presignatureRequests.create(body);
  }

  /** A heartbeat. What as many nodes as sign state to be the public key is it. @throws ServiceError 403, 409 */
  async hear(nodeId: NodeId, heartbeat: Heartbeat): Promise<NodeRecord> {
    const stated = this.presence.says(nodeId, heartbeat) ? undefined : await this.checks?.heartbeat(nodeId, heartbeat);
    const record = this.presence.heartbeat(nodeId, heartbeat, stated);
    const [key] = this.publicKey === undefined ? this.statedKeys() : [];
    if (key !== undefined) this.setPublicKey(key);
    return record;
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

  /** The first key stays. @throws ServiceError 400 when it is not a point of the curve, 403 when too few nodes state it, 409 when there is another */
  postPublicKey(publicKey: string): void {
    if (this.publicKey === publicKey) return;
    if (this.publicKey !== undefined) throw new ServiceError(409, 'public_key_conflict', 'public_key: another one is stored');
    try {
      ECDH.convertKey(publicKey, 'secp256k1', 'hex');
    } catch {
      throw new ServiceError(400, 'invalid_request', 'public_key: is not a point of secp256k1');
    }
    if (this.checks !== null && !this.statedKeys().includes(publicKey)) {
      throw new ServiceError(403, 'unconfirmed_key', `public_key: fewer than ${this.checks.roster.t} nodes have stated it`);
    }
    this.setPublicKey(publicKey);
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
      roster: this.checks?.roster.hash ?? null,
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

  /** Appends what is not there yet, and passes the check. @throws ServiceError 403, or 429 when the id has too many entries or the board is full */
  private async post<R extends WithStatus, B extends Posted>(
    list: string,
    store: Sessions<R>,
    logOf: (work: Work<R>) => EntryLog<Stored<B>>,
    body: B,
    check: (checks: Checks) => Promise<void>,
  ): Promise<Stored<B>> {
    const key = digest(body);
    const { limits, now, sequence } = this.context;
    const alreadyThere = (): Stored<B> | undefined => {
      const known = store.works.byId.get(body.request_id);
      if (known === undefined) return undefined;
      const entry = logOf(known).find(key);
      if (entry === undefined && logOf(known).size >= limits.maxEntriesPerRequest) {
        throw new ServiceError(429, 'too_many_entries', `request_id: ${body.request_id} has ${limits.maxEntriesPerRequest} entries already`);
      }
      return entry;
    };
    const before = alreadyThere();
    if (before !== undefined) return before;
    if (this.checks !== null) await check(this.checks);
    const meanwhile = alreadyThere();
    if (meanwhile !== undefined) return meanwhile;
    this.reserve(entryBytes(body));
    const work = this.touch(store.session(body.request_id));
    const entry = { id: sequence.next(), ...body, created_at: new Date(now()).toISOString() };
    store.works.append(work, logOf(work), key, entry);
    this.context.changed(`${list} ${body.request_id}`);
    return entry;
  }

  /** None where nothing is checked: there, anybody could have said it. */
  private statedKeys(): string[] {
    return this.checks === null ? [] : keysStatedBy(this.checks.roster.t, this.presence.statuses());
  }

  private setPublicKey(publicKey: string): void {
    this.publicKey = publicKey;
    this.context.changed('publickey');
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
