import { z } from 'zod';
import { NodeIdSchema, page, RecipientSchema, RequestIdSchema, TimeSchema } from './contract_fields.js';

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
