/**
 * The gateway's HTTP contract. What it receives is strict: an unknown key is refused by name.
 *
 * Errors are `{error: {code, message}}`, with one exception: an unknown request is 404 `{request_id, status: "not_found"}`.
 * - 400 malformed, `payload_not_supported`: a plain cluster signs nothing but text with SHA-256; 413 too large, 415 not JSON
 * - 404 `unknown_request`: the list cannot go on after a request that the gateway does not have
 * - 409 `idempotency_conflict`, `too_late`
 * - 429 too many unfinished requests
 * - 503 `board_unavailable`: it does not answer, or refuses the gateway; `no_public_key`, `public_key_conflict`: there is no key, or
 *   another one than before; `invalid_signature`, `request_displaced`: the board shows what was not asked for; `disk_full`; `closing`: the
 *   gateway shuts down. `GET /ready` has `not_enough_nodes` and `requests_stuck` too
 */
import {
  BytesHexSchema, DigestHexSchema, NodeIdSchema, payloadOf, PublicKeyHexSchema, ReasonSchema, RequestIdSchema, SignatureSchema,
  SigningMessageSchema, type Payload, type PayloadField,
} from 'message-board/contract';
import { MESSAGE_HASHES } from 'cggmp24';
import { z } from 'zod';

const TextSchema = z.string({ error: ({ input }) => (input === undefined ? 'is required' : 'must be text') });

const FIELDS = ['message', 'bytes', 'digest'] as const satisfies PayloadField[];

/**
 * `POST /sign`: what is to be signed. Exactly one of
 * - `message`: text, of which the UTF-8 bytes are hashed; 1 byte to 64 KiB
 * - `bytes`: the bytes that are hashed, in hexadecimal; 1 byte to 64 KiB
 * - `digest`: 64 hexadecimal digits, 32 bytes that are signed as they are. Nodes sign it only where their policy allows it, and in full
 *
 * `hash` says how the first two are hashed, by the nodes: `sha256` (also without it), `sha256d`, which is SHA-256 twice, or `keccak256`.
 *
 * 200: the request is accepted, and ends in exactly one of completed and failed, whatever is restarted. The outcome is kept for
 * `RETENTION_SECONDS`. 409, 429 and 503: it is not accepted and never signed. No answer, or 500: nobody knows; the same call with the same
 * `Idempotency-Key` tells.
 */
export const SignSchema = z
  .strictObject({
    message: TextSchema.pipe(SigningMessageSchema).optional(),
    bytes: TextSchema.pipe(BytesHexSchema).optional(),
    digest: TextSchema.pipe(DigestHexSchema).optional(),
    hash: z.enum(MESSAGE_HASHES, { error: `must be one of ${MESSAGE_HASHES.join(', ')}` }).optional(),
  })
  .superRefine((body, context) => {
    const [first, second] = FIELDS.filter((field) => body[field] !== undefined);
    const complain = (field: string, message: string): void => { context.addIssue({ code: 'custom', path: [field], message }); };
    if (first === undefined) complain('message', 'is required, or bytes, or digest');
    else if (second !== undefined) complain(second, `cannot be given with ${first}`);
    else if (first === 'digest' && body.hash !== undefined) complain('hash', 'cannot be given with digest, which is signed as it is');
  })
  .transform(({ message, bytes, digest, hash = 'sha256' }): Payload => {
    const hashed = hash === 'sha256' ? {} : { hash };
    if (digest !== undefined) return { message: digest, kind: 'digest' };
    return bytes === undefined ? payloadOf({ message: message ?? '', ...hashed }) : payloadOf({ message: bytes, kind: 'bytes', ...hashed });
  });
/** As a client says it. */
export type SignBody = z.input<typeof SignSchema>;

export const IDEMPOTENCY_HEADER = 'idempotency-key';
/**
 * The client's own name for a request, in the header `Idempotency-Key` of `POST /sign`. The same key with the same body is answered with
 * the same request, also after restarts; with another body 409 `idempotency_conflict`. It is kept as long as the outcome. A request that
 * was refused leaves no key.
 */
export const IdempotencyKeySchema = z.string().regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters');
export const SignHeadersSchema = z.object({ [IDEMPOTENCY_HEADER]: IdempotencyKeySchema.optional() });

/** `?wait=` on `POST /sign` and `GET /status/{id}`: milliseconds, 0 to 30,000, to wait for the end of the request. */
export { WaitQuerySchema } from 'message-board/contract';

const hex = (digits: RegExp): z.ZodString => z.string().max(144).regex(digits, 'must be hexadecimal digits, in lower case');
const ScalarHexSchema = hex(/^[0-9a-f]{64}$/);

/** A signature in the forms that programs expect; hexadecimal. */
export const FormsSchema = z.object({
  r: ScalarHexSchema,
  /** Never more than q/2. */
  s: ScalarHexSchema,
  /** Which of the keys that fit `r` and `s` has signed. Ethereum's v is 27 more. */
  recovery_id: z.int().min(0).max(3),
  /** ASN.1, as OpenSSL and Bitcoin take it. */
  der: hex(/^30([0-9a-f]{2})+$/),
  /** r and s, one after the other. */
  compact: hex(/^[0-9a-f]{128}$/),
});

