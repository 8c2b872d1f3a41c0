import { createHash, createHmac } from 'node:crypto';
import type { Payload } from 'message-board/contract';
import * as secp from '@noble/secp256k1';

secp.hashes.sha256 = (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest());
secp.hashes.hmacSha256 = (key, bytes) => new Uint8Array(createHmac('sha256', key).update(bytes).digest());

/** OpenSSL's hashes: those of the nodes are from another library. */
const digestOf = (name: string, bytes: Uint8Array): Buffer => createHash(name).update(bytes).digest();

/** The 32 bytes that are signed of a request; of a text that is all there is, SHA-256. */
export function signedBytes(asked: string | Payload): Buffer {
  const { message, kind, hash }: Payload = typeof asked === 'string' ? { message: asked } : asked;
  const bytes = Buffer.from(message, kind === undefined ? 'utf8' : 'hex');
  if (kind === 'digest') return bytes;
  if (hash === 'keccak256') return digestOf('keccak-256', bytes);
  return hash === 'sha256d' ? digestOf('sha256', digestOf('sha256', bytes)) : digestOf('sha256', bytes);
}

/** A DER integer: no needless zeros, and one before a first bit that is set. */
function derInteger(hex: string): string {
  const short = hex.replace(/^(00)+/, '');
  const value = Number.parseInt(short.slice(0, 2), 16) >= 0x80 ? `00${short}` : short;
  return `02${(value.length / 2).toString(16).padStart(2, '0')}${value}`;
}

/** A whole key, which signs as a cluster would. @param secretKey 32 bytes; random by default */
export function newSigner(secretKey = secp.utils.randomSecretKey()) {
  return {
    secretHex: secp.etc.bytesToHex(secretKey),
    /** Compressed, hexadecimal. */
    publicKey: secp.etc.bytesToHex(secp.getPublicKey(secretKey, true)),
    /** The signature string of what a request has signed, low s. */
    sign(asked: string | Payload): string {
      const { r, s } = this.forms(asked);
      return JSON.stringify({ r, s });
    },
    /** The same signature in all forms of the gateway's answers. */
    forms(asked: string | Payload) {
      const signed = secp.sign(signedBytes(asked), secretKey, { prehash: false, format: 'recovered' });
      const compact = secp.etc.bytesToHex(signed.subarray(1));
      const [r, s] = [compact.slice(0, 64), compact.slice(64)];
      const integers = derInteger(r) + derInteger(s);
      return { r, s, recovery_id: signed[0], compact, der: `30${(integers.length / 2).toString(16)}${integers}` };
    },
  };
}

/** The same signature with q − s for s: valid for ECDSA, and malleable. */
export function highS(signature: string): string {
  const { r, s } = JSON.parse(signature) as { r: string; s: string };
  const q = secp.Point.CURVE().n;
  return JSON.stringify({ r, s: (q - BigInt(`0x${s}`)).toString(16).padStart(64, '0') });
}
