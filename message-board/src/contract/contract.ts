/**
 * The message board's HTTP contract: every body, query and answer, as zod schemas and the types they infer.
 *
 * What the board *receives* (bodies, queries) is strict: an unknown key is refused by name. What a client *parses* (records,
 * health) drops keys it does not know, so that a board and its clients may be upgraded one after the other.
 *
 * Lists are bare arrays in the board's order. A list answer is cut after about 16 MiB: read on with `after` until it is empty.
 *
 * - `after`: the id of the last element seen; only later ones are answered. Unknown (another life of the board, or
 *   forgotten): from the start. The cursor is a position in the list's order of arrival, so an element that no longer passes the
 *   filter (a request that was pending then) is still a good cursor.
 * - `wait`: milliseconds, 0 to 30,000, for which an empty answer is held back until there is something to answer.
 * - `changed_after`, on `GET /requests` instead of `after`: the `revision` of the last element seen. Every change of a request
 *   (posted, named a presignature, given a reason, finished) gives it a new, later revision, and elements come in order of
 *   revision. With `status=pending` and `wait` this one reading tells a node of new work and of names set on it; without
 *   `status` also of what finished. Begin with `changed_after=0`. A revision of another life of the board means from the start.
 *
 * A board with the roster of a sealed cluster keeps only what a member has signed for the very place where it is posted. It
 * refuses the rest: 403 `invalid_envelope` for messages, `invalid_statement` for everything else, `unconfirmed_key` for a public key.
 * Signing requests are kept unchecked, for the nodes to refuse where everybody sees it; but not with a presignature that nobody has proposed.
 *
 * All errors have the shape of `ErrorBodySchema` in `service/errors`. 400 malformed, 403 not signed as it has to be, 404 unknown, 409 against
 * what is stored, 413 too large, 415 not JSON, 429 a limit is reached, 503 closing.
 */
import { z } from 'zod';
import {
  CursorSchema, NodeIdSchema, OriginSchema, page, PublicKeyHexSchema, ReasonSchema, RecipientSchema, RequestIdSchema, ShortStatementSchema,
  SignatureSchema, SigningMessageSchema, StatementSchema, StatusSchema, TimeSchema, WaitSchema,
} from './contract_fields.js';

export {
  formatSignature, MAX_MESSAGE_BYTES, MAX_WAIT_MS, type NodeId, NodeIdSchema, OriginSchema, parseSignature, PublicKeyHexSchema,
  ReasonSchema, type Recipient, RecipientSchema, type RequestId, RequestIdSchema, SignatureSchema, SigningMessageSchema, StatementSchema,
  type Status, StatusSchema,
} from './contract_fields.js';

/** Of one request: as many as a cluster may have nodes. */
export const MAX_REFUSALS = 256;
/** Of one signer set. */
export const MAX_OFFERS = 48;
/** Header of the board's answers: a name for this life of it. Another one remembers nothing. */
export const INSTANCE_HEADER = 'x-board-instance';

// ---- requests ----

/**
 * A signing request; or a protocol record (`message` empty, `in_progress`), which the first `GET /messages`, `POST /messages` or
 * `POST /partial-signatures` under an unknown id creates and which is never a signing request.
 */
export const RequestRecordSchema = z.object({
  id: RequestIdSchema,
  message: z.string(),
  status: StatusSchema,
  signature: SignatureSchema.optional(),
  reason: ReasonSchema.optional(),
  origin: OriginSchema.optional(),
  /** What it is to be signed with. */
  presignature_id: RequestIdSchema.optional(),
  /** Who named it, as a statement of kind `NAMING`; without one it is the gateway's proposal, in the `origin`. */
  naming: ShortStatementSchema.optional(),
  /** Nodes that will not sign this, as statements of kind `REFUSAL`; one of each node. */
  refusals: z.array(ShortStatementSchema).max(MAX_REFUSALS).optional(),
  /** Opaque; see `changed_after`. */
  revision: z.string().max(256),
  created_at: TimeSchema,
  updated_at: TimeSchema,
});
export type RequestRecord = z.infer<typeof RequestRecordSchema>;

/**
 * `POST /requests` → the record. Without `id` the board makes `req_<unix seconds>_<random>`. The same id, message and origin
 * again: the stored record; another message under a known id: 409 `request_exists`. With a roster, what the gateway has signed takes
 * the place of what it has not. A `presignature_id` is named from the start: with a roster, 403 `invalid_statement` unless the gateway proposes
 * it in the `origin`, for this id and message.
 */
