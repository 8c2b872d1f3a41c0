import { createHash, createHmac } from 'node:crypto';
import * as secp from '@noble/secp256k1';

secp.hashes.sha256 = (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest());
secp.hashes.hmacSha256 = (key, bytes) => new Uint8Array(createHmac('sha256', key).update(bytes).digest());

/** A whole key, which signs as a cluster would. @param secretKey 32 bytes; random by default */
export function newSigner(secretKey = secp.utils.randomSecretKey()) {
  return {
    secretHex: secp.etc.bytesToHex(secretKey),
    /** Compressed, hexadecimal. */
    publicKey: secp.etc.bytesToHex(secp.getPublicKey(secretKey, true)),
    /** The signature string of SHA-256(message), low s. */
    sign(message: string): string {
      const compact = secp.etc.bytesToHex(secp.sign(Buffer.from(message), secretKey));
      return JSON.stringify({ r: compact.slice(0, 64), s: compact.slice(64) });
    },
  };
}

/** The same signature with q − s for s: valid for ECDSA, and malleable. */
export function highS(signature: string): string {
  const { r, s } = JSON.parse(signature) as { r: string; s: string };
  const q = secp.Point.CURVE().n;
  return JSON.stringify({ r, s: (q - BigInt(`0x${s}`)).toString(16).padStart(64, '0') });
}
