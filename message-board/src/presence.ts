import type { Heartbeat, NodeId, NodeRecord } from './contract.js';
import type { Sequence } from './ids.js';

const MAX_NODES = 1000;

interface Seen {
  readonly heartbeat: Heartbeat;
  /** Its JSON text. */
  readonly text: string;
  readonly revision: string;
  readonly heardAt: number;
}

export interface PresenceDeps {
  /** Milliseconds. */
  readonly now: () => number;
  readonly sequence: Sequence;
  /** Told when the list `nodes` has news. */
  readonly changed: (topic: string) => void;
}

/** What the nodes last said about themselves, and when. The one that has been silent longest makes room for the 1001st. */
export class Presence {
  /** In the order of their last heartbeat. */
  private readonly nodes = new Map<NodeId, Seen>();
  private lastRevision = '';

  constructor(private readonly deps: PresenceDeps) {}

  heartbeat(nodeId: NodeId, heartbeat: Heartbeat): NodeRecord {
    const { now, sequence, changed } = this.deps;
    const text = JSON.stringify(heartbeat);
    const before = this.nodes.get(nodeId);
    const same = before?.text === text;
    const seen = { heartbeat, text, revision: same ? before.revision : sequence.next(), heardAt: now() };
    this.nodes.delete(nodeId);
    this.nodes.set(nodeId, seen);
    const [silent] = this.nodes.keys();
    if (this.nodes.size > MAX_NODES && silent !== undefined) this.nodes.delete(silent);
    if (!same) {
      this.lastRevision = seen.revision;
      changed('nodes');
    }
    return this.record(nodeId, seen);
  }

  /** The lowest number first. */
  *list(): Generator<NodeRecord> {
    const number = ([nodeId]: readonly [NodeId, Seen]): number => Number(nodeId.slice('node-'.length));
    for (const [nodeId, seen] of [...this.nodes].sort((a, b) => number(a) - number(b))) yield this.record(nodeId, seen);
  }

  /** Is there any news for who has seen `revision`? One of another life of the board counts as nothing seen. */
  hasChangedAfter(revision: string | undefined): boolean {
    const seen = revision !== undefined && this.deps.sequence.made(revision) ? revision : '';
    return this.lastRevision > seen;
  }

  private record(node_id: NodeId, { heartbeat, revision, heardAt }: Seen): NodeRecord {
    return { node_id, ...heartbeat, revision, age_ms: Math.max(0, this.deps.now() - heardAt) };
  }
}
