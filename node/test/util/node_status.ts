import type { NodeStatus } from 'message-board/contract';

/** A phase of the set-up of which nothing has begun. */
export const IDLE = { ready: false, next: 0, running: null, completed: null, committed: null };

const HEALTHY = { clock: 0, problems: [], disk_free_bytes: null, hears: [] };

/** What a node says of itself that is ready, except for `change`. */
export function nodeStatus(change: Partial<NodeStatus> = {}): NodeStatus {
  const about = { incarnation: 'own', public_key: null, stage: 'ready' } as const;
  return { ...about, keygen: IDLE, aux_info: IDLE, pool: {}, attempts: [], culprits: [], ...HEALTHY, ...change };
}