export const CreateRequestSchema = z
  .strictObject({
    message: SigningMessageSchema,
    id: RequestIdSchema.optional(),
    origin: OriginSchema.optional(),
    presignature_id: RequestIdSchema.optional(),
  })
  .refine((body) => body.presignature_id === undefined || body.origin !== undefined, { path: ['presignature_id'], message: 'needs origin' });
export type CreateRequest = z.infer<typeof CreateRequestSchema>;

/** `GET /requests` → the records, signing requests and protocol records, oldest first. */
export const ListRequestsSchema = z
  .strictObject({ status: StatusSchema.optional(), changed_after: CursorSchema.optional(), ...page })
  .refine((query) => query.after === undefined || query.changed_after === undefined, {
    path: ['changed_after'],
    message: 'cannot be combined with after',
  });

/** `GET /requests/{id}` → the record or 404. `wait` needs `status`: held until the status is no longer that one. */
export const GetRequestSchema = z
  .strictObject({ status: StatusSchema.optional(), wait: WaitSchema.optional() })
  .refine((query) => query.wait === undefined || query.status !== undefined, { path: ['status'], message: 'is required with wait' });

/**
 * `PUT /requests/{id}` → the record.
 *
 * - `signature`: checked against the public key and the message, then stored, which completes the request. 400 `invalid_signature`; 409 `no_public_key`
 *   while the board has none.
 * - `status`: forward only (409 `status_conflict`); the same again is 200. `completed` without a stored signature is 409.
 * - `reason`: with `failed`, where it is required, or alone on a pending request, where it says what it waits for.
 * - `presignature_id`: names the presignature, with the `naming` that proves who did. The first is kept: the same again is 200, another is 409 `presignature_conflict`.
 * - `refusal`: added to the `refusals` of a pending request; the same again is 200, another one of the same node 409 `refusal_conflict`.
 *
 * - `statement`: of kind `REQUEST_STATUS`, by the node that gives a `reason`, alone or with `failed`.
 *
 * With a roster, 403 `invalid_statement` when `naming` or `statement` is missing, or one of the three is not of a node and for this request.
 *
 * A final state never changes: another signature, or one for a failed request, is 409 `status_conflict`.
 */
export const UpdateRequestSchema = z
  .strictObject({
    status: StatusSchema.optional(),
    signature: SignatureSchema.optional(),
    reason: ReasonSchema.optional(),
    presignature_id: RequestIdSchema.optional(),
    naming: ShortStatementSchema.optional(),
    statement: ShortStatementSchema.optional(),
    refusal: ShortStatementSchema.optional(),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    message: 'must have status, signature, reason, presignature_id or refusal',
  })
  .refine((body) => body.statement === undefined || body.reason !== undefined, { path: ['statement'], message: 'needs reason' })
  .refine((body) => body.naming === undefined || body.presignature_id !== undefined, { path: ['naming'], message: 'needs presignature_id' })
  .refine((body) => body.status !== 'failed' || body.reason !== undefined, { path: ['reason'], message: 'is required with status failed' })
  .refine((body) => body.signature === undefined || body.status === undefined || body.status === 'completed', {
    path: ['status'],
    message: 'must be completed, or absent, with a signature',
  })
  .refine((body) => body.reason === undefined || (body.signature === undefined && body.status !== 'completed'), {
    path: ['reason'],
    message: 'cannot be given for a completed request',
  });
export type UpdateRequest = z.infer<typeof UpdateRequestSchema>;

// ---- messages and presignature messages ----

/**
 * `POST /messages`, `POST /presignature-messages` → the entry. The two lists are separate name spaces. The same sender,
 * recipient, round and payload again under one request is the same entry; a different payload is one more entry.
 * `round` is informational. `payload` is any text; with a roster, an envelope for exactly these fields, else 403 `invalid_envelope`.
 */
export const PostMessageSchema = z.strictObject({
  request_id: RequestIdSchema,
  from_node: NodeIdSchema,
  to_node: RecipientSchema,
  round: z.int().min(0).max(65_535),
  payload: z.string().min(1, 'must not be empty'),
});
export type PostMessage = z.infer<typeof PostMessageSchema>;

export const MessageSchema = z.object({
  id: z.string().min(1).max(256),
  ...PostMessageSchema.shape,
  created_at: TimeSchema,
});
export type Message = z.infer<typeof MessageSchema>;

/** `GET /messages`, `GET /presignature-messages` → the entries for `to_node` and for all (`*`), the asker's own among them. */
export const ListMessagesSchema = z.strictObject({ request_id: RequestIdSchema, to_node: RecipientSchema, ...page });

