/** What nodes state about themselves, for whoever has the roster: the board, and those who do not trust it. */
import { Refused } from 'sealing/errors';
import { NODE_STATUS } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { verify } from 'sealing/statement';
import { z } from 'zod';
import { NodeStatusSchema, type NodeId, type NodeStatus } from './contract.js';

/** What a newer node says besides is dropped. */
const StatusSchema = z.object(NodeStatusSchema.shape);

export interface NodeStatement {
  /** When the node's life began, ms since 1970. */
  readonly started: number;
  /** Counts what it has stated in this life. */
  readonly sequence: number;
  readonly status: NodeStatus;
  /** As it was signed. */
  readonly signedStatus: unknown;
}

/** @param statement of kind `NODE_STATUS` @throws Refused when `nodeId` has not signed it */
export async function verifyNodeStatement(roster: Roster, nodeId: NodeId, statement: string): Promise<NodeStatement> {
  const { signer, claims } = await verify(roster, NODE_STATUS, statement);
  if (signer !== nodeId) throw new Refused(`signed by ${signer}, it is a statement of ${signer}, not of ${nodeId}`);
  const parsed = StatusSchema.safeParse(claims.status);
  const issue = parsed.error?.issues[0];
  if (!parsed.success) throw new Refused(`status: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  return { started: claims.started, sequence: claims.sequence, status: parsed.data, signedStatus: claims.status };
}

type When = Pick<NodeStatement, 'started' | 'sequence'>;

/** Was `a` stated after `b`, of the same node? */
export function isLater(a: When, b: When): boolean {
  return a.started > b.started || (a.started === b.started && a.sequence > b.sequence);
}

/** The public keys that at least `count` of these nodes state. More than one is possible where two halves can sign. */
export function keysStatedBy(count: number, statuses: Iterable<NodeStatus>): string[] {
  const votes = new Map<string, number>();
  for (const { public_key: key } of statuses) if (key !== null) votes.set(key, (votes.get(key) ?? 0) + 1);
  return [...votes].filter(([, voices]) => voices >= count).map(([key]) => key);
}
