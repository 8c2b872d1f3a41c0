import { ECDH } from 'node:crypto';
import { Refused } from 'sealing/errors';
import type { Caller } from 'service/callers';
import { ServiceError } from 'service/errors';
import type {
  CreatePresignatureRequest, CreateRequest, Health, Heartbeat, HeartbeatAnswer, NodeId, PresignatureRequest, RequestRecord, StatementTexts,
  Status, UpdateRequest,
} from '../contract/contract.js';
import { isSamePayload } from '../contract/payload.js';
import { readStatementsStrictly, type NodeStatements } from '../contract/node_statement.js';
import { NodeStore } from '../store/node_store.js';
import { PresignatureRequestStore } from '../store/presignature_request_store.js';
import { RequestStore } from '../store/request_store.js';
import { Sequence } from '../store/sequence.js';
import type { StoreContext } from '../store/store_context.js';
import { UnsignedRequests } from '../store/unsigned_requests.js';
import { Entries } from './entries.js';
import type { MakersOf, Verifier } from './verifier.js';

/** What a board needs. */
export interface BoardDeps extends Pick<StoreContext, 'limits' | 'clock' | 'random' | 'changed'> {
  readonly verifier: Verifier;
  /** What a sealed board does with a request that the gateway has not signed. By default it refuses it. */
  readonly unsignedRequests?: 'keep' | 'refuse';
}

/**
 * Messages and partial signatures of all members take at most this part of all bytes, each member an equal share of it. Smaller: busy
 * members lose messages of finished work sooner. Larger: they leave less room for requests.
 */
const ENTRIES_PART = 0.5;

/** The only member that asks for signatures. */
const GATEWAY = 'gateway';

/** Everything that the board knows, in memory and bounded. It has no HTTP and no timers: somebody must call {@link expire} now and then. */
export class Board {
  readonly requests: RequestStore;
  readonly presignatureRequests: PresignatureRequestStore;
  readonly unsigned: UnsignedRequests;
  readonly nodes: NodeStore;
  readonly entries: Entries;
  readonly #context: StoreContext;
  readonly #verifier: Verifier;
  readonly #keepsUnsigned: boolean;
  #publicKey: string | undefined;

