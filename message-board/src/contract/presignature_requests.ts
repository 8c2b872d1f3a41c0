import { z } from 'zod';
import { OriginSchema, page, RequestIdSchema, StatusSchema, TimeSchema } from './contract_fields.js';

/** Party indices from 0 (`node-1` is 0), strictly ascending. */
export const ParticipantsSchema = z
  .array(z.int().min(0).max(65_534))
  .min(2)
  .max(1024)
  .refine((list) => list.every((index, k) => k === 0 || index > (list[k - 1] ?? index)), 'must be strictly ascending');

/** The record of a presignature request. `id` and `request_id` are the same. */
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
 * `POST /presignature-requests` → the record. The same again is answered with the stored record, and the id with other participants 409
 * `presignature_request_exists`. With a roster, `origin` must be a node's statement for this id and these participants: the board answers
 * another one 403 `invalid_statement`.
 */
export const CreatePresignatureRequestSchema = z.strictObject({
  request_id: RequestIdSchema,
  participants: ParticipantsSchema.optional(),
  origin: OriginSchema.optional(),
  status: z.literal('pending').optional(),
});
export type CreatePresignatureRequest = z.infer<typeof CreatePresignatureRequestSchema>;

/** `GET /presignature-requests` → the records, oldest first. A page with fewer than {@link FULL_PAGE} is the last one. */
export const ListPresignatureRequestsSchema = z.strictObject({ status: StatusSchema.optional(), ...page });

/**
 * So many records fit any page of a member, however long they are. With a smaller value, a member that posts one after the other keeps its
 * readers busy. With a larger one, readers take a page for the last one that is not.
 */
export const FULL_PAGE = 200;

/** `PUT /presignature-requests/{id}` → the record. The status only moves forward: pending, in_progress, then completed or failed. */
export const UpdatePresignatureRequestSchema = z.strictObject({ status: StatusSchema });
