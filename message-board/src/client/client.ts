import { z } from 'zod';
import * as contract from '../contract/contract.js';
import type {
  CreatePresignatureRequest, CreateRequest, Health, Heartbeat, HeartbeatAnswer, Message, NodeRecord, PartialSignature, PostMessage,
  PostPartialSignature, PresignatureRequest, RequestRecord, Status, UpdateRequest,
} from '../contract/contract.js';
import { ServiceError } from 'service/errors';
import { JsonClient, type JsonClientOptions } from 'service/json_client';

export interface Waiting {
  /** Milliseconds to wait for news, at most 30,000. */
  readonly wait?: number | undefined;
  /** Ends the call. */
  readonly signal?: AbortSignal | undefined;
}

export interface Reading extends Waiting {
  /** Id of the last element seen: only later ones are read. */
  readonly after?: string | undefined;
}

const RequestListSchema = z.array(contract.RequestRecordSchema);
const MessageListSchema = z.array(contract.MessageSchema);
const PresignatureRequestListSchema = z.array(contract.PresignatureRequestSchema);
const PartialSignatureListSchema = z.array(contract.PartialSignatureSchema);
const NodeListSchema = z.array(contract.NodeRecordSchema);

/**
 * The message board, as gateway and nodes see it: one method for each route of the contract, answers parsed by it.
 *
 * Every call is idempotent. When no answer comes, or 502 to 504, it is tried again with growing, jittered pauses (`createRequest` only when it
 * has an id of its own). A 4xx is never tried again.
 *
 * @throws ServiceError when the board says no; TransportError when there was no usable answer; the signal's reason when it aborted
 */
export class BoardClient {
  readonly #http: JsonClient;
  #instance: string | undefined;
  readonly #restartListeners = new Set<() => void>();

