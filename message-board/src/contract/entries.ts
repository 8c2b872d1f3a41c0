import { z } from 'zod';
import { NodeIdSchema, page, RecipientSchema, RequestIdSchema, TimeSchema } from './contract_fields.js';

/**
 * `POST /messages`, `POST /presignature-messages` → the entry. The two lists are separate: the same `request_id` in both means nothing.
 * What has the same sender, recipient, round and payload as a stored entry is that entry. Another payload is one more entry.
 * The board does not use `round`. `payload` is any text. With a roster it must be an envelope for exactly these fields: the board
 * answers another one 403 `invalid_envelope`.
 */
export const PostMessageSchema = z.strictObject({
  request_id: RequestIdSchema,
  from_node: NodeIdSchema,
  to_node: RecipientSchema,
  round: z.int().min(0).max(65_535),
  payload: z.string().min(1, 'must not be empty'),
});
export type PostMessage = z.infer<typeof PostMessageSchema>;

/** A stored message. `created_at` is when it came, by the board's clock. */
export const MessageSchema = z.object({
  id: z.string().min(1).max(256),
  ...PostMessageSchema.shape,
  created_at: TimeSchema,
});
export type Message = z.infer<typeof MessageSchema>;

/** `GET /messages`, `GET /presignature-messages` → the entries for `to_node` and those for all (`*`), whoever has sent them. */
export const ListMessagesSchema = z.strictObject({ request_id: RequestIdSchema, to_node: RecipientSchema, ...page });

/**
 * `POST /partial-signatures` → the entry. What has the same sender and payload as a stored entry of the request is that entry. With a
 * roster, `payload` must be the sender's statement of kind `PARTIAL_SIGNATURE` for this request: the board answers another one 403
 * `invalid_statement`.
 */
export const PostPartialSignatureSchema = z.strictObject({
  request_id: RequestIdSchema,
  from_node: NodeIdSchema,
  payload: z.string().min(1, 'must not be empty'),
});
export type PostPartialSignature = z.infer<typeof PostPartialSignatureSchema>;

/** With `list=true` the answer is the request's whole list instead, as `GET` shows it. So whoever posts the last one has them all. */
export const PostPartialSignatureQuerySchema = z.strictObject({ list: z.literal('true', 'must be true, or not be there').optional() });

/** A stored partial signature. `created_at` is when it came, by the board's clock. */
export const PartialSignatureSchema = z.object({
  id: z.string().min(1).max(256),
  ...PostPartialSignatureSchema.shape,
  created_at: TimeSchema,
});
export type PartialSignature = z.infer<typeof PartialSignatureSchema>;

/** `GET /partial-signatures` → the entries of one request. */
export const ListPartialSignaturesSchema = z.strictObject({ request_id: RequestIdSchema, ...page });
