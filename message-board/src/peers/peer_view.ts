/** How the members of a cluster are, and which of them can sign together: nodes and gateway decide it by the same rules. */
import type { NodeId, NodeStatus } from '../contract/contract.js';

/**
 * Heartbeats are sent every second and read every second. A node whose last one is older than this is overdue. A smaller value takes
 * nodes of a busy machine for dead; a larger one keeps a dead node the first choice for longer.
 */
const LATE_MS = 2_500;

/** What is known of another member. */
export interface PeerView {
  /** Party index. */
  readonly index: number;
  readonly nodeId: NodeId;
  /** Was its last heartbeat recent when the board last answered? */
  readonly live: boolean;
  /** Milliseconds since its last heartbeat, up to now; Infinity when it has never been heard of. */
  readonly ageMs: number;
  readonly status: NodeStatus | undefined;
}

/** Is its heartbeat overdue, so that it may be down? It is then not the first choice. */
export function isLate({ ageMs }: PeerView): boolean {
  return ageMs > LATE_MS;
}

/** Is it alive, and past its set-up? One that starts, or whose files do not fit the others', cannot sign. */
export function isReady({ live, status }: PeerView): boolean {
  return live && status?.stage === 'ready';
}

/** The peers that say that this node has cheated. */
export function accusersOf(nodeId: NodeId, peers: readonly PeerView[]): NodeId[] {
  return peers.filter((peer) => peer.nodeId !== nodeId && peer.status?.culprits.includes(nodeId) === true).map((peer) => peer.nodeId);
}

/**
 * Is each of these peers ready, and does none accuse one of the signers? A node runs nothing with one that it has seen cheat.
 * @param peers the signers, without the one that asks
 * @param signers all of them
 */
export function canSignTogether(peers: readonly PeerView[], signers: readonly NodeId[]): boolean {
  return peers.every(isReady) && !signers.some((signer) => accusersOf(signer, peers).length > 0);
}
