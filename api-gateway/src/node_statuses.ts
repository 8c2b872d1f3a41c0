import { setTimeout as sleep } from 'node:timers/promises';
import type { BoardClient } from 'message-board/client';
import type { NodeId, NodeRecord, NodeStatus } from 'message-board/contract';
import { isLater, verifyNodeStatement, type NodeStatement } from 'message-board/node_statement';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import type { Roster } from 'sealing/roster';
import { BoardUnavailable, viaBoard } from './board_unavailable.js';
import type { Culprit } from './contract.js';

/** How long a reading is held back at most, ms; each answer has everybody's age. */
const READ_MS = 1_000;
/** Pause after a reading that failed, ms. */
const PAUSE_MS = 250;

interface Heard extends NodeStatement {
  readonly text: string;
  /** When its last heartbeat was, by performance.now(), as the board says. */
  readonly heardAt: number;
}

/** A node, and what it has last stated about itself. */
export interface NodeView {
  readonly nodeId: NodeId;
  readonly status: NodeStatus;
  /** Milliseconds since its last heartbeat. */
  readonly ageMs: number;
}

/**
 * What the nodes of a sealed cluster have stated about themselves, the latest of each. The board may keep it back; what it
 * invents, alters or brings again from earlier does not count.
 */
export class NodeStatuses {
  private readonly latest = new Map<NodeId, Heard>();
  /** Nodes of which the board shows something that does not count. */
  private readonly refused = new Set<NodeId>();

  constructor(
    private readonly board: BoardClient,
    private readonly roster: Roster,
    private readonly logger: Logger,
  ) {}

  /** Asks the board. @returns the latest status of each node that it shows @throws BoardUnavailable */
  async look(): Promise<NodeStatus[]> {
    const shown = new Set(await this.take(await viaBoard(this.board.listNodes())));
    return [...shown].flatMap((nodeId) => this.latest.get(nodeId)?.status ?? []);
  }

  /** Hears of all news at once, until the signal aborts; never throws. */
  async follow(signal: AbortSignal): Promise<void> {
    let changedAfter = '0';
    while (!signal.aborted) {
      try {
        const records = await viaBoard(this.board.listNodes({ changedAfter, wait: READ_MS, signal }));
        changedAfter = records.map(({ revision }) => revision).sort().at(-1) ?? '0';
        await this.take(records);
      } catch (error) {
        // That the board does not answer is told to whoever looks.
        if (error !== signal.reason && !(error instanceof BoardUnavailable)) this.logger.error({ event: 'following_failed', err: error }, 'Could not read what nodes say of themselves, trying again');
        await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** All that was ever heard of. */
  views(): NodeView[] {
    return [...this.latest].map(([nodeId, { status, heardAt }]) => ({ nodeId, status, ageMs: performance.now() - heardAt }));
  }

  /** Nodes that others name, and how many do. */
  culprits(): Culprit[] {
    const namedBy = new Map<NodeId, number>();
    for (const [nodeId, { status }] of this.latest) {
      for (const named of new Set(status.culprits)) {
        if (named !== nodeId && this.roster.has(named)) namedBy.set(named, (namedBy.get(named) ?? 0) + 1);
      }
    }
    return [...namedBy].map(([node_id, count]) => ({ node_id, named_by: count })).sort((a, b) => b.named_by - a.named_by);
  }

  /** @returns the members among them */
  private async take(records: readonly NodeRecord[]): Promise<NodeId[]> {
    const members = records.filter(({ node_id }) => this.roster.has(node_id));
    for (const record of members) await this.hear(record);
    return members.map(({ node_id }) => node_id);
  }

  private async hear({ node_id: nodeId, statement: text, age_ms }: NodeRecord): Promise<void> {
    const heardAt = performance.now() - age_ms;
    const known = this.latest.get(nodeId);
    if (known !== undefined && known.text === text) {
      this.latest.set(nodeId, { ...known, heardAt });
      return;
    }
    try {
      if (text === undefined) throw new Refused('there is no statement');
      const stated = await verifyNodeStatement(this.roster, nodeId, text);
      const before = this.latest.get(nodeId);
      if (before !== undefined && !isLater(stated, before)) throw new Refused('it is not later than what was seen before');
      this.latest.set(nodeId, { ...stated, text, heardAt });
      this.refused.delete(nodeId);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!this.refused.has(nodeId)) this.logger.warn({ event: 'node_statement_refused', node_id: nodeId, reason: error.message }, 'What a node is said to say does not count');
      this.refused.add(nodeId);
    }
  }
}