// ---- presignature requests ----

/** Party indices, 0-based (`node-1` is 0), strictly ascending. */
export const ParticipantsSchema = z
  .array(z.int().min(0).max(65_534))
  .min(2)
  .max(1024)
  .refine((list) => list.every((index, k) => k === 0 || index > (list[k - 1] ?? index)), 'must be strictly ascending');

/** `id` equals `request_id`. */
export const PresignatureRequestSchema = z.object({
  id: RequestIdSchema,
  request_id: RequestIdSchema,
  participants: ParticipantsSchema.optional(),
  origin: OriginSchema.optional(),
  status: StatusSchema,
  created_at: TimeSchema,
  updated_at: TimeSchema,
});
export type PresignatureRequest = z.infer<typeof PresignatureRequestSchema>;

/**
 * `POST /presignature-requests` → the record. The same again is the stored one; other participants: 409 `presignature_request_exists`.
 * With a roster, 403 `invalid_statement` without an `origin` of a node for this id and these participants.
 */
export const CreatePresignatureRequestSchema = z.strictObject({
  request_id: RequestIdSchema,
  participants: ParticipantsSchema.optional(),
  origin: OriginSchema.optional(),
  status: z.literal('pending').optional(),
});
export type CreatePresignatureRequest = z.infer<typeof CreatePresignatureRequestSchema>;

/** `GET /presignature-requests` → the records, oldest first. */
export const ListPresignatureRequestsSchema = z.strictObject({ status: StatusSchema.optional(), ...page });

/** `PUT /presignature-requests/{id}` → the record. Forward only: pending, in_progress, then completed or failed. */
export const UpdatePresignatureRequestSchema = z.strictObject({ status: StatusSchema });
export type UpdatePresignatureRequest = z.infer<typeof UpdatePresignatureRequestSchema>;

// ---- partial signatures ----

/**
 * `POST /partial-signatures` → the entry. The same sender and payload again under one request is the same entry. With a roster,
 * 403 `invalid_statement` when `payload` is not the sender's statement of kind `PARTIAL_SIGNATURE` for this request.
 */
export const PostPartialSignatureSchema = z.strictObject({
  request_id: RequestIdSchema,
  from_node: NodeIdSchema,
  payload: z.string().min(1, 'must not be empty'),
});
export type PostPartialSignature = z.infer<typeof PostPartialSignatureSchema>;

/** With `list=true` the answer is the request's list instead, as `GET` shows it: whoever posts the last one has them all. */
export const PostPartialSignatureQuerySchema = z.strictObject({ list: z.literal('true', 'must be true, or not be there').optional() });

export const PartialSignatureSchema = z.object({
  id: z.string().min(1).max(256),
  ...PostPartialSignatureSchema.shape,
  created_at: TimeSchema,
});
export type PartialSignature = z.infer<typeof PartialSignatureSchema>;

/** `GET /partial-signatures` → the entries of one request. */
export const ListPartialSignaturesSchema = z.strictObject({ request_id: RequestIdSchema, ...page });

// ---- public key, health, errors ----

/**
 * `POST /publickey` → the same. Another key than the stored one: 409 `public_key_conflict`. With a roster, 403 `unconfirmed_key`
 * until as many nodes as sign have stated this key in their heartbeats; the board then has it also without being told.
 */
export const PublicKeySchema = z.strictObject({ public_key: PublicKeyHexSchema });
export type PublicKey = z.infer<typeof PublicKeySchema>;

/** `GET /publickey` → {@link PublicKeyAnswerSchema}, or 404 `no_public_key`, held back for `wait`. */
export const WaitQuerySchema = z.strictObject({ wait: WaitSchema.optional() });
export const PublicKeyAnswerSchema = z.object({ public_key: PublicKeyHexSchema });

const CountSchema = z.int().min(0);
/** `GET /health`: counts of what is held now. */
export const HealthSchema = z.object({
  status: z.literal('ok'),
  public_key: z.boolean(),
  /** Hash of the roster against which it checks what is posted; null when it checks nothing. */
  roster: z.string().nullable().default(null),
  requests: z.object({ pending: CountSchema, finished: CountSchema, protocol: CountSchema }),
  presignature_requests: z.object({ open: CountSchema, finished: CountSchema }),
  /** Entries of all message and partial signature lists. */
  entries: CountSchema,
  /** Texts held, at two bytes a character. */
  stored_bytes: CountSchema,
  /** Readers held back by `wait`. */
  waiting: CountSchema,
});
export type Health = z.infer<typeof HealthSchema>;

// ---- nodes ----

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
