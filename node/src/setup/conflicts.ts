import type { Logger } from 'pino';
import type { PeerView } from 'message-board/peer_view';
import type { PresenceView } from '../cluster/presence.js';

const PHASES = ['keygen', 'aux_info'] as const;

/**
 * Does this node have a share of another key, or other auxiliary info, than the others? Of two groups of nodes that hold different ones
 * the larger is right. Of two equally large groups neither is.
 * @returns the problem; null when there is none
 */
function conflict(phase: (typeof PHASES)[number], presence: PresenceView): string | null {
  const own = presence.status[phase].committed;
  const digestOf = ({ live, status }: PeerView): string | null => (live ? (status?.[phase].committed ?? null) : null);
  const groups = new Map<string, string[]>();
  for (const peer of presence.peers()) {
    const digest = digestOf(peer);
    if (digest !== null) groups.set(digest, [...(groups.get(digest) ?? []), peer.nodeId]);
  }
  const ours = 1 + (own === null ? 0 : (groups.get(own)?.length ?? 0));
  const [others] = [...groups].filter(([digest, nodes]) => digest !== own && nodes.length >= ours).map(([, nodes]) => nodes);
  if (own === null || others === undefined) return null;
  const problem = `${phase}: ${others.join(', ')} and this node hold files of different key generations`;
  return `${problem}. Restore this node's files from its backup, or theirs`;
}

export interface ConflictDeps {
  readonly presence: PresenceView;
  readonly logger: Logger;
  /** Told of a conflict, and null when it is over. */
  readonly onProblem: (reason: string | null) => void;
}

/** Watches whether this node's complete key share belongs to the others' shares, until the signal aborts. */
export function watchForConflicts({ presence, logger, onProblem }: ConflictDeps, signal: AbortSignal): void {
  let known: string | null = null;
  const look = (): void => {
    const found = PHASES.map((phase) => conflict(phase, presence)).find((reason) => reason !== null) ?? null;
    if (found === known) return;
    known = found;
    onProblem(found);
    presence.update({ stage: found === null ? 'ready' : 'refusing' });
    if (found !== null) logger.error({ event: 'setup_conflict' }, found);
  };
  const unsubscribe = presence.onChange(look);
  signal.addEventListener('abort', unsubscribe, { once: true });
  look();
}
