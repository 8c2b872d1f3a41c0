/** What a request has signed: a text, bytes or a digest, and how it becomes the 32 bytes that are signed. */
import { createHash } from 'node:crypto';
import { GROUP_ORDER, hashMessage, verifyDigest, type MessageHash, type PublicKey } from 'cggmp24';
import { z } from 'zod';
import { MAX_MESSAGE_BYTES, parseSignature, SigningMessageSchema } from './contract_fields.js';

/** Absent: `message` is a text. */
export const PayloadKindSchema = z.enum(['bytes', 'digest']);
/** Absent: SHA-256; a digest is not hashed. */
export const PayloadHashSchema = z.enum(['sha256d', 'keccak256']);

export interface Payload {
  /** A text; of another kind its bytes, hexadecimal in lower case. */
  readonly message: string;
  readonly kind?: z.infer<typeof PayloadKindSchema> | undefined;
  readonly hash?: z.infer<typeof PayloadHashSchema> | undefined;
}

/** A kind of payload, by the name of its field in `POST /sign`. */
export const PAYLOAD_FIELDS = ['message', 'bytes', 'digest'] as const;
export type PayloadField = (typeof PAYLOAD_FIELDS)[number];

/** 1 byte to 64 KiB, hexadecimal, brought to lower case. */
export const BytesHexSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(2 * MAX_MESSAGE_BYTES, 'must be at most 65536 bytes, 131072 hexadecimal digits')
  .regex(/^([0-9a-fA-F]{2})*$/, 'must be an even number of hexadecimal digits')
  .transform((hex) => hex.toLowerCase());

/** 32 bytes, hexadecimal, brought to lower case. Whoever knows the public key makes a signature of zero. */
export const DigestHexSchema = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
  .transform((hex) => hex.toLowerCase())
  .refine((hex) => BigInt(`0x${hex}`) % GROUP_ORDER !== 0n, 'must not be zero modulo the group order: anybody can sign that');

const SCHEMAS: Record<PayloadField, z.ZodType<string, string>> = {
  message: SigningMessageSchema, bytes: BytesHexSchema, digest: DigestHexSchema,
};

export function payloadField({ kind }: Payload): PayloadField {
  return kind ?? 'message';
}

/** null for a digest, which is not hashed. */
export function payloadHashName({ kind, hash }: Payload): MessageHash | null {
  return kind === 'digest' ? null : (hash ?? 'sha256');
}

/** What is wrong with a payload; undefined when nothing is. Hexadecimal digits have to be in lower case: each payload has one form. */
export function payloadProblem(payload: Payload): { readonly field: 'message' | 'hash'; readonly problem: string } | undefined {
  const { message, hash } = payload;
  const field = payloadField(payload);
  const parsed = SCHEMAS[field].safeParse(message);
  if (!parsed.success) return { field: 'message', problem: parsed.error.issues[0]?.message ?? 'is wrong' };
  if (parsed.data !== message) return { field: 'message', problem: 'must be in lower case' };
  return field === 'digest' && hash !== undefined ? { field: 'hash', problem: 'cannot be given with a digest' } : undefined;
}

export function isSamePayload(a: Payload, b: Payload): boolean {
  return a.message === b.message && a.kind === b.kind && a.hash === b.hash;
}

/** The fields of a payload and no others; absent ones are not there. */
export function payloadOf({ message, kind, hash }: Payload): Payload {
  return { message, ...(kind === undefined ? {} : { kind }), ...(hash === undefined ? {} : { hash }) };
}

/**
 * May a presignature sign it? Not a digest. With a presignature that is known, whoever chooses the digest gets a signature of something
 * else (Groth and Shoup, 2021/1330): the digest has to be fixed before the nonce is made, as it is in full signing. What a hash gives
 * cannot be chosen.
 */
export function isPresignable({ kind }: Payload): boolean {
  return kind !== 'digest';
}

/** The bytes that are hashed, or the digest itself. */
export function payloadBytes({ message, kind }: Payload): Uint8Array {
  return kind === undefined ? Buffer.from(message) : Buffer.from(message, 'hex');
}

/** The 32 bytes that are signed. @param payload without a problem */
export function digestOf(payload: Payload): Uint8Array {
  const hash = payloadHashName(payload);
  const bytes = payloadBytes(payload);
  return hash === null ? bytes : hashMessage(bytes, hash);
}

/** SHA-256 of a text's UTF-8 bytes, hexadecimal: {@link payloadSha256} of a text that is hashed with SHA-256. */
export function messageHash(message: string): string {
  return createHash('sha256').update(message).digest('hex');
}

/** No text begins with this byte, because UTF-8 does not have it: so the hash of no text is that of another payload. */
const NO_TEXT = Uint8Array.of(0xff);

/**
 * Names a payload in statements, records and files, where they say `message_sha256`: no two payloads have the same, whatever their kind
 * and hash. The gateway signs it in place of the payload; nodes compute it, state it and record it.
 */
export function payloadSha256(payload: Payload): string {
  const { message, kind, hash } = payload;
  if (kind === undefined && hash === undefined) return messageHash(message);
  const form = JSON.stringify(['threshold-signing/payload', payloadField(payload), payloadHashName(payload), message]);
  return createHash('sha256').update(NO_TEXT).update(form).digest('hex');
}

/** Is it a low-s signature of this payload? @param signature the board's text */
export function isSignatureOf(payload: Payload, signature: string, publicKey: PublicKey): boolean {
  return payloadProblem(payload) === undefined && verifyDigest(parseSignature(signature), publicKey, digestOf(payload));
}
