/**
 * What the gateway does differently in a sealed cluster, where members sign what they say, and in a plain one, which Rust nodes may belong
 * to. It is chosen here; nothing else in the gateway asks which kind of cluster it serves.
 */
import type { BoardClient } from 'message-board/client';
import { payloadOf, type Payload, type RequestRecord } from 'message-board/contract';
import { keysStatedBy } from 'message-board/node_statement';
import { provenFailure, type ClosingReason } from 'message-board/outcome';
import { payloadField } from 'message-board/payload';
import { askingFor, verifySigningRequest, type Asking } from 'message-board/signing_request';
import { largestSignerSet } from 'message-board/peer_view';
import type { Logger } from 'pino';
import type { Identity } from 'sealing/identity';
import { CLOSING } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign } from 'sealing/statement';
import type { Clock } from 'service/clock';
import { ServiceError } from 'service/errors';
import { viaBoard } from './board_unavailable.js';
import type { Culprit, NodeHealth } from './contract.js';
import { NodeStatuses } from './node_statuses.js';
import { originOf, type RequestDraft, type RequestTimes } from './origin.js';
import { Proposals } from './proposals.js';
import { pendingReasonOf } from './refusals.js';
import type { PendingRequest, PostedRequest } from './store/request_store.js';

export interface ClusterDeps {
  readonly board: BoardClient;
  readonly roster: Roster;
  /** The gateway's own, with its secrets. */
  readonly identity: Identity;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is known of the nodes. */
export interface ClusterHealth {
  readonly nodes: NodeHealth[];
  /** How many nodes can sign together; null where nobody can tell. */
  readonly signers: number | null;
  /** How many presignatures can be proposed now, by signer set. */
  readonly presignatures: Record<string, number>;
  /** The gateway's own clock against the nodes'; null where nobody can tell. */
  readonly clockSkewMs: number | null;
}

/** What the gateway says to the nodes of its cluster, and what it believes of what they say. */
export interface ClusterMode {
  /** Follows what nodes state, until `signal` aborts. It never rejects. */
  follow(signal: AbortSignal): Promise<void>;
  /** The public keys that are shown now, compressed and hexadecimal. @throws BoardUnavailable */
  shownKeys(): Promise<readonly string[]>;
  /** Do the nodes know such payloads? @throws ServiceError 400 `payload_not_supported` */
  refuseUnknown(payload: Payload): void;
  /** The id of the presignature that the gateway proposes for the next request; undefined when it proposes none. */
  propose(): string | undefined;
  /** The request that it was proposed for is not kept: it can be proposed for another one. */
  giveBack(presignatureId: string): void;
  /** The `origin` of a new request: it tells the nodes who asks, and until when they may sign. */
  originOf(draft: RequestDraft, times: RequestTimes): Promise<string>;
  /** The same request with another presignature, or without any. */
  proposedAnew(request: PendingRequest, presignatureId: string | undefined): Promise<PostedRequest>;
  /** Says that a request is closed. */
  closingOf(requestId: string, reason: ClosingReason): Promise<string>;
  /** What this gateway has signed, when the request is its own; null when it is not, or nobody can tell. */
  ownRequest(record: RequestRecord): Promise<Asking | null>;
  /** Why the request has failed for good; undefined when it has not, whatever the board calls it. */
  failure(record: RequestRecord): Promise<string | undefined>;
  /** What a pending request waits for; undefined when nobody says so. */
  pendingReason(record: RequestRecord): Promise<string | undefined>;
  /** Can a request that somebody else has put on the board be signed? */
  readonly othersMayAsk: boolean;
  /** Whom nodes accuse. The one that most of them accuse is the first. */
  culprits(): Culprit[];
  /** How the nodes are, by what was last heard of them. */
  health(): ClusterHealth;
}

/** Tells the log when the cluster is a plain one: an operator who did not mean it should know. */
export function clusterMode(deps: ClusterDeps): ClusterMode {
  if (deps.roster.sealed) return new SealedCluster(deps);
  deps.logger.warn(
    { event: 'plain_roster' },
    'This cluster is plain: requests are not signed, and nodes cannot tell who asks. For clusters with Rust nodes only',
  );
  return new PlainCluster(deps);
}

class SealedCluster implements ClusterMode {
  readonly othersMayAsk = false;
  readonly #deps: ClusterDeps;
  readonly #nodes: NodeStatuses;
  readonly #proposals: Proposals;

  constructor(deps: ClusterDeps) {
    this.#deps = deps;
    this.#nodes = new NodeStatuses(deps);
    this.#proposals = new Proposals(deps.roster);
  }

