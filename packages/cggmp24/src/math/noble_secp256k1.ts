/**
 * The part of `tiny-secp256k1` that this package uses, without WebAssembly. Bundlers take it instead (`imports` in package.json),
 * because that package reads a file that no bundle has. Multiples of points take about four times as long.
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
