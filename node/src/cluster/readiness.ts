/** Which nodes can sign now, and with whom, as this node sees them. */
import * as peerView from 'message-board/peer_view';
import { nodeId, signersLabel } from '../base/utils.js';
import type { PresenceView } from './presence.js';

export interface ReadinessDeps {
  /** Own party index. */
  readonly index: number;
  readonly presence: Pick<PresenceView, 'peers' | 'status'>;
  /** Parties that have cheated. */
  readonly culprits: { has(party: number): boolean };
}

interface SizeDeps {
  /** Nodes in the cluster. */
  readonly n: number;
  /** How many of them sign. */
  readonly t: number;
}

/** Is its heartbeat overdue, so that it may be down? It is then not the first choice. */
export function isLate({ presence }: Pick<ReadinessDeps, 'presence'>, party: number): boolean {
  return presence.peers().some((peer) => peer.index === party && peerView.isLate(peer));
}

/** Is a node alive, past its set-up, and no culprit? One that starts, or whose files do not fit the others', cannot sign. */
export function isReady({ index, presence, culprits }: ReadinessDeps, party: number): boolean {
  if (culprits.has(party)) return false;
  if (party === index) return presence.status.stage === 'ready';
  return presence.peers().some((peer) => peer.index === party && peerView.isReady(peer));
}

/** Are they all ready, and does none of them accuse another one of them? A node runs nothing with one that it has seen cheat. */
export function canSignTogether({ index, presence, culprits }: ReadinessDeps, signers: readonly number[]): boolean {
  if (signers.some((party) => culprits.has(party))) return false;
  if (signers.includes(index) && presence.status.stage !== 'ready') return false;
  const peers = presence.peers().filter((peer) => signers.includes(peer.index));
  const areKnown = signers.every((party) => party === index || peers.some((peer) => peer.index === party));
  return areKnown && peerView.canSignTogether(peers, signers.map(nodeId));
}

/** Does any other node accuse it? */
export function isNamed({ presence }: Pick<ReadinessDeps, 'presence'>, party: number): boolean {
  return peerView.accusersOf(nodeId(party), presence.peers()).length > 0;
}

/**
 * Do more nodes, this one included, say that it owed them a message lately than can all be cheats? A hint, which decides only between
 * signers that are as good otherwise.
 */
export function isSuspected({ presence, n, t }: Pick<ReadinessDeps, 'presence'> & SizeDeps, party: number): boolean {
  const name = nodeId(party);
  const own = presence.status.suspects?.includes(name) === true ? 1 : 0;
  return own + peerView.suspectingOf(name, presence.peers()).length > n - t;
}

/** The free presignatures of a signer set of which each member but this node states that it holds its half. */
export function offeredByOthers({ presence }: Pick<ReadinessDeps, 'presence'>, signers: readonly number[]): readonly string[] {
  return peerView.heldByAll(signersLabel(signers), presence.peers().filter(({ index }) => signers.includes(index)));
}