  follow(signal: AbortSignal): Promise<void> {
    return this.#nodes.follow(signal);
  }

  /**
   * As many nodes as sign have to state a key: what the board itself says of it counts for nothing. A node states the key as soon as it is
   * made, but can sign only when it is ready.
   */
  async shownKeys(): Promise<readonly string[]> {
    const statuses = await this.#nodes.look();
    return keysStatedBy(this.#deps.roster.t, statuses.filter(({ stage }) => stage === 'ready' || stage === 'impaired'));
  }

  refuseUnknown(): void {
    // All nodes run this program.
  }

  propose(): string | undefined {
    return this.#proposals.next(this.#nodes.peers());
  }

  giveBack(presignatureId: string): void {
    this.#proposals.giveBack(presignatureId);
  }

  originOf(draft: RequestDraft, times: RequestTimes): Promise<string> {
    return originOf(this.#deps.identity, this.#deps.roster, draft, times);
  }

  async proposedAnew(request: PendingRequest, presignature_id: string | undefined): Promise<PostedRequest> {
    const { time, expires } = await verifySigningRequest(this.#deps.roster, request);
    const times = { time: time.getTime(), expires: expires.getTime() };
    const payload = payloadOf(request);
    return { ...payload, origin: await this.originOf({ id: request.id, ...payload, presignature_id }, times), presignature_id };
  }

  closingOf(requestId: string, reason: ClosingReason): Promise<string> {
    return closingOf(this.#deps, requestId, reason);
  }

  ownRequest(record: RequestRecord): Promise<Asking | null> {
    return askingFor(this.#deps.roster, record);
  }

  failure(record: RequestRecord): Promise<string | undefined> {
    return provenFailure(this.#deps.roster, record);
  }

  pendingReason(record: RequestRecord): Promise<string | undefined> {
    return pendingReasonOf(this.#deps.roster, record);
  }

  culprits(): Culprit[] {
    return this.#nodes.culprits();
  }

  health(): ClusterHealth {
    const peers = this.#nodes.peers();
    const { nodes, clockSkewMs } = this.#nodes.health();
    return { nodes, clockSkewMs, signers: largestSignerSet(peers).length, presignatures: this.#proposals.counts(peers) };
  }
}

/** Nodes sign nothing here: the board is believed, except that a signature has to be valid. */
class PlainCluster implements ClusterMode {
  readonly othersMayAsk = true;
  readonly #deps: ClusterDeps;

  constructor(deps: ClusterDeps) {
    this.#deps = deps;
  }

  follow(): Promise<void> {
    return Promise.resolve();
  }

  async shownKeys(): Promise<readonly string[]> {
    const key = await viaBoard(this.#deps.board.getPublicKey());
    return key === undefined ? [] : [key];
  }

  /** Rust nodes hash the text of every request with SHA-256. */
  refuseUnknown(payload: Payload): void {
    const { kind, hash } = payload;
    if (kind === undefined && hash === undefined) return;
    const field = kind === undefined ? 'hash' : payloadField(payload);
    throw new ServiceError(400, 'payload_not_supported', `${field}: the nodes of a plain cluster sign text with SHA-256 alone`);
  }

  propose(): undefined {
    return undefined;
  }

  giveBack(): void {
    // Nothing is proposed here.
  }

  /** A mere name, which anybody could give. */
  originOf(): Promise<string> {
    return Promise.resolve('gateway');
  }

  proposedAnew({ message, origin }: PendingRequest): Promise<PostedRequest> {
    return Promise.resolve({ message, origin });
  }

  closingOf(requestId: string, reason: ClosingReason): Promise<string> {
    return closingOf(this.#deps, requestId, reason);
  }

  ownRequest(): Promise<null> {
    return Promise.resolve(null);
  }

  failure({ status, reason = 'failed' }: RequestRecord): Promise<string | undefined> {
    return Promise.resolve(status === 'failed' ? reason : undefined);
  }

  pendingReason({ reason }: RequestRecord): Promise<string | undefined> {
    return Promise.resolve(reason);
  }

  culprits(): Culprit[] {
    return [];
  }

  /** What a node says here anybody could have said, and Rust nodes say nothing. */
  health(): ClusterHealth {
    return { nodes: [], signers: null, presignatures: {}, clockSkewMs: null };
  }
}

function closingOf({ identity, roster }: ClusterDeps, request_id: string, reason: ClosingReason): Promise<string> {
  return sign(identity, roster, CLOSING, { request_id, reason });
}
