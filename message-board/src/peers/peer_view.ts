/** Who is alive and ready, and who can sign together. Nodes and gateway decide it by the same rules. */
import type { NodeId, NodeStatus } from '../contract/contract.js';

/**
 * A node sends a heartbeat every second, and the others read the board every second. A heartbeat that is older than this is late. With a
 * smaller value, nodes on a busy machine are taken for dead. With a larger one, a dead node stays the first choice for longer.
 */
const LATE_MS = 2_500;

/** What a reader knows of another node. */
export interface PeerView {
  /** Party index: `node-1` is 0. */
  readonly index: number;
  readonly nodeId: NodeId;
  /** Was its last heartbeat recent enough when the board last answered? It stays true while the board does not answer. */
  readonly live: boolean;
  /** Milliseconds from its last heartbeat to now. Infinity when there was none. */
  readonly ageMs: number;
  /** What it has last stated; undefined when it has never been heard of. */
  readonly status: NodeStatus | undefined;
}

/** Is its heartbeat late? It may be down, so others are a better choice. */
export function isLate({ ageMs }: PeerView): boolean {
  return ageMs > LATE_MS;
}

/** Is it alive and able to sign? A node is not while it starts or sets up its key, or when its files do not fit those of the others. */
export function isReady({ live, status }: PeerView): boolean {
  return live && status?.stage === 'ready';
}

/** The peers that accuse this node of cheating. What a node says of itself does not count. */
export function accusersOf(nodeId: NodeId, peers: readonly PeerView[]): NodeId[] {
  return peers.filter((peer) => peer.nodeId !== nodeId && peer.status?.culprits.includes(nodeId) === true).map((peer) => peer.nodeId);
}

/**
 * Can these signers sign together? Each must be ready, and none may accuse another one: a node runs no protocol with one that it has seen
 * cheat.
 * @param peers what the reader knows of the signers, without the reader itself
 * @param signers all of them, with the reader if it signs
 */
export function canSignTogether(peers: readonly PeerView[], signers: readonly NodeId[]): boolean {
  return peers.every(isReady) && !signers.some((signer) => accusersOf(signer, peers).length > 0);
}
