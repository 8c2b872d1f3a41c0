/** What nodes state about themselves, for tests that speak for nodes. */
import { contentOf, TOPICS, type Heartbeat, type NodeRecord, type NodeStatus } from 'message-board/contract';
import { readStatements } from 'message-board/node_statement';
import type { Identity } from 'sealing/identity';
import { NODE_STATEMENT } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { sign } from 'sealing/statement';

const IDLE = { ready: true, next: 0, running: null, completed: null, committed: null };

/** Of a node of four that is ready, hears all, and holds nothing. */
export const READY_STATUS: NodeStatus = {
  incarnation: 'a1', public_key: null, stage: 'ready', keygen: IDLE, aux_info: IDLE, pool: {}, attempts: [], culprits: [],
  clock: Date.UTC(2026, 0, 1), problems: [], disk_free_bytes: null,
  hears: ['node-1', 'node-2', 'node-3', 'node-4'],
};

export interface HeartbeatOptions {
  /** The number of the node's life. */
  readonly started?: number;
  /** Of all its statements. */
  readonly sequence?: number;
  /** Who signs them; without, they are plain. */
  readonly signer?: { readonly identity: Identity; readonly roster: Roster };
}

/** A heartbeat with a statement on each topic. The status may also be none that a node would state. */
export async function heartbeatOf(status: NodeStatus | Record<string, unknown>, options: HeartbeatOptions = {}): Promise<Heartbeat> {
  const { started = 1, sequence = 0, signer } = options;
  const text = (topic: (typeof TOPICS)[number]): Promise<string> | string => {
    const claims = { started, incarnation: status.incarnation as string, sequence, topic, content: contentOf(topic, status as NodeStatus) };
    return signer === undefined ? JSON.stringify(claims) : sign(signer.identity, signer.roster, NODE_STATEMENT, claims);
  };
  const statements = await Promise.all(TOPICS.map(async (topic) => [topic, await text(topic)]));
  return { statements: Object.fromEntries(statements) as Heartbeat['statements'] };
}

/** What a node says, as the board shows it. Nothing is verified. */
export function statusIn({ statements }: Pick<NodeRecord, 'statements'>): NodeStatus {
  return readStatements(statements).status;
}
