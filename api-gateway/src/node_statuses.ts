import type { BoardClient } from 'message-board/client';
import type { NodeId, NodeStatus } from 'message-board/contract';
import { isLater, verifyNodeStatement, type NodeStatement } from 'message-board/node_statement';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import type { Roster } from 'sealing/roster';
import { viaBoard } from './board_unavailable.js';
import type { Culprit } from './contract.js';

interface Heard extends NodeStatement {
  readonly text: string;
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
    const records = await viaBoard(this.board.listNodes());
    const members = records.filter(({ node_id }) => this.roster.has(node_id));
    for (const { node_id, statement } of members) await this.hear(node_id, statement);
    const shown = new Set(members.map(({ node_id }) => node_id));
    return [...shown].flatMap((nodeId) => this.latest.get(nodeId)?.status ?? []);
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

  private async hear(nodeId: NodeId, text: string | undefined): Promise<void> {
    const before = this.latest.get(nodeId);
    if (text === before?.text) return;
    try {
      if (text === undefined) throw new Refused('there is no statement');
      const stated = await verifyNodeStatement(this.roster, nodeId, text);
      if (before !== undefined && !isLater(stated, before)) throw new Refused('it is not later than what was seen before');
      this.latest.set(nodeId, { ...stated, text });
      this.refused.delete(nodeId);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!this.refused.has(nodeId)) this.logger.warn({ node_id: nodeId, reason: error.message }, 'node_statement_refused');
      this.refused.add(nodeId);
    }
  }
}
