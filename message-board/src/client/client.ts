import { z } from 'zod';
import * as contract from '../contract/contract.js';
import type {
  CreatePresignatureRequest, CreateRequest, Health, Heartbeat, HeartbeatAnswer, Message, NodeRecord, PartialSignature, PostMessage,
  PostPartialSignature, PresignatureRequest, RequestRecord, SignSession, Status, UpdateRequest,
} from '../contract/contract.js';
import { systemClock, type Clock } from 'service/clock';
import { ServiceError } from 'service/errors';
import { JsonClient, type JsonClientOptions } from 'service/json_client';
import { ClientSession } from './client_session.js';

/** How long to wait for an answer. */
export interface WaitOptions {
  /** How long the board may hold back an empty answer, in milliseconds, at most 30,000. */
  readonly wait?: number | undefined;
  /** Ends the call. */
  readonly signal?: AbortSignal | undefined;
}

export interface BoardClientOptions extends Omit<JsonClientOptions, 'onHeaders' | 'credentials'> {
  /** How a member shows who it is, see `sessionsOf`. Without it the client is a stranger to the board of a sealed cluster. */
  readonly session?: SignSession | undefined;
}

/** Where in a list to begin. */
export interface ReadOptions extends WaitOptions {
  /** Id of the last element seen. Only later ones are read. */
  readonly after?: string | undefined;
}

/** Which requests to list. */
export interface ListRequestsOptions extends ReadOptions {
  readonly status?: Status;
  /** Revision of the last element seen. Only what has changed since is read. */
  readonly changedAfter?: string | undefined;
}

/**
 * Restarts are told at least this far apart. Each makes its reader post again what it needs. Smaller: a board that claims a restart with
 * every answer keeps its readers busy. Larger: after a second restart, readers post later.
 */
const RESTARTS_APART_MS = 5_000;

const RequestListSchema = z.array(contract.RequestRecordSchema);
const MessageListSchema = z.array(contract.MessageSchema);
const PresignatureRequestListSchema = z.array(contract.PresignatureRequestSchema);
const PartialSignatureListSchema = z.array(contract.PartialSignatureSchema);
const NodeListSchema = z.array(contract.NodeRecordSchema);

/**
 * The message board, as gateway and nodes see it: one method for each route of the contract. Answers are parsed by the contract.
 *
 * A call is tried again, with growing and random pauses, when no answer comes or one of 502 to 504. That is safe, because the board takes
 * the same call twice as once. `createRequest` without an id, and `putNode`, are tried only once. A 4xx is never tried again.
 *
 * Every method throws ServiceError when the board says no, TransportError when there is no usable answer, and the signal's reason when
 * the signal aborts.
 */
export class BoardClient {
  readonly #http: JsonClient;
  readonly #clock: Clock;
  #instance: string | undefined;
  /** Has the board been restarted, and nobody been told yet? */
  #isNews = false;
  #toldAt = -Infinity;
  readonly #restartListeners = new Set<() => void>();

