import { z } from 'zod';
import { CursorSchema, NodeIdSchema, PublicKeyHexSchema, RequestIdSchema, StatementSchema, WaitSchema } from './contract_fields.js';

/** Of one signer set. */
export const MAX_OFFERS = 48;

const DigestSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');
const AttemptNumberSchema = z.int().min(0).max(1_000_000);

/** How far a node is with key generation, or aux info. Attempts count from 0. */
const SetupStatusSchema = z.strictObject({
  /** Could it begin an attempt now? */
  ready: z.boolean(),
  /** The lowest attempt that it has never begun. */
  next: AttemptNumberSchema,
  /** The attempt that it runs. */
  running: AttemptNumberSchema.nullable(),
  /** The attempt whose result it holds, not yet for good, and a hash of the result's public part. */
  completed: z.strictObject({ attempt: AttemptNumberSchema, digest: DigestSchema }).nullable(),
  /** That hash, once it holds the result for good. */
  committed: DigestSchema.nullable(),
});
export type SetupStatus = z.infer<typeof SetupStatusSchema>;

const bySignerSet = <T>(value: z.ZodType<T>) =>
  z
    .record(z.string().max(1024).regex(/^\d{1,5}(-\d{1,5})*$/, 'must be node numbers joined by -'), value)
    .refine((sets) => Object.keys(sets).length <= 256, 'must have at most 256 keys');

/** What a node says about itself. Nothing in it is secret. */
export const NodeStatusSchema = z.strictObject({
  /** New at every start of the node. */
  incarnation: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 . _ -'),
  public_key: PublicKeyHexSchema.nullable(),
  /** What it is doing, for people: `starting`, `waiting_for_nodes`, `keygen`, `aux_info`, `ready`, `refusing` … */
  stage: z.string().regex(/^[a-z][a-z_]{0,31}$/, 'must be 1 to 32 of a-z _'),
  keygen: SetupStatusSchema,
  aux_info: SetupStatusSchema,
  /** Presignatures that it holds, by signer set, 1-based: `1-2-3`. */
  pool: bySignerSet(z.int().min(0).max(1_000_000)),
  /** Free ones of the signer sets whose first member it is, the oldest first, for the gateway to propose. */
  offers: bySignerSet(z.array(RequestIdSchema).max(MAX_OFFERS)).optional(),
  /** Signing attempts that it proposes now, `<request id>.<number>.<signers>`. */
  attempts: z.array(RequestIdSchema).max(256),
  /** Nodes that this one holds evidence against, and leaves out when it chooses signers. */
  culprits: z.array(NodeIdSchema).max(256),
});
export type NodeStatus = z.infer<typeof NodeStatusSchema>;

/**
 * `PUT /nodes/{node_id}`, a heartbeat → the record. `statement` is the status as a statement of kind `NODE_STATUS`, which counts
 * where there is a roster: 403 `invalid_statement` when it is missing, not this node's, or of another status; 409 `stale_status` when it is
 * not later than the stored one. `revision` changes with the status only.
 */
export const HeartbeatSchema = z.strictObject({ status: NodeStatusSchema, statement: StatementSchema.optional() });
export type Heartbeat = z.infer<typeof HeartbeatSchema>;
export const NodeRecordSchema = z.object({
  node_id: NodeIdSchema,
  status: z.object(NodeStatusSchema.shape),
  statement: StatementSchema.optional(),
  revision: z.string().max(256),
  /** Milliseconds since the last heartbeat, by the board's clock. */
  age_ms: z.number().min(0),
});
export type NodeRecord = z.infer<typeof NodeRecordSchema>;

/**
 * `GET /nodes` → all nodes, the lowest first. With `changed_after`, the highest `revision` seen, and `wait`: held until a status
 * has changed or a node has appeared, which mere heartbeats do not; the answer has all of them still, for their ages.
 */
export const ListNodesSchema = z.strictObject({ changed_after: CursorSchema.optional(), wait: WaitSchema.optional() });
