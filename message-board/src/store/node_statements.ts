import type { Heartbeat, NodeId, NodeRecord, NodeStatus } from '../contract/contract.js';
import { ServiceError } from 'service/errors';
import { isLater, type NodeStatement } from '../contract/node_statement.js';
import type { StoreContext } from './store_context.js';

const MAX_NODES = 1000;

interface Seen {
  readonly heartbeat: Heartbeat;
  /** Its JSON text. */
  readonly text: string;
  /** When it was stated, where that is checked. */
  readonly stated: Pick<NodeStatement, 'started' | 'sequence'> | undefined;
  readonly revision: string;
  readonly heardAt: number;
}

/** What the nodes last said about themselves, and when. The one that has been silent longest makes room for the 1001st. */
export class NodeStatements {
  /** In the order of their last heartbeat. */
  readonly #nodes = new Map<NodeId, Seen>();
  #lastRevision = '';

  constructor(private readonly deps: Pick<StoreContext, 'clock' | 'sequence' | 'usage' | 'changed'>) {}

  /** Was this its last heartbeat too? */
  says(nodeId: NodeId, heartbeat: Heartbeat): boolean {
    return this.#nodes.get(nodeId)?.text === JSON.stringify(heartbeat);
  }

  /**
   * @param stated of a new heartbeat, where that is checked
   * @throws ServiceError 409 when the node has stated something later
   */
  heartbeat(nodeId: NodeId, heartbeat: Heartbeat, stated?: NodeStatement): NodeRecord {
    const { clock, sequence, changed } = this.deps;
    const text = JSON.stringify(heartbeat);
    const before = this.#nodes.get(nodeId);
    const same = before?.text === text;
    if (!same && before?.stated !== undefined && stated !== undefined && !isLater(stated, before.stated)) {
      throw new ServiceError(409, 'stale_status', `statement: ${nodeId} has stated something later`);
    }
    const seen = same
      ? { ...before, heardAt: clock.monotonic() }
      : { heartbeat, text, stated: stated && { started: stated.started, sequence: stated.sequence }, revision: sequence.next(), heardAt: clock.monotonic() };
    this.#forget(nodeId);
    this.#nodes.set(nodeId, seen);
    this.deps.usage.bytes += bytesOf(seen);
    const [silent] = this.#nodes.keys();
    if (this.#nodes.size > MAX_NODES && silent !== undefined) this.#forget(silent);
    if (!same) {
      this.#lastRevision = seen.revision;
      // Each presigned signature changes what three nodes have: who reads hears it once.
      changed('nodes', before === undefined || apartFromPool(before.heartbeat) !== apartFromPool(heartbeat));
    }
    return this.#record(nodeId, seen);
  }

  *statuses(): Generator<NodeStatus> {
    for (const { heartbeat } of this.#nodes.values()) yield heartbeat.status;
  }

  /** The lowest number first. */
  *list(): Generator<NodeRecord> {
    const number = ([nodeId]: readonly [NodeId, Seen]): number => Number(nodeId.slice('node-'.length));
    for (const [nodeId, seen] of [...this.#nodes].sort((a, b) => number(a) - number(b))) yield this.#record(nodeId, seen);
  }

  /** Is there any news for who has seen `revision`? One of another life of the board counts as nothing seen. */
  hasChangedAfter(revision: string | undefined): boolean {
    const seen = revision !== undefined && this.deps.sequence.made(revision) ? revision : '';
    return this.#lastRevision > seen;
  }

  #forget(nodeId: NodeId): void {
    const seen = this.#nodes.get(nodeId);
    if (seen === undefined) return;
    this.#nodes.delete(nodeId);
    this.deps.usage.bytes -= bytesOf(seen);
  }

  #record(node_id: NodeId, { heartbeat, revision, heardAt }: Seen): NodeRecord {
    return { node_id, ...heartbeat, revision, age_ms: Math.max(0, this.deps.clock.monotonic() - heardAt) };
  }
}

function apartFromPool({ status }: Heartbeat): string {
  return JSON.stringify({ ...status, pool: null, offers: null });
}

/** The text, and what was parsed from it. */
function bytesOf({ text }: Seen): number {
  return 4 * text.length + 512;
}
