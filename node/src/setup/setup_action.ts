/** What a node does next about key generation, or aux info, by what all nodes announce. `agreement.ts` says why it is safe. */
import type { SetupStatus } from 'message-board/contract';

/** What a peer announces. */
export interface SetupPeer {
  readonly nodeId: string;
  readonly live: boolean;
  /** Its last announcement; undefined when it was never heard of. */
  readonly setup: SetupStatus | undefined;
}

export type SetupAction =
  /** No attempt must be begun: an operator has to act. */
  | { readonly kind: 'stop'; readonly reason: string }
  | { readonly kind: 'commit'; readonly attempt: number; readonly digest: string }
  | { readonly kind: 'discard' }
  | { readonly kind: 'skip'; readonly next: number }
  | { readonly kind: 'prepare' }
  | { readonly kind: 'wait'; readonly missing: readonly string[] }
  | { readonly kind: 'start'; readonly attempt: number };

/** Where a node is: the attempt that it runs or has a result of, or else the one that it would begin. Never decreases. */
function position({ running, completed, next }: SetupStatus): number {
  return running ?? completed?.attempt ?? next;
}

/** What a node that has committed nothing does next. */
export function nextAction(own: SetupStatus, peers: readonly SetupPeer[]): SetupAction {
  const { completed } = own;
  if (completed !== null && peers.some(({ setup }) => setup?.committed === completed.digest)) return { kind: 'commit', ...completed };
  const holders = peers.filter(({ live, setup }) => live && setup !== undefined && setup.committed !== null);
  if (holders.length > 0) {
    const names = holders.map(({ nodeId }) => nodeId).join(', ');
    return { kind: 'stop', reason: `${names} completed this before and this node has no file of it` };
  }
  if (completed !== null) return actionOnResult(completed, peers);
  // Nobody can complete an attempt without this node: it has lost its files, and says that it will never hold that result.
  const lost = Math.max(-1, ...peers.map(({ setup }) => setup?.completed?.attempt ?? -1));
  if (lost >= own.next) return { kind: 'skip', next: lost + 1 };
  if (!own.ready) return { kind: 'prepare' };
  const attempt = Math.max(own.next, ...peers.map(({ setup }) => setup?.running ?? setup?.next ?? 0));
  const joins = ({ live, setup }: SetupPeer): boolean => live && setup !== undefined && (setup.ready || setup.running === attempt);
  const missing = peers.filter((peer) => !joins(peer));
  return missing.length > 0 ? { kind: 'wait', missing: missing.map(({ nodeId }) => nodeId) } : { kind: 'start', attempt };
}

function actionOnResult({ attempt, digest }: { attempt: number; digest: string }, peers: readonly SetupPeer[]): SetupAction {
  const holds = ({ setup }: SetupPeer): boolean => setup?.completed?.attempt === attempt && setup.completed.digest === digest;
  const neverHolds = ({ setup }: SetupPeer): boolean =>
    setup !== undefined && (position(setup) > attempt || (setup.completed?.attempt === attempt && setup.completed.digest !== digest));
  if (peers.every(holds)) return { kind: 'commit', attempt, digest };
  if (peers.some(neverHolds)) return { kind: 'discard' };
  return { kind: 'wait', missing: peers.filter((peer) => !holds(peer)).map(({ nodeId }) => nodeId) };
}

/** Why an attempt that is under way cannot end well; null when it can. */
export function reasonToGiveUp(attempt: number, peers: readonly SetupPeer[]): string | null {
  const beyond = peers.find(({ setup }) => setup !== undefined && (setup.committed !== null || position(setup) > attempt));
  return beyond === undefined ? null : `${beyond.nodeId} is not in attempt ${attempt} any more`;
}
