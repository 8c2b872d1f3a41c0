/**
 * The part of `tiny-secp256k1` that this package uses, without WebAssembly. Bundlers take it instead (`imports` in package.json),
 * because that package reads a file that no bundle has. All of it takes about four times as long.
 */
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { fromBytes } from './integer.js';

const { Point } = secp256k1;

/** d G in constant time as far as bigint goes. @param d 32 bytes, from 1 to q - 1 */
export function pointFromScalar(d: Uint8Array, compressed = true): Uint8Array | null {
  return Point.BASE.multiply(fromBytes(d)).toBytes(compressed);
}

/** tweak P in variable time. @param tweak 32 bytes, from 1 to q - 1 */
export function pointMultiply(P: Uint8Array, tweak: Uint8Array, compressed = P.length === 33): Uint8Array | null {
  return Point.fromBytes(P).multiplyUnsafe(fromBytes(tweak)).toBytes(compressed);
}

/** Are these bytes, 33 or 65, the SEC1 encoding of a point of the curve? */
export function isPoint(p: Uint8Array): boolean {
  try {
    Point.fromBytes(p);
    return true;
  } catch {
    return false;
  }
}

/**
 * Does a signature sign a digest?
 * @param h 32 bytes, the digest
 * @param Q a point in SEC1
 * @param signature 64 bytes: r and s, both below the group order
 * @param strict is a high s refused?
 */
export function verify(h: Uint8Array, Q: Uint8Array, signature: Uint8Array, strict = false): boolean {
  return secp256k1.verify(signature, h, Q, { prehash: false, lowS: strict });
}
