/** What a node says about itself, topic by topic. */
import { z } from 'zod';
import { NodeIdSchema, PublicKeyHexSchema, RequestIdSchema } from './contract_fields.js';
import type { Topic } from './nodes.js';

/**
 * Upper bound of the presignatures that one signer set offers at a time. With a smaller value, a busy gateway runs out of presignatures to
 * propose between two heartbeats. A larger one makes heartbeats larger.
 */
export const MAX_OFFERS = 48;

const DigestSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');
const MAX_PROBLEMS = 32;
/** A cluster has at most this many. */
const MAX_NODES = 256;
const AttemptNumberSchema = z.int().min(0).max(1_000_000);

/** How far a node is with key generation, or with aux info. Attempts are numbered from 0. */
const SetupStatusSchema = z.strictObject({
  /** Can it begin an attempt now? */
  ready: z.boolean(),
  /** The lowest number of an attempt that it has never begun. */
  next: AttemptNumberSchema,
  /** The attempt that it runs now. */
  running: AttemptNumberSchema.nullable(),
  /** The attempt whose result it holds, but not yet for good; with a hash of the result's public part. */
  completed: z.strictObject({ attempt: AttemptNumberSchema, digest: DigestSchema }).nullable(),
  /** The same hash, once it holds a result for good. */
  committed: DigestSchema.nullable(),
});
export type SetupStatus = z.infer<typeof SetupStatusSchema>;

/** A map from signer sets, the node numbers in ascending order: `1-2-3`. */
const bySignerSet = <T>(value: z.ZodType<T>) =>
  z
    .record(z.string().max(1024).regex(/^\d{1,5}(-\d{1,5})*$/, 'must be node numbers joined by -'), value)
    .refine((sets) => Object.keys(sets).length <= 256, 'must have at most 256 keys');

/** What a node says on each topic. Nothing in it is secret. No field is in two topics, so a status can hold the fields of all of them. */
export const CONTENT = {
  /** The node is alive. A heartbeat that says nothing new renews only this statement. */
  presence: z.strictObject({
    public_key: PublicKeyHexSchema.nullable(),
    /**
     * What the node does now, for instance `starting`, `waiting_for_nodes`, `keygen` or `refusing`. Only a node at `ready` signs. One at
     * `impaired` would, but for a problem, see `health`.
     */
    stage: z.string().regex(/^[a-z][a-z_]{0,31}$/, 'must be 1 to 32 of a-z _'),
    /** The life of the board that the heartbeat is for, as its answers name it. After a restart of the board, old heartbeats are void. */
    board: z.string().max(64).optional(),
    /** What the node's wall clock shows when it makes the statement, milliseconds since 1970. That it goes on is no news. */
    clock: z.int().min(0),
  }),
  /** How far it is with the first key. */
  setup: z.strictObject({ keygen: SetupStatusSchema, aux_info: SetupStatusSchema }),
  /** Its presignatures. */
  pool: z.strictObject({
    /** How many it holds of each signer set. */
    pool: bySignerSet(z.int().min(0).max(1_000_000)),
    /** Ids of free ones of each signer set, the oldest first. Gateway and nodes use only one that all its makers state. */
    offers: bySignerSet(z.array(RequestIdSchema).max(MAX_OFFERS)).optional(),
  }),
  /** Its part in the agreement on who signs in full, without a presignature. */
  attempts: z.strictObject({
    /** Attempts that it leads now: `<request id>.<number>.<signers>`, the signers as a hexadecimal number whose lowest bit is node-1. */
    attempts: z.array(RequestIdSchema).max(256),
    /** Nodes that owed it a message when something failed, in the last minute. A hint, which may be wrong. */
    suspects: z.array(NodeIdSchema).max(MAX_NODES).optional(),
  }),
  /** Who has cheated. */
  accusations: z.strictObject({
    /** Nodes against which it holds evidence. It chooses none of them as a signer. */
    culprits: z.array(NodeIdSchema).max(MAX_NODES),
  }),
  /** What is wrong with it, and whom it hears. */
  health: z.strictObject({
    /** Codes of its problems, see docs/operations.md. */
    problems: z.array(z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'must be 1 to 32 of a-z 0-9 _')).max(MAX_PROBLEMS),
    /** Free space on the disk of its data folder, rounded down to two digits. Null: it could not be read yet. */
    disk_free_bytes: z.int().min(0).nullable(),
    /** The other nodes whose heartbeats it takes for live. So a node learns who ignores it. */
    hears: z.array(NodeIdSchema).max(MAX_NODES),
  }),
} satisfies Record<Topic, z.ZodObject>;

/** What a node says on each topic, parsed. */
export type Contents = { readonly [T in Topic]: z.infer<(typeof CONTENT)[T]> };

/** What a node says about itself, on all topics. */
export type NodeStatus = { readonly incarnation: string }
  & Contents['presence'] & Contents['setup'] & Contents['pool'] & Contents['attempts'] & Contents['accusations'] & Contents['health'];

/** How to parse what a node says on each topic. */
export type ContentSchemas = { readonly [T in Topic]: z.ZodType<Contents[T]> };
/** As `CONTENT`, but for readers: they drop a field that only a newer node states. */
export const KNOWN_CONTENT: ContentSchemas = {
  presence: z.object(CONTENT.presence.shape),
  setup: z.object({ keygen: z.object(SetupStatusSchema.shape), aux_info: z.object(SetupStatusSchema.shape) }),
  pool: z.object(CONTENT.pool.shape),
  attempts: z.object(CONTENT.attempts.shape),
  accusations: z.object(CONTENT.accusations.shape),
  health: z.object(CONTENT.health.shape),
};

/**
 * What a statement says, as a text by which two are compared. The clock is left out: it goes on, and that is no news.
 * @param content of one topic
 */
export function newsOf(content: object): string {
  return JSON.stringify({ ...content, clock: undefined });
}

/** The fields of a status that belong to one topic. */
export function contentOf(topic: Topic, status: NodeStatus): Record<string, unknown> {
  const fields = new Set(Object.keys(CONTENT[topic].shape));
  return Object.fromEntries(Object.entries(status).filter(([field]) => fields.has(field)));
}