  constructor({ verifier, unsignedRequests = 'refuse', ...deps }: BoardDeps) {
    this.#keepsUnsigned = unsignedRequests === 'keep';
    this.#verifier = verifier;
    this.#context = {
      ...deps,
      sequence: new Sequence(deps.random()),
      usage: { entries: 0, bytes: 0, entryBytesOf: new Map() },
      shares: verifier.shares,
      reserve: (bytes, owner) => {
        this.#reserve(bytes, owner);
      },
    };
    this.requests = new RequestStore(this.#context);
    this.presignatureRequests = new PresignatureRequestStore(this.#context);
    this.unsigned = new UnsignedRequests({ ...this.#context, enough: verifier.enoughRefusals });
    this.nodes = new NodeStore({ ...this.#context, isOrdered: verifier.statements.isProof });
    const { requests, presignatureRequests } = this;
    this.entries = new Entries({ context: this.#context, verifier, requests, presignatureRequests });
  }

  /** The name of this life of the board. A board with another name has forgotten everything. */
  get instance(): string {
    return this.#context.sequence.instance;
  }

  /** Does it tell members from strangers? */
  get isSealed(): boolean {
    return this.#verifier.rosterHash !== null;
  }

  /** In a sealed cluster, only what the gateway has signed and posts is among the requests. @throws ServiceError as `create`, or 403 */
  async createRequest(body: CreateRequest, caller: Caller): Promise<RequestRecord> {
    if (!this.isSealed && (body.kind ?? body.hash) !== undefined) {
      const problem = `${body.kind === undefined ? 'hash' : 'kind'}: the nodes of a plain cluster sign text with SHA-256 alone`;
      throw new ServiceError(400, 'invalid_request', problem);
    }
    const asked = this.isSealed && caller !== GATEWAY ? null : await this.#verifier.request(body);
    if (asked === null) return this.#createUnsigned(body);
    const record = this.requests.create(body, asked.lifetimeMs);
    this.unsigned.forget(record.id);
    return record;
  }

  /** @throws ServiceError 404 */
  getRequest(id: string): RequestRecord {
    return this.unsigned.get(id) ?? this.requests.get(id);
  }

  /** Members see only what the gateway has signed. Strangers see what strangers have posted, too, after that. */
  *listRequests(query: Parameters<RequestStore['list']>[0], caller: Caller): Generator<RequestRecord> {
    const { after, changed_after, status } = query;
    const isAmongUnsigned = after !== undefined && this.unsigned.get(after) !== undefined;
    if (!isAmongUnsigned) yield* this.requests.list(query);
    if (caller === null && changed_after === undefined) yield* this.unsigned.list(status, after);
  }

  /** @returns how many of the requests are here @throws ServiceError 403 */
  async refuseUnsigned(statement: string): Promise<number> {
    return this.unsigned.refuse(await this.#verifier.unsignedRefusal(statement, this.instance), statement);
  }

  /** @throws ServiceError as the store's `update`, or 403 */
  async updateRequest(id: string, body: UpdateRequest): Promise<RequestRecord> {
    const makersOf: MakersOf = (presignatureId) => this.presignatureRequests.works.byId.get(presignatureId)?.record?.participants;
    const signed = await this.#verifier.update(this.requests.get(id), body, makersOf);
    return this.requests.update(id, body, { publicKey: this.#publicKey, enoughRefusals: this.#verifier.enoughRefusals, ...signed });
  }

  /** @throws ServiceError as the store's `create`, or 403 */
  async createPresignatureRequest(body: CreatePresignatureRequest, caller: Caller = null): Promise<PresignatureRequest> {
    const isKnown = this.presignatureRequests.works.byId.get(body.request_id)?.record !== undefined;
    if (!isKnown) await this.#verifier.presignatureRequest(body);
    return this.presignatureRequests.create(body, caller);
  }

  /** @throws ServiceError as the store's `update`, or 403 when the caller is no participant */
  updatePresignatureRequest(id: string, status: Status, caller: Caller): PresignatureRequest {
    const record = this.presignatureRequests.works.byId.get(id)?.record;
    const isParticipant = record?.participants?.some((index) => caller === `node-${index + 1}`) === true;
    if (this.isSealed && record !== undefined && !isParticipant) {
      throw new ServiceError(403, 'not_a_participant', `status: only participants of ${id} say how far it is`);
    }
    return this.presignatureRequests.update(id, status);
  }

  /**
   * Takes a heartbeat. A stale one is refused first, before it costs a verification. The key that t nodes, as many as sign together, state
   * becomes the public key.
   * @throws ServiceError 400, 403, 409
   */
  async hear(nodeId: NodeId, { statements: texts }: Heartbeat): Promise<HeartbeatAnswer> {
    const before = this.nodes.statedBy(nodeId);
    const next = readOrRefuse(texts, before);
    this.nodes.refuseStale(nodeId, next);
    await this.#verifier.heartbeat(nodeId, texts, before?.texts);
    const answer = this.nodes.heartbeat(nodeId, next);
    const [key] = this.#publicKey === undefined ? this.#verifier.statedKeys(this.nodes.statuses()) : [];
    if (key !== undefined) this.#setPublicKey(key);
    return answer;
  }

  /** Compressed, hexadecimal, lower case; undefined while the board has none. */
  getPublicKey(): string | undefined {
    return this.#publicKey;
  }

  /**
   * Keeps the first key.
   * @throws ServiceError 400 when it is not a point of the curve, 403 when too few nodes state it, 409 when the board has another one
   */
  postPublicKey(publicKey: string): void {
    if (this.#publicKey === publicKey) return;
    if (this.#publicKey !== undefined) throw new ServiceError(409, 'public_key_conflict', 'public_key: another one is stored');
    try {
      ECDH.convertKey(publicKey, 'secp256k1', 'hex');
    } catch {
      throw new ServiceError(400, 'invalid_request', 'public_key: is not a point of secp256k1');
    }
    this.#verifier.publicKey(publicKey, this.nodes.statuses());
    this.#setPublicKey(publicKey);
  }

  /** Forgets what is old, and fails requests that are past their deadline. */
  expire(): void {
    this.requests.expire();
    this.presignatureRequests.expire();
  }

  /** How much the board holds. @param waiting how many readers are held back */
  health(waiting: number): Health {
    const presignatureWorks = this.presignatureRequests.works;
    return {
      status: 'ok',
      public_key: this.#publicKey !== undefined,
      roster: this.#verifier.rosterHash,
      requests: {
        pending: this.requests.pending,
        finished: this.requests.works.finished.size,
        protocol: this.requests.protocol,
      },
      presignature_requests: { open: presignatureWorks.open.size, finished: presignatureWorks.finished.size },
      entries: this.#context.usage.entries,
      stored_bytes: this.#context.usage.bytes,
      waiting,
    };
  }

  #createUnsigned(body: CreateRequest): RequestRecord {
    const { id = '', origin, presignature_id } = body;
    const known = this.requests.works.byId.get(id)?.record;
    if (known !== undefined && isSamePayload(known, body) && known.origin === origin) return this.requests.get(id);
    if (presignature_id !== undefined) {
      throw new ServiceError(403, 'invalid_statement', 'presignature_id: the gateway has not proposed it for this request');
    }
    if (!this.#keepsUnsigned) {
      throw new ServiceError(403, 'unsigned_request', 'origin: this board takes only requests that its gateway has signed and posts');
    }
    if (known !== undefined) {
      throw new ServiceError(409, 'request_exists', `id: ${id} is known with another message or origin`);
    }
    return this.unsigned.create(body);
  }

  #setPublicKey(publicKey: string): void {
    this.#publicKey = publicKey;
    this.#context.changed('publickey');
  }

  /** Forgets messages of finished work until `bytes` fit: those of presignatures first. A member makes room in its own share alone. */
  #reserve(bytes: number, owner: Caller | undefined): void {
    const { limits, shares, usage } = this.#context;
    const stores = [this.presignatureRequests.works, this.requests.works];
    const share = (limits.maxStoredBytes * ENTRIES_PART) / shares;
    while (shares > 1 && owner !== undefined && (usage.entryBytesOf.get(owner) ?? 0) + bytes > share) {
      if (stores.some((works) => works.forgetOldestEntriesOf(owner))) continue;
      throw new ServiceError(429, 'share_used_up', `too much unfinished work of ${owner ?? 'strangers'} is stored`);
    }
    while (usage.bytes + bytes > limits.maxStoredBytes) {
      if (stores.some((works) => works.forgetOldestEntries())) continue;
      throw new ServiceError(429, 'board_full', 'too much work is stored');
    }
  }
}

/** Parses the statements of a heartbeat. @throws ServiceError 400 naming topic and field */
function readOrRefuse(texts: StatementTexts, before: NodeStatements | undefined): NodeStatements {
  try {
    return readStatementsStrictly(texts, before);
  } catch (error) {
    if (error instanceof Refused) throw new ServiceError(400, 'invalid_request', `statements.${error.message}`);
    throw error;
  }
}
