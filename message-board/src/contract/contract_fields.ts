/** The fields that the contract's bodies, queries and records are made of. */
import { z } from 'zod';

/**
 * Upper bound of `wait`. With a smaller value, readers ask more often for nothing. With a larger one, a proxy on the way may end a call
 * before it is answered.
 */
export const MAX_WAIT_MS = 30_000;
/**
 * Upper bound of a message to sign, in UTF-8. With a smaller value, longer messages cannot be signed. With a larger one, a request fills
 * more of the board.
 */
export const MAX_MESSAGE_BYTES = 65_536;

/** `node-1` to `node-65535`. The number is the party index plus 1. */
export const NodeIdSchema = z
  .string()
  .regex(/^node-[1-9]\d{0,4}$/, 'must be node-1 to node-65535')
  .refine((id) => Number(id.slice(5)) <= 65_535, 'must be node-1 to node-65535');
export type NodeId = z.infer<typeof NodeIdSchema>;

/** 3 for `node-3`. */
export function nodeNumber(nodeId: NodeId): number {
  return Number(nodeId.slice('node-'.length));
}

/** A node, or `*` for all of them. */
export const RecipientSchema = z.union([z.literal('*'), NodeIdSchema], { error: 'must be "*" or node-1 to node-65535' });
export type Recipient = z.infer<typeof RecipientSchema>;

/** 1 to 256 of `A-Za-z0-9._-`, the first a letter or digit. Such an id is safe in a path, a query and a file name. */
export const RequestIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$/, 'must be 1 to 256 of A-Z a-z 0-9 . _ - and begin with a letter or digit');
export type RequestId = z.infer<typeof RequestIdSchema>;

/** The message to sign: 1 byte to 64 KiB of UTF-8. A lone surrogate is refused, because it has no UTF-8 form. */
export const SigningMessageSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_MESSAGE_BYTES, 'must be at most 65536 bytes of UTF-8')
  .refine((text) => !/\p{Surrogate}/u.test(text), 'must be well-formed Unicode, without lone surrogates')
  .refine((text) => Buffer.byteLength(text) <= MAX_MESSAGE_BYTES, 'must be at most 65536 bytes of UTF-8');

/**
 * A signing request is `pending` until it is `completed` or `failed`. A presignature request may be `in_progress` between. A protocol
 * record is always `in_progress`.
 */
export const StatusSchema = z.enum(['pending', 'in_progress', 'completed', 'failed']);
export type Status = z.infer<typeof StatusSchema>;

/** Why a request has failed or is still pending: a code and the nodes concerned, for instance `not_enough_signers: node-2, node-3`. */
export const ReasonSchema = z
  .string()
  .max(512)
  .regex(/^[a-z][a-z0-9_]{0,63}(: node-\d{1,5}(, node-\d{1,5})*)?$/, 'must be a code, or "code: node-1, node-2"');

/**
 * Proves who asked for this: a signed statement of kind `SIGNING_REQUEST` or `PRESIGNATURE_REQUEST`. The schema takes any text, because a
 * plain cluster signs nothing.
 */
export const OriginSchema = z.string().min(1).max(4096);

/** A signed statement about one request: a JWS in compact form. */
export const StatementSchema = z
  .string()
  .max(4096)
  .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/, 'must be a JWS in compact form');

/** A compressed secp256k1 point, 66 hexadecimal digits, brought to lower case. The board also checks that it is on the curve. */
export const PublicKeyHexSchema = z
  .string()
  .regex(/^0[23][0-9a-fA-F]{64}$/, 'must be a compressed secp256k1 point: 02 or 03 and 64 hexadecimal digits')
  .transform((hex) => hex.toLowerCase());

const ScalarHexSchema = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
  .transform((hex) => hex.toLowerCase());
const SignatureObjectSchema = z.strictObject({ r: ScalarHexSchema, s: ScalarHexSchema });

/**
 * A signature as JSON *text*: `{"r":"<64 hex>","s":"<64 hex>"}`, big-endian. The schema brings it to this one spelling. It does not check
 * it against a key.
 */
export const SignatureSchema = z
  .string()
  .max(512, 'must be the JSON text {"r": 64 hexadecimal digits, "s": 64 hexadecimal digits}')
  .transform((text, context) => {
    try {
      const parsed = SignatureObjectSchema.safeParse(JSON.parse(text));
      if (parsed.success) return JSON.stringify({ r: parsed.data.r, s: parsed.data.s });
    } catch {
      // What is not JSON gets the same complaint.
    }
    context.addIssue({ code: 'custom', message: 'must be the JSON text {"r": 64 hexadecimal digits, "s": 64 hexadecimal digits}' });
    return z.NEVER;
  });

/** The numbers in the text of a signature. @throws ZodError or SyntaxError when the text is no signature */
export function parseSignature(text: string): { r: bigint; s: bigint } {
  const { r, s } = SignatureObjectSchema.parse(JSON.parse(text));
  return { r: BigInt(`0x${r}`), s: BigInt(`0x${s}`) };
}

/** The text of a signature. @param signature two numbers from 0 to 2^256 - 1 */
export function formatSignature(signature: { readonly r: bigint; readonly s: bigint }): string {
  const hex = (x: bigint): string => x.toString(16).padStart(64, '0');
  return JSON.stringify({ r: hex(signature.r), s: hex(signature.s) });
}

/** A point in time, ISO 8601 with its time zone. */
export const TimeSchema = z.iso.datetime({ offset: true });
/** Value of `after` and `changed_after`. */
export const CursorSchema = z.string().max(256);
/** Value of `wait`, in milliseconds: digits in a query, a number when parsed. */
export const WaitSchema = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a whole number of milliseconds, 0 to 30000')
  .transform(Number)
  .refine((ms) => ms <= MAX_WAIT_MS, 'must be a whole number of milliseconds, 0 to 30000');
/** What every query of a list may have. */
export const page = { after: CursorSchema.optional(), wait: WaitSchema.optional() };
