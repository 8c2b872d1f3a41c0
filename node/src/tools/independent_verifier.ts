/** Verifies signatures with `@noble/secp256k1`: neither the library that makes them, nor OpenSSL, with which the services verify them. */
import { Point, verifyAsync } from '@noble/secp256k1';
import { parseSignature, SignatureSchema } from 'message-board/contract';
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

/**
 * Does `signature` sign SHA-256 of the UTF-8 bytes of `message`? One with `s > q/2` is not valid: anybody can make it from the other one.
 * @param signature r and s, 64 bytes
 */
export function isValid(signature: Uint8Array, message: string, publicKey: Point): Promise<boolean> {
  return verifyAsync(signature, Buffer.from(message), publicKey.toBytes(), { prehash: true, lowS: true });
}