  /** @param url of the board: `http://host:port` */
  constructor(url: string, { session, ...options }: BoardClientOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    const credentials = session === undefined ? undefined : new ClientSession(session, this.#clock);
    this.#http = new JsonClient(url, {
      ...options,
      credentials,
      onHeaders: (headers) => {
        credentials?.see(headers);
        this.#see(headers[contract.INSTANCE_HEADER]);
      },
    });
  }

  /** Names the life of the board that the last answer was from; undefined before the first answer. */
  get instance(): string | undefined {
    return this.#instance;
  }

  /**
   * Calls back when an answer shows that the board was restarted. It has then forgotten everything. If it is restarted again within
   * seconds, or only says so, that is told later, with what it says then.
   * @returns how to unsubscribe
   */
  onRestart(callback: () => void): () => void {
    this.#restartListeners.add(callback);
    return () => {
      this.#restartListeners.delete(callback);
    };
  }

  /** Without `id` the board makes one. */
  createRequest(body: CreateRequest, signal?: AbortSignal): Promise<RequestRecord> {
    return this.#http.post('/requests', body, contract.RequestRecordSchema, { signal, once: body.id === undefined });
  }

  /** With `changedAfter`, which excludes `after`, in order of change. Begin with `'0'`. */
  listRequests(query: ListRequestsOptions = {}): Promise<RequestRecord[]> {
    const { signal, changedAfter, ...rest } = query;
    return this.#http.get('/requests', RequestListSchema, { query: { ...rest, changed_after: changedAfter }, signal });
  }

  /** With `status` and `wait`, the answer is held back while the request has that status. @returns undefined for an unknown id */
  getRequest(id: string, query: WaitOptions & { readonly status?: Status } = {}): Promise<RequestRecord | undefined> {
    const { signal, ...rest } = query;
    return orUndefined(this.#http.get(`/requests/${encodeURIComponent(id)}`, contract.RequestRecordSchema, { query: rest, signal }));
  }

  /** Posts a signature, a reason, the name of a presignature, or a refusal. */
  updateRequest(id: string, body: UpdateRequest, signal?: AbortSignal): Promise<RequestRecord> {
    return this.#http.put(`/requests/${encodeURIComponent(id)}`, body, contract.RequestRecordSchema, { signal });
  }

  /** Ids of pending requests that the gateway has not signed, and that the calling node has not refused yet. */
  listUnsignedRequests({ signal, wait }: WaitOptions = {}): Promise<string[]> {
    return this.#http.get('/unsigned-requests', contract.UnsignedRequestIdsSchema, { query: { wait }, signal });
  }

  /** Refuses them. @param refusal statement of kind `UNSIGNED_REFUSAL` */
  async refuseUnsignedRequests(refusal: string, signal?: AbortSignal): Promise<void> {
    await this.#http.put('/unsigned-requests', { refusal }, contract.RefusedUnsignedRequestsSchema, { signal });
  }

  /** Posts a message of key generation, aux info or signing in full. */
  postMessage(body: PostMessage, signal?: AbortSignal): Promise<Message> {
    return this.#http.post('/messages', body, contract.MessageSchema, { signal });
  }

  /** Messages for `toNode` and for all. The board makes a protocol record for an unknown id. */
  listMessages(requestId: string, toNode: string, { signal, ...page }: ReadOptions = {}): Promise<Message[]> {
    return this.#http.get('/messages', MessageListSchema, { query: { request_id: requestId, to_node: toNode, ...page }, signal });
  }

  /** Posts a message of presigning. */
  postPresignatureMessage(body: PostMessage, signal?: AbortSignal): Promise<Message> {
    return this.#http.post('/presignature-messages', body, contract.MessageSchema, { signal });
  }

  /** Messages for `toNode` and for all; none for an unknown id. */
  listPresignatureMessages(requestId: string, toNode: string, { signal, ...page }: ReadOptions = {}): Promise<Message[]> {
    const query = { request_id: requestId, to_node: toNode, ...page };
    return this.#http.get('/presignature-messages', MessageListSchema, { query, signal });
  }

  /** Asks the participants to make a presignature. */
  createPresignatureRequest(body: CreatePresignatureRequest, signal?: AbortSignal): Promise<PresignatureRequest> {
    return this.#http.post('/presignature-requests', body, contract.PresignatureRequestSchema, { signal });
  }

  /** In order of arrival. */
  listPresignatureRequests(query: ReadOptions & { readonly status?: Status } = {}): Promise<PresignatureRequest[]> {
    const { signal, ...rest } = query;
    return this.#http.get('/presignature-requests', PresignatureRequestListSchema, { query: rest, signal });
  }

  /** Moves the status forward. */
  updatePresignatureRequest(id: string, status: Status, signal?: AbortSignal): Promise<PresignatureRequest> {
    return this.#http.put(`/presignature-requests/${encodeURIComponent(id)}`, { status }, contract.PresignatureRequestSchema, { signal });
  }

  /** Posts one part of a signature. */
  postPartialSignature(body: PostPartialSignature, signal?: AbortSignal): Promise<PartialSignature> {
    return this.#http.post('/partial-signatures', body, contract.PartialSignatureSchema, { signal });
  }

  /** Posts one part of a signature and reads all parts of the request. So whoever posts the last one has them all. */
  exchangePartialSignature(body: PostPartialSignature, signal?: AbortSignal): Promise<PartialSignature[]> {
    return this.#http.post('/partial-signatures', body, PartialSignatureListSchema, { query: { list: 'true' }, signal });
  }

  /** In order of arrival; none for an unknown id. */
  listPartialSignatures(requestId: string, { signal, ...page }: ReadOptions = {}): Promise<PartialSignature[]> {
    return this.#http.get('/partial-signatures', PartialSignatureListSchema, { query: { request_id: requestId, ...page }, signal });
  }

  /** @param publicKey compressed, hexadecimal @throws ServiceError 409 `public_key_conflict` when the board has another one */
  async postPublicKey(publicKey: string, signal?: AbortSignal): Promise<void> {
    await this.#http.post('/publickey', { public_key: publicKey }, contract.PublicKeyAnswerSchema, { signal });
  }

  /** @returns the key, compressed, hexadecimal; undefined when the board still has none after `wait` */
  async getPublicKey({ wait, signal }: WaitOptions = {}): Promise<string | undefined> {
    const answer = await orUndefined(this.#http.get('/publickey', contract.PublicKeyAnswerSchema, { query: { wait }, signal }));
    return answer?.public_key;
  }

  /** Posts a heartbeat. It is tried only once, because the board of a sealed cluster refuses the same one again. */
  putNode(nodeId: string, heartbeat: Heartbeat, signal?: AbortSignal): Promise<HeartbeatAnswer> {
    return this.#http.put(`/nodes/${encodeURIComponent(nodeId)}`, heartbeat, contract.HeartbeatAnswerSchema, { signal, once: true });
  }

  /** All nodes. With `changedAfter` and `wait`, the answer is held back until a node says something new after that revision. */
  listNodes(query: WaitOptions & { readonly changedAfter?: string | undefined } = {}): Promise<NodeRecord[]> {
    const { signal, changedAfter, wait } = query;
    return this.#http.get('/nodes', NodeListSchema, { query: { changed_after: changedAfter, wait }, signal });
  }

  /** How much the board holds. */
  health(signal?: AbortSignal): Promise<Health> {
    return this.#http.get('/health', contract.HealthSchema, { signal });
  }

  /** Ends calls under way. */
  close(): Promise<void> {
    return this.#http.close();
  }

  #see(instance: string | string[] | undefined): void {
    if (typeof instance !== 'string') return;
    if (this.#instance !== undefined && instance !== this.#instance) this.#isNews = true;
    this.#instance = instance;
    const now = this.#clock.monotonic();
    if (!this.#isNews || now - this.#toldAt < RESTARTS_APART_MS) return;
    this.#isNews = false;
    this.#toldAt = now;
    for (const callback of [...this.#restartListeners]) callback();
  }
}

async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ServiceError && error.status === 404) return undefined;
    throw error;
  }
}
