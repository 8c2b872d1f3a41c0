/** Who is alive and ready, who can sign together, and with which presignatures. Nodes and gateway decide it by the same rules. */
import type { NodeId, NodeStatus } from '../contract/contract.js';

/**
 * A node sends a heartbeat every second, and the others read the board every second. A heartbeat that is older than this is late. With a
 * smaller value, nodes on a busy machine are taken for dead. With a larger one, a dead node stays the first choice for longer.
 */
const LATE_MS = 2_500;

/**
 * A node without a heartbeat for this long is dead, unless a node's settings say otherwise. Smaller: a node on a busy machine is taken for
 * dead. Larger: others wait for a dead node for longer.
 */
export const DEAD_AFTER_MS = 3_000;

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

/** What an operator is told of a peer. @param skews of its clock and others', as `Peers.clockSkews` tells them */
export function peerHealth({ nodeId, live, ageMs, status }: PeerView, skews: ReadonlyMap<string, number>) {
  return {
    node_id: nodeId,
    live,
    stage: status?.stage ?? null,
    problems: status?.problems ?? [],
    age_ms: Number.isFinite(ageMs) ? Math.round(ageMs) : null,
    clock_skew_ms: skews.get(nodeId) ?? null,
    disk_free_bytes: status?.disk_free_bytes ?? null,
  };
}

/** The peers that accuse this node of cheating. What a node says of itself does not count. */
export function accusersOf(nodeId: NodeId, peers: readonly PeerView[]): NodeId[] {
  return peers.filter((peer) => peer.nodeId !== nodeId && peer.status?.culprits.includes(nodeId) === true).map((peer) => peer.nodeId);
}

/** The live nodes that say that this one owed them a message lately. What a node says of itself does not count. */
export function suspectingOf(nodeId: NodeId, nodes: readonly PeerView[]): NodeId[] {
  const suspecting = nodes.filter((node) => node.live && node.nodeId !== nodeId && node.status?.suspects?.includes(nodeId) === true);
  return suspecting.map((node) => node.nodeId);
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

/**
 * The presignatures that can be used now, by signer set, `1-2-3`, the oldest first: its members can sign together, and each states that it
 * holds its part. One that only some of them state is lost, or not ready yet.
 * @param nodes all that the reader knows, itself included if it is a node
 * @param t how many sign together
 */
export function usablePresignatures(nodes: readonly PeerView[], t: number): Map<string, readonly string[]> {
  const labels = new Set(nodes.flatMap(({ status }) => Object.keys(status?.offers ?? {})));
  const usable = [...labels].flatMap((label): [string, readonly string[]][] => {
    const makers = membersOf(label, nodes);
    if (makers?.length !== t || !canSignTogether(makers, makers.map(({ nodeId }) => nodeId))) return [];
    const ids = heldByAll(label, makers);
    return ids.length === 0 ? [] : [[label, ids]];
  });
  return new Map(usable);
}

/** The presignatures of a signer set that each of its members states, in the first one's order. */
export function heldByAll(label: string, makers: readonly Pick<PeerView, 'status'>[]): readonly string[] {
  const [first = [], ...others] = makers.map(({ status }) => status?.offers?.[label] ?? []);
  const stated = others.map((ids) => new Set(ids));
  return first.filter((id) => stated.every((ids) => ids.has(id)));
}

/** The members of a signer set; null when the label is not one of ascending numbers of these nodes. */
function membersOf(label: string, nodes: readonly PeerView[]): PeerView[] | null {
  const members = nodes.filter(({ index }) => label.split('-').includes(String(index + 1)));
  return members.map(({ index }) => index + 1).join('-') === label ? members : null;
}

/** Choices that one search tries. Smaller: a set is missed when many nodes do not fit. Larger: corrupt nodes can make it take long. */
const MAX_CHOICES = 1_000;

/**
 * The largest set of nodes that can sign together: each is ready, none accuses another one, and each hears all others.
 * @param member is one of the set; without it, any set counts
 */
export function largestSignerSet(nodes: readonly PeerView[], member?: NodeId): NodeId[] {
  const ready = nodes.filter(isReady);
  const always = ready.find(({ nodeId }) => nodeId === member);
  if (member !== undefined && always === undefined) return [];
  const candidates = always === undefined ? ready : ready.filter((node) => fit(node, always));
  return largestFitting(candidates, { choices: MAX_CHOICES }).map(({ nodeId }) => nodeId);
}

/** Of two that do not fit, one is left out. It is not known which of them lies, so both sets are tried, while there are choices left. */
function largestFitting(nodes: readonly PeerView[], left: { choices: number }): readonly PeerView[] {
  const misfits = nodes.map((node) => ({ node, count: nodes.filter((other) => !fit(node, other)).length }));
  const [worst] = misfits.sort((a, b) => b.count - a.count);
  if (worst === undefined || worst.count === 0) return nodes;
  const without = largestFitting(nodes.filter((node) => node !== worst.node), left);
  // One that does not fit a single other one can take that one's place only.
  if (worst.count === 1 || left.choices === 0) return without;
  left.choices -= 1;
  const fitting = nodes.filter((node) => fit(node, worst.node));
  if (fitting.length <= without.length) return without;
  const together = largestFitting(fitting, left);
  return together.length > without.length ? together : without;
}

function fit(a: PeerView, b: PeerView): boolean {
  return a === b || (accepts(a, b) && accepts(b, a));
}

function accepts({ status }: PeerView, { nodeId }: PeerView): boolean {
  return status?.culprits.includes(nodeId) === false && status.hears.includes(nodeId);
}
