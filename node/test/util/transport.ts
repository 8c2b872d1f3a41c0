import type { Accusation } from '../../src/evidence/accusation.js';
import type { Accuser } from '../../src/evidence/accuser.js';
import type { BoardSession } from '../../src/transport/http_transport.js';
import type { Job } from '../../src/workers/jobs.js';
import type { NodeStatus } from 'message-board/contract';
import type { PeerView } from 'message-board/peer_view';
import type { PresenceView } from '../../src/cluster/presence.js';
import { nodeId } from '../../src/base/utils.js';
import { nodeStatus } from './node_status.js';

/** PeerSource as the test says they are. */
export class FakePresence implements PresenceView {
  readonly incarnation = 'own';
  readonly status: NodeStatus = nodeStatus();
  readonly #peers = new Map<number, PeerView>();
  readonly #callbacks = new Set<() => void>();

  update(): void {
    // nobody reads it
  }

  set(index: number, incarnation: string, change: Partial<NodeStatus & Pick<PeerView, 'live' | 'ageMs'>> = {}): void {
    const { live = true, ageMs = 0, stage = 'ready', culprits = [], pool = {}, offers = {}, suspects = [] } = change;
    const status = { ...this.status, incarnation, stage, culprits, pool, offers, suspects };
    this.#peers.set(index, { index, nodeId: nodeId(index), live, ageMs, status });
    for (const callback of [...this.#callbacks]) callback();
  }

  announce(index: number, attempt: string): void {
    const peer = this.#peers.get(index);
    if (peer?.status !== undefined) this.#peers.set(index, { ...peer, status: { ...peer.status, attempts: [attempt] } });
    for (const callback of [...this.#callbacks]) callback();
  }

  get listeners(): number {
    return this.#callbacks.size;
  }

  peers(): PeerView[] {
    return [...this.#peers.values()];
  }

  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }
}

/** Notes the accusations, and believes them. */
export class RecordingAccuser implements Accuser {
  constructor(private readonly accusations: Accusation[]) {}

  accuse(accusation: Accusation): Accusation['blame'] {
    this.accusations.push(accusation);
    return accusation.blame;
  }
}

const never = new AbortController().signal;
export type KeygenSession = BoardSession<Extract<Job, { kind: 'keygen' }>>;

/** Key generation by these parties of a cluster, as the board knows it. */
export function keygenSession(self: number, participants: readonly number[], more: Partial<KeygenSession> = {}): KeygenSession {
  const [index, parties] = [participants.indexOf(self), participants.length];
  const job = { kind: 'keygen', executionId: 'k', index, parties, threshold: 2 } as const;
  const session = { namespace: 'messages', requestId: 'keygen', participants, self, job, keyMaterial: null } as const;
  return { ...session, silenceMs: 20_000, signal: never, ...more };
}
