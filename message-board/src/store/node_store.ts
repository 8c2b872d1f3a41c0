import { ServiceError } from 'service/errors';
import { nodeNumber, TOPICS, type HeartbeatAnswer, type NodeId, type NodeRecord, type NodeStatus } from '../contract/contract.js';
import { topicsOfNews, whyNotLater, type NodeStatements } from '../contract/node_statement.js';
import type { StoreContext } from './store_context.js';

/**
 * Upper bound of the nodes that are kept. With a smaller value, nodes of a large cluster displace each other. With a larger one, strangers
 * can fill a board without a roster further.
 */
const MAX_NODES = 1000;

interface StoredNode {
  readonly stated: NodeStatements;
  /** Made when the node last said something new. */
  readonly revision: string;
  /** When its last heartbeat came, by the monotonic clock. */
  readonly heardAt: number;
}

export interface NodeStoreDeps extends Pick<StoreContext, 'clock' | 'sequence' | 'usage' | 'changed'> {
  /**
   * Must a heartbeat be later than the one before? It must in a sealed cluster. In a plain one anybody can make a very late one, and the
   * node could never speak again.
   */
  readonly isOrdered: boolean;
}

/** What the nodes last said about themselves, and when. When there are too many, the one that has been silent longest is forgotten. */
export class NodeStore {
  readonly #deps: NodeStoreDeps;
  /** In the order of their last heartbeat. */
  readonly #nodes = new Map<NodeId, StoredNode>();
  /** The highest revision of all nodes. */
  #lastRevision = '';

  constructor(deps: NodeStoreDeps) {
    this.#deps = deps;
  }

  /** What a node last stated; undefined when it is not known. */
  statedBy(nodeId: NodeId): NodeStatements | undefined {
    return this.#nodes.get(nodeId)?.stated;
  }

  /**
   * Where heartbeats are ordered. A board that was restarted has forgotten what was stated before, so a heartbeat names the life of the
   * board for which it is.
   * @throws ServiceError 409 when the node has stated this before, or something later, or to another life of the board
   */
  refuseStale(nodeId: NodeId, next: NodeStatements): void {
    const { isOrdered, sequence } = this.#deps;
    if (!isOrdered) return;
    const before = this.statedBy(nodeId);
    const isForThisLife = next.status.board === sequence.instance;
    const reason = !isForThisLife ? 'it is for another life of the board' : before === undefined ? null : whyNotLater(before, next);
    if (reason !== null) throw new ServiceError(409, 'stale_statement', `statements: ${nodeId}: ${reason}`);
  }

  /** Keeps a heartbeat, which must be verified already. @throws ServiceError 409, as `refuseStale` */
  heartbeat(nodeId: NodeId, next: NodeStatements): HeartbeatAnswer {
    this.refuseStale(nodeId, next);
    const { clock, sequence, usage, changed } = this.#deps;
    const before = this.#nodes.get(nodeId);
    const news = topicsOfNews(before?.stated, next);
    const revision = before === undefined || news.length > 0 ? sequence.next() : before.revision;
    // A node lives as long as it makes new statements on presence. Those on other topics may have been kept back.
    const heardAt = before?.stated.texts.presence === next.texts.presence ? before.heardAt : clock.monotonic();
    const stored = { stated: next, revision, heardAt };
    this.#forget(nodeId);
    this.#nodes.set(nodeId, stored);
    usage.bytes += bytesOf(stored);
    const [longestSilent] = this.#nodes.keys();
    if (this.#nodes.size > MAX_NODES && longestSilent !== undefined) this.#forget(longestSilent);
    if (revision !== before?.revision) {
      this.#lastRevision = revision;
      // Each use of a presignature changes the pools of all its makers. Readers hear of them together, a little later.
      const isUrgent = news.some((topic) => topic !== 'pool');
      changed('nodes', isUrgent);
    }
    return { node_id: nodeId, revision };
  }

  /** What each node last said. */
  *statuses(): Generator<NodeStatus> {
    for (const { stated } of this.#nodes.values()) yield stated.status;
  }

  /** All nodes, the lowest number first. */
  *list(): Generator<NodeRecord> {
    const byNumber = [...this.#nodes].sort(([a], [b]) => nodeNumber(a) - nodeNumber(b));
    for (const [nodeId, stored] of byNumber) yield this.#record(nodeId, stored);
  }

  /** Is there news for a reader that has seen `revision`? Without one, or with one of another life of the board, every node is news. */
  hasChangedAfter(revision: string | undefined): boolean {
    const seen = revision !== undefined && this.#deps.sequence.made(revision) ? revision : '';
    return this.#lastRevision > seen;
  }

  #forget(nodeId: NodeId): void {
    const stored = this.#nodes.get(nodeId);
    if (stored === undefined) return;
    this.#nodes.delete(nodeId);
    this.#deps.usage.bytes -= bytesOf(stored);
  }

  #record(node_id: NodeId, { stated, revision, heardAt }: StoredNode): NodeRecord {
    const { stage, pool } = stated.status;
    const presignatures = Object.values(pool).reduce((sum, count) => sum + count, 0);
    const age_ms = Math.max(0, this.#deps.clock.monotonic() - heardAt);
    return { node_id, stage, presignatures, statements: stated.texts, revision, age_ms };
  }
}

/** Upper bound of the memory for a node: its texts, and again as much for what was parsed from them. */
function bytesOf({ stated: { texts } }: StoredNode): number {
  return TOPICS.reduce((bytes, topic) => bytes + 4 * texts[topic].length, 512);
}

/** Upper bound of a record's size in an answer, at two bytes a character. */
export function nodeRecordBytes({ statements }: NodeRecord): number {
  return TOPICS.reduce((bytes, topic) => bytes + 2 * statements[topic].length, 512);
}
