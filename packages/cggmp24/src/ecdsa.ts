import { createPublicKey, ECDH, verify as verifyWithNode, type KeyObject } from 'node:crypto';
import { Bytes, checkArgument, fields, Integer } from './base/arguments.js';
import { InvalidArgument } from './base/errors.js';
import { encodePoint, GROUP_ORDER, PointShape, type Point } from './math/curve.js';

/** A secp256k1 ECDSA signature. Ours are always low-s: `s <= q/2`. */
export interface Signature {
  readonly r: bigint;
  readonly s: bigint;
}

/** A point, or its SEC1 encoding: 33 bytes (compressed) or 65. */
export type PublicKey = Point | Uint8Array;

const SignatureShape = fields({ r: Integer, s: Integer });
const PublicKeyShape = PointShape.refine((P) => !P.is0(), 'must not be the point at infinity');

/** @throws InvalidArgument when it is neither a point nor bytes */
function sec1(publicKey: PublicKey): Uint8Array {
  if (publicKey instanceof Uint8Array) return publicKey;
  checkArgument('publicKey', PublicKeyShape, publicKey);
  return encodePoint(publicKey, true);
}

function uncompress(publicKey: Uint8Array): Buffer {
  const [form = 0] = publicKey;
  // OpenSSL would also take infinity and the hybrid forms.
  const isSec1 = publicKey.length === 33 ? form === 2 || form === 3 : publicKey.length === 65 && form === 4;
  if (!isSec1) throw new InvalidArgument('publicKey', 'must be a point in SEC1, 33 or 65 bytes');
  try {
    return ECDH.convertKey(publicKey, 'secp256k1', undefined, undefined, 'uncompressed') as Buffer;
  } catch {
    throw new InvalidArgument('publicKey', 'not a point of secp256k1');
  }
}

/** The key of the last verification. Most callers verify under one key many times, and making its object takes as long as verifying. */
let lastKey: { readonly bytes: Buffer; readonly key: KeyObject } | undefined;

function keyObject(publicKey: Uint8Array): KeyObject {
  if (lastKey?.bytes.equals(publicKey) !== true) lastKey = { bytes: Buffer.from(publicKey), key: newKeyObject(publicKey) };
  return lastKey.key;
}

function newKeyObject(publicKey: Uint8Array): KeyObject {
  const uncompressed = uncompress(publicKey);
  return createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'secp256k1',
      x: uncompressed.subarray(1, 33).toString('base64url'),
      y: uncompressed.subarray(33).toString('base64url'),
    },
  });
}

function bytes32(x: bigint): Buffer {
  return Buffer.from(x.toString(16).padStart(64, '0'), 'hex');
}

/**
 * Does `signature` sign SHA-256(`message`) under `publicKey`? High-s forms are refused as malleable.
 *
 * Uses OpenSSL, about five times faster than a JavaScript verifier; all inputs are public.
 *
 * @param message the bytes to be hashed with SHA-256, not a digest
 * @throws InvalidArgument when `publicKey` is not a point of the curve, or another argument is of another type
 */
export function verify(signature: Signature, publicKey: PublicKey, message: Uint8Array): boolean {
  checkArgument('signature', SignatureShape, signature);
  checkArgument('message', Bytes, message);
  const key = keyObject(sec1(publicKey));
  const { r, s } = signature;
  if (r <= 0n || r >= GROUP_ORDER || s <= 0n || s > GROUP_ORDER / 2n) return false;
  return verifyWithNode('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, Buffer.concat([bytes32(r), bytes32(s)]));
}
