/** What a node says about itself, topic by topic. */
import { z } from 'zod';
import { NodeIdSchema, PublicKeyHexSchema, RequestIdSchema } from './contract_fields.js';
import type { Topic } from './nodes.js';

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

/** What a node says on each topic. Nothing in it is secret, and no field is in two topics. */
export const CONTENT = {
  /** Renewed with each heartbeat that says nothing new. */
  presence: z.strictObject({
    public_key: PublicKeyHexSchema.nullable(),
    /** What it is doing, for people: `starting`, `waiting_for_nodes`, `keygen`, `aux_info`, `ready`, `refusing` … */
    stage: z.string().regex(/^[a-z][a-z_]{0,31}$/, 'must be 1 to 32 of a-z _'),
  }),
  setup: z.strictObject({ keygen: SetupStatusSchema, aux_info: SetupStatusSchema }),
  pool: z.strictObject({
    /** Presignatures that it holds, by signer set, 1-based: `1-2-3`. */
    pool: bySignerSet(z.int().min(0).max(1_000_000)),
    /** Free ones of the signer sets whose first member it is, the oldest first, for the gateway to propose. */
    offers: bySignerSet(z.array(RequestIdSchema).max(MAX_OFFERS)).optional(),
  }),
  attempts: z.strictObject({
    /** Signing attempts that it proposes now, `<request id>.<number>.<signers>`. */
    attempts: z.array(RequestIdSchema).max(256),
  }),
  accusations: z.strictObject({
    /** Nodes that this one holds evidence against, and leaves out when it chooses signers. */
    culprits: z.array(NodeIdSchema).max(256),
  }),
} satisfies Record<Topic, z.ZodObject>;

export type Contents = { readonly [T in Topic]: z.infer<(typeof CONTENT)[T]> };

/** What a node says about itself, on all topics. */
export type NodeStatus = { readonly incarnation: string }
  & Contents['presence'] & Contents['setup'] & Contents['pool'] & Contents['attempts'] & Contents['accusations'];

export type ContentSchemas = { readonly [T in Topic]: z.ZodType<Contents[T]> };
/** What a newer node says besides is dropped. */
export const KNOWN_CONTENT: ContentSchemas = {
  presence: z.object(CONTENT.presence.shape),
  setup: z.object(CONTENT.setup.shape),
  pool: z.object(CONTENT.pool.shape),
  attempts: z.object(CONTENT.attempts.shape),
  accusations: z.object(CONTENT.accusations.shape),
};

/** What a status says on one topic. */
export function contentOf(topic: Topic, status: NodeStatus): Record<string, unknown> {
  const fields = new Set(Object.keys(CONTENT[topic].shape));
  return Object.fromEntries(Object.entries(status).filter(([field]) => fields.has(field)));
}
