import type { BoardClient } from 'message-board/client';
import type { NodeStatus } from 'message-board/contract';
import { proofBy } from 'message-board/node_statement';
import { accusersOf, DEAD_AFTER_MS, peerHealth, type PeerView } from 'message-board/peer_view';
import { Peers, SELF } from 'message-board/peers';
import type { Logger } from 'pino';
import type { Roster } from 'sealing/roster';
import type { Clock } from 'service/clock';
import { isUnavailable, viaBoard } from './board_unavailable.js';
import type { Culprit, NodeHealth } from './contract.js';

export interface NodeStatusesDeps {
  readonly board: BoardClient;
  readonly roster: Roster;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the nodes of a sealed cluster state about themselves, as the gateway reads it. */
export class NodeStatuses {
  readonly #deps: NodeStatusesDeps;
  readonly #peers: Peers;

  constructor(deps: NodeStatusesDeps) {
    this.#deps = deps;
    const { roster } = deps;
    this.#peers = new Peers({ ...deps, n: roster.n, proof: proofBy(roster), deadAfterMs: DEAD_AFTER_MS });
  }

  /** Asks the board. @returns the latest status of each node that it shows @throws BoardUnavailable */
  async look(): Promise<NodeStatus[]> {
    const shown = new Set(await viaBoard(this.#peers.look()));
    return this.#peers.list().flatMap(({ nodeId, status }) => (shown.has(nodeId) && status !== undefined ? [status] : []));
  }

  /** Hears of all news at once, until the signal aborts. Never throws. */
  follow(signal: AbortSignal): Promise<void> {
    const onFailure = (err: unknown): void => {
      // That the board does not answer is told to whoever looks.
      if (isUnavailable(err)) return;
      this.#deps.logger.error({ event: 'following_failed', err }, 'Could not read what nodes say of themselves, trying again');
    };
    return this.#peers.follow(signal, { onFailure });
  }

  /** All nodes, by index. Who was not heard of for long enough is not alive, also while the board is away: a gateway runs no protocol. */
  peers(): PeerView[] {
    return this.#peers.list().map((peer) => ({ ...peer, live: peer.live && peer.ageMs <= DEAD_AFTER_MS }));
  }

  /** How they are, and how far the gateway's clock is from theirs. */
  health(): { readonly nodes: NodeHealth[]; readonly clockSkewMs: number | null } {
    const skews = this.#peers.clockSkews();
    const nodes = this.peers().map((peer) => peerHealth(peer, skews));
    return { nodes, clockSkewMs: skews.get(SELF) ?? null };
  }

  /** Nodes that others accuse, and how many do. The one that most accuse is the first. */
  culprits(): Culprit[] {
    const peers = this.#peers.list();
    return peers
      .map(({ nodeId }) => ({ node_id: nodeId, named_by: accusersOf(nodeId, peers).length }))
      .filter(({ named_by }) => named_by > 0)
      .sort((a, b) => b.named_by - a.named_by);
  }
}
