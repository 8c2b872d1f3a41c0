/** Which nodes can sign now, and with whom, as this node sees them. */
import { nodeId } from '../base/utils.js';
import type { PeerView, PresenceView } from './presence.js';

/**
 * Heartbeats are sent every second and read every second. A node whose last one is older than this is overdue. A smaller value takes
 * nodes of a busy machine for dead; a larger one keeps a dead node the first choice for longer.
 */
const LATE_MS = 2_500;

export interface ReadinessDeps {
  /** Own party index. */
  readonly index: number;
  readonly presence: Pick<PresenceView, 'peers' | 'ageMs'>;
  /** Parties that have cheated. */
  readonly culprits: { has(party: number): boolean };
}

/** Is its heartbeat overdue, so that it may be down? It is then not the first choice. */
export function isLate({ presence }: Pick<ReadinessDeps, 'presence'>, party: number): boolean {
  return presence.ageMs(party) > LATE_MS;
}

/** Is a node alive, past its set-up, and no culprit? One that starts, or whose files do not fit the others', cannot sign. */
export function isReady({ index, presence, culprits }: ReadinessDeps, party: number): boolean {
  if (culprits.has(party)) return false;
  return party === index || presence.peers().some((peer) => peer.index === party && peer.live && peer.status?.stage === 'ready');
}

/** Are they all ready, and does none of them accuse another one of them? A node runs nothing with one that it has seen cheat. */
export function canSignTogether(deps: ReadinessDeps, signers: readonly number[]): boolean {
  const names = signers.map(nodeId);
  const distrusts = ({ index, status }: PeerView): boolean =>
    signers.includes(index) && status?.culprits.some((name) => names.includes(name)) === true;
  return signers.every((party) => isReady(deps, party)) && !deps.presence.peers().some(distrusts);
}

/** Does any other node accuse it? */
export function isNamed({ presence }: Pick<ReadinessDeps, 'presence'>, party: number): boolean {
  return presence.peers().some(({ status }) => status?.culprits.includes(nodeId(party)) === true);
}
