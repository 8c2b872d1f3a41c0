import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { isPoint, verify as verifyWithLibrary } from '#secp256k1';
import { Bytes, Bytes32, checkArgument, fields, Integer } from './base/arguments.js';
import { InvalidArgument } from './base/errors.js';
import { decodePoint, encodePoint, G, GROUP_ORDER, invertScalar, multiplyPublic, PointShape, toScalar, type Point } from './math/curve.js';
import { fromBytes } from './math/integer.js';

/** A secp256k1 ECDSA signature. Ours are always low-s: `s <= q/2`. */
export interface Signature {
  readonly r: bigint;
  readonly s: bigint;
}

/** A point, or its SEC1 encoding: 33 bytes (compressed) or 65. */
export type PublicKey = Point | Uint8Array;

/** How a message becomes the 32 bytes that are signed. `sha256d` is SHA-256 of SHA-256, as in Bitcoin; `keccak256` is Ethereum's. */
export const MESSAGE_HASHES = ['sha256', 'sha256d', 'keccak256'] as const;
export type MessageHash = (typeof MESSAGE_HASHES)[number];

/** A signature as text: lower-case hexadecimal. */
export interface SignatureEncodings {
  /** 64 digits. */
  readonly r: string;
  /** 64 digits; never more than q/2. */
  readonly s: string;
  /** ASN.1: what OpenSSL, X.509 and Bitcoin take. */
  readonly der: string;
  /** r and s one after the other, 128 digits: what JWT and most libraries take. */
  readonly compact: string;
}

/** The forms in which programs expect a signature. */
export interface SignatureForms extends SignatureEncodings {
  /** Which of the up to four keys that fit `r` and `s` has signed, from 0 to 3. Ethereum's v is 27 or more above. */
  readonly recoveryId: number;
}

const SignatureShape = fields({ r: Integer, s: Integer });
const PublicKeyShape = PointShape.refine((P) => !P.is0(), 'must not be the point at infinity');
/** With a digest of 0, whoever knows the public key makes a valid signature. */
export const DigestShape = Bytes32.refine(
  (digest) => toScalar(fromBytes(digest)) !== 0n,
  'must not be zero modulo the group order: anybody can sign that',
);

export const MessageHashShape = z.enum(MESSAGE_HASHES, { error: `must be one of ${MESSAGE_HASHES.join(', ')}` });

const HASHES: Record<MessageHash, (message: Uint8Array) => Uint8Array> = {
  sha256,
  sha256d: (message) => sha256(sha256(message)),
  keccak256: keccak_256,
};

/**
 * The 32 bytes that are signed of a message.
 * @throws InvalidArgument
 */
export function hashMessage(message: Uint8Array, hash: MessageHash = 'sha256'): Uint8Array {
  checkArgument('message', Bytes, message);
  checkArgument('hash', MessageHashShape, hash);
  return HASHES[hash](message);
}

/** @throws InvalidArgument when it is no point of the curve */
function sec1(publicKey: PublicKey): Uint8Array {
  if (!(publicKey instanceof Uint8Array)) {
    checkArgument('publicKey', PublicKeyShape, publicKey);
    return encodePoint(publicKey, true);
  }
  const [form = 0] = publicKey;
  // libsecp256k1 would also take the hybrid forms.
  const isSec1 = publicKey.length === 33 ? form === 2 || form === 3 : publicKey.length === 65 && form === 4;
  if (!isSec1) throw new InvalidArgument('publicKey', 'must be a point in SEC1, 33 or 65 bytes');
  if (!isPoint(publicKey)) throw new InvalidArgument('publicKey', 'not a point of secp256k1');
  return publicKey;
}

/** @throws InvalidArgument when it is no point of the curve, or the one at infinity */
export function publicPoint(publicKey: PublicKey): Point {
  return decodePoint(sec1(publicKey));
}

function isInRange({ r, s }: Signature): boolean {
  return r > 0n && r < GROUP_ORDER && s > 0n && s <= GROUP_ORDER / 2n;
}

function encode({ r, s }: Signature, form: 'compact' | 'der'): Uint8Array {
  return new secp256k1.Signature(r, s).toBytes(form);
}

function isSigned(signature: Signature, publicKey: PublicKey, digest: Uint8Array): boolean {
  const key = sec1(publicKey);
  return isInRange(signature) && verifyWithLibrary(digest, key, encode(signature, 'compact'), true);
}

/**
 * Does `signature` sign SHA-256(`message`) under `publicKey`? High-s forms are refused as malleable.
 *
 * @param message the bytes to be hashed with SHA-256, not a digest
 * @throws InvalidArgument when `publicKey` is not a point of the curve, or another argument is of another type
 */
export function verify(signature: Signature, publicKey: PublicKey, message: Uint8Array): boolean {
  checkArgument('signature', SignatureShape, signature);
  checkArgument('message', Bytes, message);
  return isSigned(signature, publicKey, sha256(message));
}

/**
 * `verify` for 32 bytes that are signed as they are.
 * @throws InvalidArgument as `verify`, and when the digest is zero modulo the group order
 */
export function verifyDigest(signature: Signature, publicKey: PublicKey, digest: Uint8Array): boolean {
  checkArgument('signature', SignatureShape, signature);
  checkArgument('digest', DigestShape, digest);
  return isSigned(signature, publicKey, digest);
}

/** R = (digest G + r X) / s: the point whose x-coordinate is r. */
function noncePoint({ r, s }: Signature, publicKey: Point, digest: Uint8Array): Point {
  const inverse = invertScalar(s);
  return multiplyPublic(G, fromBytes(digest) * inverse).add(multiplyPublic(publicKey, r * inverse));
}

/** @throws InvalidArgument when no low-s signature has these numbers */
export function signatureEncodings(signature: Signature): SignatureEncodings {
  checkArgument('signature', SignatureShape, signature);
  if (!isInRange(signature)) throw new InvalidArgument('signature', 'r must be from 1 to q - 1, and s from 1 to q/2');
  const compact = bytesToHex(encode(signature, 'compact'));
  return { r: compact.slice(0, 64), s: compact.slice(64), der: bytesToHex(encode(signature, 'der')), compact };
}

/**
 * A valid signature in the forms that programs expect.
 * @param digest what was signed: of a message, SHA-256
 * @throws InvalidArgument when the signature is not valid
 */
export function signatureForms(signature: Signature, publicKey: PublicKey, digest: Uint8Array): SignatureForms {
  if (!verifyDigest(signature, publicKey, digest)) throw new InvalidArgument('signature', 'does not sign the digest under the public key');
  const { x, y } = noncePoint(signature, publicPoint(publicKey), digest).toAffine();
  return { ...signatureEncodings(signature), recoveryId: Number(y & 1n) + (x >= GROUP_ORDER ? 2 : 0) };
}
