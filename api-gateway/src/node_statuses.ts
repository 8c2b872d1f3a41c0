import type { BoardClient } from 'message-board/client';
import type { NodeStatus } from 'message-board/contract';
import { proofBy } from 'message-board/node_statement';
import { accusersOf, type PeerView } from 'message-board/peer_view';
import { Peers } from 'message-board/peers';
import type { Logger } from 'pino';
import type { Roster } from 'sealing/roster';
import { sleep, type Clock } from 'service/clock';
import { BoardUnavailable, viaBoard } from './board_unavailable.js';
import type { Culprit } from './contract.js';

/** Pause after a reading that failed. Shorter: it burdens a board that has trouble. Longer: news of the nodes comes late. */
const PAUSE_MS = 250;
/** As long as nodes give each other by default. A node whose heartbeat is late is not proposed anyway. */
const DEAD_AFTER_MS = 3_000;

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
  async follow(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    while (!signal.aborted) {
      try {
        await viaBoard(this.#peers.lookForNews(signal));
      } catch (error) {
        // That the board does not answer is told to whoever looks.
        if (error !== signal.reason && !(error instanceof BoardUnavailable)) {
          logger.error({ event: 'following_failed', err: error }, 'Could not read what nodes say of themselves, trying again');
        }
        await sleep(clock, PAUSE_MS, signal);
      }
    }
  }

  /** All nodes, by index. */
  peers(): PeerView[] {
    return this.#peers.list();
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
