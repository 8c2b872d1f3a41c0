import { z } from 'zod';
import {
  CursorSchema, OriginSchema, page, ReasonSchema, RequestIdSchema, SignatureSchema, StatementSchema, StatusSchema,
  TimeSchema, WaitSchema,
} from './contract_fields.js';
import { isPresignable, PayloadHashSchema, PayloadKindSchema, payloadProblem } from './payload.js';

/**
 * Upper bound of the refusals of one request: as many as a cluster may have nodes. With a smaller value, some nodes of a large cluster
 * could not refuse.
 */
export const MAX_REFUSALS = 256;

/**
 * A signing request or a protocol record. A protocol record stands for a session such as key generation, and nothing in it is signed: its
 * `message` is empty and its status `in_progress`. The first `GET /messages`, `POST /messages` or `POST /partial-signatures` under an
 * unknown id creates it.
 */
export const RequestRecordSchema = z.object({
  id: RequestIdSchema,
  message: z.string(),
  /** What `message` is. Absent: a text. Of `bytes` and of a `digest` it has the hexadecimal digits, in lower case. */
  kind: PayloadKindSchema.optional(),
  /** How it becomes the 32 bytes that are signed. Absent: by SHA-256; a digest is signed as it is. */
  hash: PayloadHashSchema.optional(),
  status: StatusSchema,
  signature: SignatureSchema.optional(),
  reason: ReasonSchema.optional(),
  /** Statement of kind `REQUEST_STATUS` by the node that has given the reason of a pending request. */
  statement: StatementSchema.optional(),
  origin: OriginSchema.optional(),
  /** The presignature to sign it with. */
  presignature_id: RequestIdSchema.optional(),
  /** Statement of kind `NAMING` by the node that has named the presignature. Without it the gateway has proposed it, in the `origin`. */
  naming: StatementSchema.optional(),
  /** Statements of kind `REFUSAL` by nodes that do not sign this, one of each node. */
  refusals: z.array(StatementSchema).max(MAX_REFUSALS).optional(),
  /** Statement of kind `CLOSING` by the gateway: it has failed. */
  closing: StatementSchema.optional(),
  /** Opaque; see `changed_after`. */
  revision: z.string().max(256),
  created_at: TimeSchema,
  updated_at: TimeSchema,
  /** Milliseconds from when the board took it to this answer, by the board's monotonic clock. */
  age_ms: z.number().min(0),
});
export type RequestRecord = z.infer<typeof RequestRecordSchema>;

/**
 * `POST /requests` → the record. Without `id` the board makes one: `req_<unix seconds>_<random>`. The same id, message and origin again
 * are answered with the stored record. Another message or origin under a known id is answered 409 `request_exists`.
 *
 * `kind` and `hash` are as in the record, and belong to the message. Only a board with a roster takes them: Rust nodes do not know them.
 *
 * With a roster, a request that the gateway has signed takes the place of one under its id that the gateway has not signed.
 *
 * A presignature signs one request. One that is assigned to another request is 409 `presignature_conflict`, here and in a `PUT`.
 *
 * With `presignature_id`, the record names the presignature from the start. With a roster the gateway must propose it in the `origin`,
 * for this id and message: the board answers anything else 403 `invalid_statement`. A digest is never signed with a presignature.
 */
export const CreateRequestSchema = z
  .strictObject({
    message: z.string(),
    kind: PayloadKindSchema.optional(),
    hash: PayloadHashSchema.optional(),
    id: RequestIdSchema.optional(),
    origin: OriginSchema.optional(),
    presignature_id: RequestIdSchema.optional(),
  })
  .superRefine((body, context) => {
    const wrong = payloadProblem(body);
    if (wrong !== undefined) context.addIssue({ code: 'custom', path: [wrong.field], message: wrong.problem });
  })
  .refine((body) => body.presignature_id === undefined || body.origin !== undefined, {
    path: ['presignature_id'],
    message: 'needs origin',
  })
  .refine((body) => body.presignature_id === undefined || isPresignable(body), {
    path: ['presignature_id'],
    message: 'cannot be given with a digest, which is signed in full',
  });
export type CreateRequest = z.infer<typeof CreateRequestSchema>;

/** `GET /requests` → the records, signing requests and protocol records, oldest first. */
export const ListRequestsSchema = z
  .strictObject({ status: StatusSchema.optional(), changed_after: CursorSchema.optional(), ...page })
  .refine((query) => query.after === undefined || query.changed_after === undefined, {
    path: ['changed_after'],
    message: 'cannot be combined with after',
  });

/** `GET /requests/{id}` → the record or 404. With `wait` and `status`, the answer is held back while the record has that status. */
export const GetRequestSchema = z
  .strictObject({ status: StatusSchema.optional(), wait: WaitSchema.optional() })
  .refine((query) => query.wait === undefined || query.status !== undefined, { path: ['status'], message: 'is required with wait' });

/**
 * `PUT /requests/{id}` → the record.
 *
 * - `signature` completes the request. The board first checks it under the public key: 400 `invalid_signature` when it does not sign the
 *   message, 409 `no_public_key` while the board has no key.
 * - `status` moves forward only: otherwise 409 `status_conflict`. `completed` without a signature is 409 `signature_missing`.
 * - `reason` says why the request has failed; `failed` requires it. Without `status` it says what a pending request waits for.
 * - `statement` is of kind `REQUEST_STATUS`, by the node that gives the `reason`.
 * - `closing` is of kind `CLOSING`, by the gateway. It fails the request. When that is completed: 409 `too_late`.
 * - `presignature_id` names the presignature. The first name stays: another one is 409 `presignature_conflict`.
 * - `naming` is of kind `NAMING`, by the node that names the presignature. It must be one of its makers, when the board knows them.
 * - `refusal` is of kind `REFUSAL`. It is added to the `refusals` of a pending request. A second one of the same node, in other words, is
 *   409 `refusal_conflict`.
 *
 * What already holds may be put again: 200. A final state never changes: another signature, or one for a failed request, is 409
 * `status_conflict`.
 *
 * With a roster, a `presignature_id` needs `naming` and a `reason` needs `statement`. Each of these and `refusal` must be signed by a node
 * for this request, and `closing` by the gateway. Otherwise 403 `invalid_statement`. `status: failed` is always 403 `failure_not_signed`:
 * the board itself fails a request when n − t + 1 nodes have refused it (reason: the code of most, and their names), when it is closed
 * (`cancelled`, `expired`), or 120 s after it has expired (`expired`). Then it has lived for as long as its `origin` says from `time` to
 * `expires`, by the board's clock, since it arrived.
 */
export const UpdateRequestSchema = z
  .strictObject({
    status: StatusSchema.optional(),
    signature: SignatureSchema.optional(),
    reason: ReasonSchema.optional(),
    presignature_id: RequestIdSchema.optional(),
    naming: StatementSchema.optional(),
    statement: StatementSchema.optional(),
    refusal: StatementSchema.optional(),
    closing: StatementSchema.optional(),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    message: 'must have status, signature, reason, presignature_id, refusal or closing',
  })
  .refine(({ closing, status, signature, reason }) => closing === undefined || (status ?? signature ?? reason) === undefined, {
    path: ['closing'],
    message: 'cannot be combined with status, signature or reason',
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
