import { ServiceError } from 'service/errors';
import { TOPICS, type HeartbeatAnswer, type NodeId, type NodeRecord, type NodeStatus } from '../contract/contract.js';
import { topicsOfNews, whyNotLater, type NodeStatements } from '../contract/node_statement.js';
import type { StoreContext } from './store_context.js';

const MAX_NODES = 1000;

interface StoredNode {
  readonly stated: NodeStatements;
  readonly revision: string;
  readonly heardAt: number;
}

export interface NodeStoreDeps extends Pick<StoreContext, 'clock' | 'sequence' | 'usage' | 'changed'> {
  /** Must a heartbeat be later than the one before? Not where anybody could make a later one, and shut the node out. */
  readonly isOrdered: boolean;
}

/** What the nodes last said about themselves, and when. The one that has been silent longest makes room for the 1001st. */
export class NodeStore {
  /** In the order of their last heartbeat. */
  readonly #nodes = new Map<NodeId, StoredNode>();
  #lastRevision = '';

  constructor(private readonly deps: NodeStoreDeps) {}

  /** What a node last stated. */
  statedBy(nodeId: NodeId): NodeStatements | undefined {
    return this.#nodes.get(nodeId)?.stated;
  }

  /** @throws ServiceError 409 when the node has stated this before, or something later */
  refuseStale(nodeId: NodeId, next: NodeStatements): void {
    const before = this.statedBy(nodeId);
    const reason = before === undefined || !this.deps.isOrdered ? null : whyNotLater(before, next);
    if (reason !== null) throw new ServiceError(409, 'stale_statement', `statements: ${nodeId}: ${reason}`);
  }

  /** @throws ServiceError 409, as `refuseStale` */
  heartbeat(nodeId: NodeId, next: NodeStatements): HeartbeatAnswer {
    this.refuseStale(nodeId, next);
    const { clock, sequence, usage, changed } = this.deps;
    const before = this.#nodes.get(nodeId);
    const news = topicsOfNews(before?.stated, next);
    const revision = before === undefined || news.length > 0 ? sequence.next() : before.revision;
    const stored = { stated: next, revision, heardAt: clock.monotonic() };
    this.#forget(nodeId);
    this.#nodes.set(nodeId, stored);
    usage.bytes += bytesOf(stored);
    const [silent] = this.#nodes.keys();
    if (this.#nodes.size > MAX_NODES && silent !== undefined) this.#forget(silent);
    if (revision !== before?.revision) {
      this.#lastRevision = revision;
      // Each presigned signature changes what three nodes have: who reads hears it once.
      changed('nodes', news.some((topic) => topic !== 'pool'));
    }
    return { node_id: nodeId, revision };
  }

  *statuses(): Generator<NodeStatus> {
    for (const { stated } of this.#nodes.values()) yield stated.status;
  }

  /** The lowest number first. */
  *list(): Generator<NodeRecord> {
    const number = ([nodeId]: readonly [NodeId, StoredNode]): number => Number(nodeId.slice('node-'.length));
    for (const [nodeId, stored] of [...this.#nodes].sort((a, b) => number(a) - number(b))) yield this.#record(nodeId, stored);
  }

  /** Is there any news for who has seen `revision`? One of another life of the board counts as nothing seen. */
  hasChangedAfter(revision: string | undefined): boolean {
    const seen = revision !== undefined && this.deps.sequence.made(revision) ? revision : '';
    return this.#lastRevision > seen;
  }

  #forget(nodeId: NodeId): void {
    const stored = this.#nodes.get(nodeId);
    if (stored === undefined) return;
    this.#nodes.delete(nodeId);
    this.deps.usage.bytes -= bytesOf(stored);
  }

  #record(node_id: NodeId, { stated, revision, heardAt }: StoredNode): NodeRecord {
    const { stage, pool } = stated.status;
    const presignatures = Object.values(pool).reduce((sum, count) => sum + count, 0);
    const age_ms = Math.max(0, this.deps.clock.monotonic() - heardAt);
    return { node_id, stage, presignatures, statements: stated.texts, revision, age_ms };
  }
}

/** The texts, and what was parsed from them. */
function bytesOf({ stated: { texts } }: StoredNode): number {
  return TOPICS.reduce((bytes, topic) => bytes + 4 * texts[topic].length, 512);
}

/** How large a record is in an answer. */
export function nodeRecordBytes({ statements }: NodeRecord): number {
  return TOPICS.reduce((bytes, topic) => bytes + 2 * statements[topic].length, 512);
}
