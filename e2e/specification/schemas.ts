/**
 * The types of the specification, written anew from its text: this suite looks at the services from outside, so it must not share
 * their contract. A field that is missing or of another type fails; fields that the specification does not have are let through.
 */
import { z } from 'zod';

const Time = z.iso.datetime({ offset: true });
const NodeName = z.string().regex(/^node-[1-9]\d*$/);
const Id = z.string().min(1);

export const StatusSchema = z.enum(['pending', 'in_progress', 'completed', 'failed']);
const RequestStatusSchema = StatusSchema.exclude(['in_progress']);

/** On the wire it is a JSON string of this. */
const ScalarSchema = z.string().regex(/^[0-9a-f]{64}$/);
export const SignatureSchema = z.object({ r: ScalarSchema, s: ScalarSchema });
const isSignature = (text: string): boolean => SignatureSchema.safeParse(parsedJson(text)).success;
const SignatureTextSchema = z.string().refine(isSignature, 'must be the JSON of {"r","s"}');

// ---- the gateway ----

const RequestIdSchema = z.string().regex(/^req_\d{10}_[0-9a-z]+$/);

export const SignAnswerSchema = z.object({ request_id: RequestIdSchema, status: z.literal('pending') });
export const StatusAnswerSchema = z.object({
  request_id: RequestIdSchema,
  status: RequestStatusSchema,
  signature: SignatureTextSchema.optional(),
});
export const CompletedAnswerSchema = StatusAnswerSchema.extend({ status: z.literal('completed'), signature: SignatureTextSchema });
export const NotFoundSchema = z.object({ request_id: z.string(), status: z.literal('not_found') });

// ---- the gateway and the message board ----

/** Compressed, hexadecimal. */
export const PublicKeySchema = z.object({ public_key: z.string().regex(/^0[23][0-9a-f]{64}$/) });
export const HealthSchema = z.object({ status: z.string() });
/** Departure `errorBody`. */
export const ErrorSchema = z.object({ error: z.object({ code: z.string().regex(/^[a-z_]+$/), message: z.string().min(1) }) });

// ---- the message board ----

export const SigningRequestSchema = z.object({
  id: Id,
  message: z.string(),
  status: StatusSchema,
  signature: SignatureTextSchema.optional(),
  created_at: Time,
  updated_at: Time,
});
export const NodeMessageSchema = z.object({
  id: Id,
  request_id: Id,
  from_node: NodeName,
  to_node: z.union([NodeName, z.literal('*')]),
  round: z.int().min(0),
  payload: z.string().min(1),
  created_at: Time,
});
export const PartialSignatureMessageSchema = z.object({
  id: Id,
  request_id: Id,
  from_node: NodeName,
  payload: z.string().min(1),
  created_at: Time,
});
export const PresignatureRequestSchema = z.object({ id: Id, request_id: Id, status: StatusSchema, created_at: Time });

// ---- departures ----

/** Departure `partialSignature`. */
export const PartialSignatureClaimsSchema = z.object({ sigma: ScalarSchema, presignature_id: Id });
/** Departure `presignatureIds`. `participants` are indices, node-1 is 0. */
export const SealedPresignatureRequestSchema = PresignatureRequestSchema.extend({
  id: z.string().regex(/^presig_gen_node-[1-4]_[0-9a-f]{32}$/),
  participants: z.array(z.int().min(0).max(3)).length(3),
});

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
