import { verifyAsync } from '@noble/secp256k1';
import type { SignedMessage } from './running_cluster.js';
import { SignatureSchema } from './schemas.js';

/**
 * Does a signature, JSON of r and s, sign SHA-256 of the message's UTF-8 bytes on secp256k1?
 * @param publicKey compressed, hexadecimal
 */
export function isValid({ message, signature }: Pick<SignedMessage, 'message' | 'signature'>, publicKey: string): Promise<boolean> {
  const { r, s } = SignatureSchema.parse(JSON.parse(signature));
  return verifyAsync(Buffer.from(r + s, 'hex'), Buffer.from(message), Buffer.from(publicKey, 'hex'), { prehash: true });
}
