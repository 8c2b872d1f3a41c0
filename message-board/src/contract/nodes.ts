import { z } from 'zod';
import { CursorSchema, NodeIdSchema, WaitSchema } from './contract_fields.js';

/** The texts of a node's statements about itself, one on each topic. `node_statement.ts` parses them. The limits count characters. */
export const StatementTextsSchema = z.strictObject({
  presence: statementText(4_096),
  setup: statementText(4_096),
  pool: statementText(65_536),
  attempts: statementText(65_536),
  accusations: statementText(8_192),
  health: statementText(8_192),
});
export type StatementTexts = z.infer<typeof StatementTextsSchema>;
/** What a statement is about. */
export type Topic = keyof StatementTexts;
export const TOPICS = Object.keys(StatementTextsSchema.shape) as readonly Topic[];

function statementText(maxLength: number) {
  return z.string().min(1).max(maxLength);
}

/**
 * `PUT /nodes/{node_id}`, a heartbeat → `HeartbeatAnswer`. All its statements are of one life of the node.
 *
 * The board of a sealed cluster answers 403 `invalid_statement` when the node has not signed one of them. It answers 409
 * `stale_statement` when a changed statement is not later than the stored one, or when nothing has changed. So nobody can repeat a
 * heartbeat of a node that is down.
 */
export const HeartbeatSchema = z.strictObject({ statements: StatementTextsSchema });
export type Heartbeat = z.infer<typeof HeartbeatSchema>;
/** `revision` is that of the node's record, see there. */
export const HeartbeatAnswerSchema = z.object({ node_id: NodeIdSchema, revision: z.string().max(256) });
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswerSchema>;

/** What the board shows of a node. */
export const NodeRecordSchema = z.object({
  node_id: NodeIdSchema,
  /** What the node says that it does now, for people. Members read the statements. */
  stage: z.string().max(32),
  /** How many presignatures the node says that it holds, for people. */
  presignatures: z.int().min(0),
  statements: z.object(StatementTextsSchema.shape),
  /** Grows when the statements say something new. A heartbeat that says the same leaves it. */
  revision: z.string().max(256),
  /** Milliseconds since the last heartbeat, by the board's clock. */
  age_ms: z.number().min(0),
});
export type NodeRecord = z.infer<typeof NodeRecordSchema>;

/**
 * `GET /nodes` → all nodes, the lowest number first. `changed_after` is the highest `revision` seen. With it and `wait`, the answer is
 * held back until a node says something new or appears. A heartbeat that says the same is no news. The answer always has all nodes,
 * because their ages have changed.
 */
export const ListNodesSchema = z.strictObject({ changed_after: CursorSchema.optional(), wait: WaitSchema.optional() });
