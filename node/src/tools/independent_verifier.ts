/**
 * Verifies signatures with `@noble/secp256k1` and OpenSSL's hashes: neither the library that makes signatures, nor libsecp256k1, with which
 * the services verify them, nor the hashes that both use.
 */
import { createHash } from 'node:crypto';
import { Point, verifyAsync } from '@noble/secp256k1';
import { parseSignature, SignatureSchema, type Payload } from 'message-board/contract';
import { z } from 'zod';

/** A point of secp256k1 in hexadecimal (SEC1): 66 digits, compressed, or 130. */
export const PublicKeyHexSchema = z.string().transform((hex, context) => {
  try {
    return Point.fromHex(hex);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a point of secp256k1: 66 hexadecimal digits (compressed) or 130' });
    return z.NEVER;
  }
});

/** The JSON text `{"r": …, "s": …}` that the gateway gives → r and s, 32 bytes each, big-endian. */
export const CompactSignatureSchema = SignatureSchema.transform((text) => {
  const { r, s } = parseSignature(text);
  return Buffer.from([r, s].map((x) => x.toString(16).padStart(64, '0')).join(''), 'hex');
});

const hashed = (name: 'sha256' | 'keccak-256', bytes: Uint8Array): Buffer => createHash(name).update(bytes).digest();

function digestOf({ message, kind, hash }: Payload): Buffer {
  const bytes = Buffer.from(message, kind === undefined ? 'utf8' : 'hex');
  if (kind === 'digest') return bytes;
  if (hash === 'keccak256') return hashed('keccak-256', bytes);
  return hash === 'sha256d' ? hashed('sha256', hashed('sha256', bytes)) : hashed('sha256', bytes);
}

/**
 * Does `signature` sign this? One with `s > q/2` is not valid: anybody can make it from the other one.
 * @param signature r and s, 64 bytes
 */
export function isValid(signature: Uint8Array, payload: Payload, publicKey: Point): Promise<boolean> {
  return verifyAsync(signature, digestOf(payload), publicKey.toBytes(), { prehash: false, lowS: true });
}
