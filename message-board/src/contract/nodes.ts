import { z } from 'zod';
import { CursorSchema, NodeIdSchema, WaitSchema } from './contract_fields.js';

/** What a node states about itself: the text of one statement on each topic. `node_statement.ts` says what is in them. */
export const StatementTextsSchema = z.strictObject({
  presence: statementText(4_096),
  setup: statementText(4_096),
  pool: statementText(65_536),
  attempts: statementText(65_536),
  accusations: statementText(8_192),
});
export type StatementTexts = z.infer<typeof StatementTextsSchema>;
export type Topic = keyof StatementTexts;
export const TOPICS = Object.keys(StatementTextsSchema.shape) as readonly Topic[];

function statementText(maxLength: number) {
  return z.string().min(1).max(maxLength);
}

/**
 * `PUT /nodes/{node_id}`, a heartbeat → `HeartbeatAnswer`. All statements are of one life of the node. The board of a sealed cluster
 * answers 403 `invalid_statement` to what the node has not signed, and 409 `stale_statement` when one statement is earlier than the stored
 * one, or none is later: nobody can repeat a heartbeat of a node that is down.
 */
export const HeartbeatSchema = z.strictObject({ statements: StatementTextsSchema });
export type Heartbeat = z.infer<typeof HeartbeatSchema>;
export const HeartbeatAnswerSchema = z.object({ node_id: NodeIdSchema, revision: z.string().max(256) });
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswerSchema>;

export const NodeRecordSchema = z.object({
  node_id: NodeIdSchema,
  /** For people: what the node says that it is doing. Members read the statements. */
  stage: z.string().max(32),
  /** For people: how many presignatures the node says that it holds. */
  presignatures: z.int().min(0),
  statements: z.object(StatementTextsSchema.shape),
  /** Changes with what the statements say, and not with a heartbeat that says the same. */
  revision: z.string().max(256),
  /** Milliseconds since the last heartbeat, by the board's clock. */
  age_ms: z.number().min(0),
});
export type NodeRecord = z.infer<typeof NodeRecordSchema>;

/**
 * `GET /nodes` → all nodes, the lowest first. With `changed_after`, the highest `revision` seen, and `wait`: held until a node says
 * something else or has appeared, which mere heartbeats do not; the answer has all of them still, for their ages.
 */
export const ListNodesSchema = z.strictObject({ changed_after: CursorSchema.optional(), wait: WaitSchema.optional() });
