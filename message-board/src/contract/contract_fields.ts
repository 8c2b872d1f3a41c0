/** The fields that the contract's bodies, queries and records are made of. */
import { z } from 'zod';

export const MAX_WAIT_MS = 30_000;
export const MAX_MESSAGE_BYTES = 65_536;

/** `node-1` … `node-65535`; party index + 1. */
export const NodeIdSchema = z
  .string()
  .regex(/^node-[1-9]\d{0,4}$/, 'must be node-1 to node-65535')
  .refine((id) => Number(id.slice(5)) <= 65_535, 'must be node-1 to node-65535');
export type NodeId = z.infer<typeof NodeIdSchema>;

/** A node, or `*` for all of them. */
export const RecipientSchema = z.union([z.literal('*'), NodeIdSchema], { error: 'must be "*" or node-1 to node-65535' });
export type Recipient = z.infer<typeof RecipientSchema>;

/** 1 to 256 of `A-Za-z0-9._-`, the first a letter or digit: safe in a path, a query and a file name. */
export const RequestIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$/, 'must be 1 to 256 of A-Z a-z 0-9 . _ - and begin with a letter or digit');
export type RequestId = z.infer<typeof RequestIdSchema>;

/** What is to be signed: 1 byte to 64 KiB of UTF-8. A lone surrogate has no UTF-8 form. */
export const SigningMessageSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_MESSAGE_BYTES, 'must be at most 65536 bytes of UTF-8')
  .refine((text) => !/\p{Surrogate}/u.test(text), 'must be well-formed Unicode, without lone surrogates')
  .refine((text) => Buffer.byteLength(text) <= MAX_MESSAGE_BYTES, 'must be at most 65536 bytes of UTF-8');

/** A signing request is `pending` until it is `completed` or `failed`. A protocol record stays `in_progress`. */
export const StatusSchema = z.enum(['pending', 'in_progress', 'completed', 'failed']);
export type Status = z.infer<typeof StatusSchema>;

/** Why a request failed, or is still pending: a code, and the nodes concerned. `not_enough_signers: node-2, node-3`. */
export const ReasonSchema = z
  .string()
  .max(512)
  .regex(/^[a-z][a-z0-9_]{0,63}(: node-\d{1,5}(, node-\d{1,5})*)?$/, 'must be a code, or "code: node-1, node-2"');

/** Who asked for this: its signed statement, of kind `SIGNING_REQUEST` or `PRESIGNATURE_REQUEST`. The board keeps it, whatever it is. */
export const OriginSchema = z.string().min(1).max(4096);

/** A signed statement about one request: a JWS in compact form. */
export const StatementSchema = z
  .string()
  .max(4096)
  .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/, 'must be a JWS in compact form');

/** A compressed secp256k1 point in hexadecimal, 66 digits, kept in lower case. The board checks that it is on the curve. */
export const PublicKeyHexSchema = z
  .string()
  .regex(/^0[23][0-9a-fA-F]{64}$/, 'must be a compressed secp256k1 point: 02 or 03 and 64 hexadecimal digits')
  .transform((hex) => hex.toLowerCase());

const ScalarHexSchema = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
  .transform((hex) => hex.toLowerCase());
const SignatureObjectSchema = z.strictObject({ r: ScalarHexSchema, s: ScalarHexSchema });

/** The JSON *string* `{"r":"<64 hex>","s":"<64 hex>"}`, big-endian; brought to this one spelling. Not checked against a key. */
export const SignatureSchema = z
  .string()
  .max(512, 'must be the JSON text {"r": 64 hexadecimal digits, "s": 64 hexadecimal digits}')
  .transform((text, context) => {
    try {
      const parsed = SignatureObjectSchema.safeParse(JSON.parse(text));
      if (parsed.success) return JSON.stringify({ r: parsed.data.r, s: parsed.data.s });
    } catch {
      // not JSON: the same complaint
    }
    context.addIssue({ code: 'custom', message: 'must be the JSON text {"r": 64 hexadecimal digits, "s": 64 hexadecimal digits}' });
    return z.NEVER;
  });

/** The numbers in a signature string. @throws ZodError or SyntaxError when it is not one */
export function parseSignature(text: string): { r: bigint; s: bigint } {
  const { r, s } = SignatureObjectSchema.parse(JSON.parse(text));
  return { r: BigInt(`0x${r}`), s: BigInt(`0x${s}`) };
}

/** The signature string of `0 <= r, s < 2^256`. */
export function formatSignature(signature: { readonly r: bigint; readonly s: bigint }): string {
  const hex = (x: bigint): string => x.toString(16).padStart(64, '0');
  return JSON.stringify({ r: hex(signature.r), s: hex(signature.s) });
}

export const TimeSchema = z.iso.datetime({ offset: true });
export const CursorSchema = z.string().max(256);
export const WaitSchema = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a whole number of milliseconds, 0 to 30000')
  .transform(Number)
  .refine((ms) => ms <= MAX_WAIT_MS, 'must be a whole number of milliseconds, 0 to 30000');
export const page = { after: CursorSchema.optional(), wait: WaitSchema.optional() };