  /** @param url of the board, `http://host:port` */
  constructor(url: string, options: Omit<JsonClientOptions, 'onHeaders'> = {}) {
    this.#http = new JsonClient(url, {
      ...options,
      onHeaders: (headers) => {
        this.#see(headers[contract.INSTANCE_HEADER]);
      },
    });
  }

  /** Calls back when an answer shows that the board was restarted and has forgotten everything. @returns how to unsubscribe */
  onRestart(callback: () => void): () => void {
    this.#restartListeners.add(callback);
    return () => {
      this.#restartListeners.delete(callback);
    };
  }

  createRequest(body: CreateRequest, signal?: AbortSignal): Promise<RequestRecord> {
    return this.#http.post('/requests', body, contract.RequestRecordSchema, { signal, once: body.id === undefined });
  }

  /** `changedAfter` (then without `after`) reads in order of change; begin with `'0'`. */
  listRequests(query: Reading & { readonly status?: Status; readonly changedAfter?: string | undefined } = {}): Promise<RequestRecord[]> {
    const { signal, changedAfter, ...rest } = query;
    return this.#http.get('/requests', RequestListSchema, { query: { ...rest, changed_after: changedAfter }, signal });
  }

  /** With `status` and `wait`: held until the status is no longer that one. @returns undefined when it is unknown */
  getRequest(id: string, query: Waiting & { readonly status?: Status } = {}): Promise<RequestRecord | undefined> {
    const { signal, ...rest } = query;
    return orUndefined(this.#http.get(`/requests/${encodeURIComponent(id)}`, contract.RequestRecordSchema, { query: rest, signal }));
  }

  updateRequest(id: string, body: UpdateRequest, signal?: AbortSignal): Promise<RequestRecord> {
    return this.#http.put(`/requests/${encodeURIComponent(id)}`, body, contract.RequestRecordSchema, { signal });
  }

  postMessage(body: PostMessage, signal?: AbortSignal): Promise<Message> {
    return this.#http.post('/messages', body, contract.MessageSchema, { signal });
  }

  /** Messages for `toNode` and for all; a protocol record is made for an unknown request. */
  listMessages(requestId: string, toNode: string, { signal, ...page }: Reading = {}): Promise<Message[]> {
    return this.#http.get('/messages', MessageListSchema, { query: { request_id: requestId, to_node: toNode, ...page }, signal });
  }

  postPresignatureMessage(body: PostMessage, signal?: AbortSignal): Promise<Message> {
    return this.#http.post('/presignature-messages', body, contract.MessageSchema, { signal });
  }

  listPresignatureMessages(requestId: string, toNode: string, { signal, ...page }: Reading = {}): Promise<Message[]> {
    return this.#http.get('/presignature-messages', MessageListSchema, { query: { request_id: requestId, to_node: toNode, ...page }, signal });
  }

  createPresignatureRequest(body: CreatePresignatureRequest, signal?: AbortSignal): Promise<PresignatureRequest> {
    return this.#http.post('/presignature-requests', body, contract.PresignatureRequestSchema, { signal });
  }

  listPresignatureRequests(query: Reading & { readonly status?: Status } = {}): Promise<PresignatureRequest[]> {
    const { signal, ...rest } = query;
    return this.#http.get('/presignature-requests', PresignatureRequestListSchema, { query: rest, signal });
  }

  updatePresignatureRequest(id: string, status: Status, signal?: AbortSignal): Promise<PresignatureRequest> {
    return this.#http.put(`/presignature-requests/${encodeURIComponent(id)}`, { status }, contract.PresignatureRequestSchema, { signal });
  }

  postPartialSignature(body: PostPartialSignature, signal?: AbortSignal): Promise<PartialSignature> {
    return this.#http.post('/partial-signatures', body, contract.PartialSignatureSchema, { signal });
  }

  /** Posts one and reads all that the request then has: whoever posts the last one has them all. */
  exchangePartialSignature(body: PostPartialSignature, signal?: AbortSignal): Promise<PartialSignature[]> {
    return this.#http.post('/partial-signatures', body, PartialSignatureListSchema, { query: { list: 'true' }, signal });
  }

  listPartialSignatures(requestId: string, { signal, ...page }: Reading = {}): Promise<PartialSignature[]> {
    return this.#http.get('/partial-signatures', PartialSignatureListSchema, { query: { request_id: requestId, ...page }, signal });
  }

  /** @param publicKey compressed, hexadecimal @throws ServiceError 409 `public_key_conflict` when the board has another */
  async postPublicKey(publicKey: string, signal?: AbortSignal): Promise<void> {
    await this.#http.post('/publickey', { public_key: publicKey }, contract.PublicKeyAnswerSchema, { signal });
  }

  /** @returns the key, compressed, in hexadecimal; undefined when there is none (until `wait` ms are over) */
  async getPublicKey({ wait, signal }: Waiting = {}): Promise<string | undefined> {
    const answer = await orUndefined(this.#http.get('/publickey', contract.PublicKeyAnswerSchema, { query: { wait }, signal }));
    return answer?.public_key;
  }

  /** A heartbeat; tried once, since the board takes each only once. */
  putNode(nodeId: string, heartbeat: Heartbeat, signal?: AbortSignal): Promise<HeartbeatAnswer> {
    return this.#http.put(`/nodes/${encodeURIComponent(nodeId)}`, heartbeat, contract.HeartbeatAnswerSchema, { signal, once: true });
  }

  /** All nodes; with `changedAfter` and `wait`, the answer is held back until a node says something else than at that revision. */
  listNodes(query: Waiting & { readonly changedAfter?: string | undefined } = {}): Promise<NodeRecord[]> {
    const { signal, changedAfter, wait } = query;
    return this.#http.get('/nodes', NodeListSchema, { query: { changed_after: changedAfter, wait }, signal });
  }

  health(signal?: AbortSignal): Promise<Health> {
    return this.#http.get('/health', contract.HealthSchema, { signal });
  }

  /** Ends calls under way. */
  close(): Promise<void> {
    return this.#http.close();
  }

  #see(instance: string | string[] | undefined): void {
    if (typeof instance !== 'string' || instance === this.#instance) return;
    const restarted = this.#instance !== undefined;
    this.#instance = instance;
    if (restarted) for (const callback of [...this.#restartListeners]) callback();
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
