import { SignSchema, type SignBody } from 'api-gateway/contract';
import type { Payload } from 'message-board/contract';
import { z } from 'zod';
import { UsageError } from './command.js';

/** The options that say what was signed: the fields of `POST /sign`. */
export const payloadOptions = {
  message: z.string().optional(),
  bytes: z.string().optional(),
  digest: z.string().optional(),
  hash: z.string().optional(),
};

/** Is one of them given? To be checked with {@link PAYLOAD_MISSING}. */
export function isPayloadGiven({ message, bytes, digest }: Given): boolean {
  return (message ?? bytes ?? digest) !== undefined;
}

/** It is said beside what else is wrong. */
export const PAYLOAD_MISSING = { path: ['message'], error: 'is required, or bytes, or digest', when: () => true };

export const PAYLOAD_HELP = `  --message TEXT      exactly what was signed, to the last space; or
  --bytes HEX         the bytes that were hashed and signed; or
  --digest HEX        the 32 bytes that were signed as they are
  --hash NAME         of message or bytes: sha256 (default), sha256d or keccak256`;

interface Given {
  readonly message?: string | undefined;
  readonly bytes?: string | undefined;
  readonly digest?: string | undefined;
  readonly hash?: string | undefined;
}

/** What was signed, as it is asked for and as it is stored. */
export interface Signed {
  readonly body: SignBody;
  readonly payload: Payload;
}

/** @throws UsageError naming the option that is wrong or missing */
export function signedIn({ message, bytes, digest, hash }: Given): Signed {
  const body = { message, bytes, digest, hash } as SignBody;
  const parsed = SignSchema.safeParse(body);
  if (parsed.success) return { body, payload: parsed.data };
  // Two checks may say the same of one value.
  const complaints = new Set(parsed.error.issues.map(({ path, message: complaint }) => `--${String(path[0])}: ${complaint}`));
  throw new UsageError([...complaints].join('\n'));
}
