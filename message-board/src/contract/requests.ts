import { z } from 'zod';
import {
  CursorSchema, OriginSchema, page, ReasonSchema, RequestIdSchema, StatementSchema, SignatureSchema, SigningMessageSchema,
  StatusSchema, TimeSchema, WaitSchema,
} from './contract_fields.js';

/** Of one request: as many as a cluster may have nodes. */
export const MAX_REFUSALS = 256;

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
  naming: StatementSchema.optional(),
  /** Nodes that will not sign this, as statements of kind `REFUSAL`; one of each node. */
  refusals: z.array(StatementSchema).max(MAX_REFUSALS).optional(),
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
    naming: StatementSchema.optional(),
    statement: StatementSchema.optional(),
    refusal: StatementSchema.optional(),
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
