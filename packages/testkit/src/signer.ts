import { createHash, createHmac } from 'node:crypto';
import * as secp from '@noble/secp256k1';

secp.hashes.sha256 = (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest());
secp.hashes.hmacSha256 = (key, bytes) => new Uint8Array(createHmac('sha256', key).update(bytes).digest());

/** A random key that signs as a cluster would. */
export function newSigner() {
  const secretKey = secp.utils.randomSecretKey();
  return {
    publicKey: Buffer.from(secp.getPublicKey(secretKey, true)).toString('hex'),
    /** The signature string of SHA-256(message), low s. */
    sign(message: string): string {
      const compact = Buffer.from(secp.sign(Buffer.from(message), secretKey)).toString('hex');
      return JSON.stringify({ r: compact.slice(0, 64), s: compact.slice(64) });
    },
  };
}

/** The same signature in its malleable form, with q − s. */
export function highS(signature: string): string {
  const { r, s } = JSON.parse(signature) as { r: string; s: string };
  const q = secp.Point.CURVE().n;
  return JSON.stringify({ r, s: (q - BigInt(`0x${s}`)).toString(16).padStart(64, '0') });
}