/**
 * Answer of `POST /sign` and `GET /status/{id}`. `signature` is a JSON string and was verified by the gateway. A completed request has
 * the other forms of it too, except that requests which an earlier version of the gateway has completed have no `recovery_id`.
 */
export const SigningStatusSchema = z.object({
  request_id: RequestIdSchema,
  status: z.enum(['pending', 'completed', 'failed']),
  signature: SignatureSchema.optional(),
  ...FormsSchema.partial().shape,
  /** Why the request failed, or what it waits for: as the board says, or as nodes that refuse it have signed. */
  reason: ReasonSchema.optional(),
});
export type SigningStatus = z.infer<typeof SigningStatusSchema>;

/** Upper bound of `limit`. Larger: one call takes more memory. Smaller: who reads everything makes more calls. */
const MAX_LISTED = 100;
const LIMIT = `must be a whole number, 1 to ${MAX_LISTED}`;

/**
 * `GET /requests` → an array of {@link SigningStatusSchema}: the requests that the gateway has accepted, in that order, the oldest first.
 * `after`: id of the last one seen; only later ones are listed; 404 `unknown_request` when the gateway does not have it.
 * `limit`: how many at most, 100 by default. What a pending request waits for is only told by its status.
 *
 * `DELETE /requests/{id}` → 202 and its status: `failed`, with the reason `cancelled`, for good; also when it is called
 * again. 409 `too_late` when it is completed, or has failed in another way. A signature may exist all the same, when nodes had
 * issued their parts before: it is never shown.
 */
export const ListQuerySchema = z.strictObject({
  status: z.enum(['pending', 'completed', 'failed']).optional(),
  after: RequestIdSchema.optional(),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, LIMIT)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= MAX_LISTED, LIMIT)
    .default(MAX_LISTED),
});

export const NotFoundSchema = z.object({ request_id: z.string(), status: z.literal('not_found') });

/** `GET /publickey` → the key, in a sealed cluster as t nodes have signed it; or 503 `no_public_key` while there is none. */
export const PublicKeySchema = z.object({ public_key: PublicKeyHexSchema });

export const KeyStateSchema = z.enum(['unknown', 'known', 'conflict']);

/** A node that others accuse of cheating, and how many of them do. A single accuser may lie; among t accusers one is honest. */
export const CulpritSchema = z.object({ node_id: NodeIdSchema, named_by: z.int().min(1) });
export type Culprit = z.infer<typeof CulpritSchema>;

/** What an operator should look at; docs/operations.md says what to do. The first six keep requests from being signed. */
export const PROBLEM_CODES = [
  'board_unavailable', 'public_key_conflict', 'no_public_key', 'disk_full', 'not_enough_nodes', 'requests_stuck', 'node_not_ready',
  'clock_skew',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** A node as the gateway sees it. Null: the node has not said it. */
export const NodeHealthSchema = z.object({
  node_id: NodeIdSchema,
  /** Was its last heartbeat recent enough? */
  live: z.boolean(),
  /** What it does. It signs only at `ready`. */
  stage: z.string().nullable(),
  /** Codes of what it has found wrong with itself. */
  problems: z.array(z.string()),
  /** Since its last heartbeat. */
  age_ms: z.number().min(0).nullable(),
  /** Its clock against the median of the other members' clocks: positive when it is ahead. It is as exact as heartbeats are fast. */
  clock_skew_ms: z.number().nullable(),
  disk_free_bytes: z.number().min(0).nullable(),
});
export type NodeHealth = z.infer<typeof NodeHealthSchema>;

/**
 * `GET /health`, always 200: the gateway itself answers. `board` tells whether the board answered when it was last asked. In a plain
 * cluster nodes prove nothing, and Rust nodes say nothing: `nodes` and `presignatures` are empty there.
 */
export const HealthSchema = z.object({
  /** `degraded` while there are problems. */
  status: z.enum(['ok', 'degraded']),
  problems: z.array(z.enum(PROBLEM_CODES)),
  board: z.enum(['up', 'down']),
  public_key: KeyStateSchema,
  /** Requests of this gateway that are not finished. */
  unfinished: z.int().min(0),
  /** How long ago the oldest of them was accepted; 0 when there is none. */
  oldest_pending_ms: z.int().min(0),
  nodes: z.array(NodeHealthSchema),
  /** How many can be used now, by signer set: `1-2-3`. */
  presignatures: z.record(z.string(), z.int().min(1)),
  /** The gateway's own clock against the median of the nodes' clocks. */
  clock_skew_ms: z.number().nullable(),
  /** Where the gateway keeps its requests. */
  disk_free_bytes: z.number().min(0).nullable(),
  /** As the nodes have signed it; always empty in a plain cluster. The one that most nodes accuse is the first. */
  culprits: z.array(CulpritSchema),
});
export type Health = z.infer<typeof HealthSchema>;

/**
 * `GET /ready` → 200: a request that is made now would be signed. Otherwise 503: `board_unavailable`, `public_key_conflict`,
 * `no_public_key`, `disk_full`, `not_enough_nodes` or `requests_stuck`. In a plain cluster nobody can tell which nodes are there.
 */
export const ReadySchema = z.object({ status: z.literal('ready') });
