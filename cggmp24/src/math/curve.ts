import type { WeierstrassPoint } from '@noble/curves/abstract/weierstrass.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { GROUP_ORDER } from '../ecdsa.js';
import { abs, mod } from './integer.js';

export type Point = WeierstrassPoint<bigint>;
/** An integer modulo q, always kept in [0, q). */
export type Scalar = bigint;

const { Point: Curve } = secp256k1;
export const G: Point = Curve.BASE;
export const INFINITY: Point = Curve.ZERO;

/** The scalar congruent to any integer. */
export function toScalar(x: bigint): Scalar {
  return mod(x, GROUP_ORDER);
}

/** The representative of a scalar within +-(q-1)/2. */
export function toSigned(x: Scalar): bigint {
  return x > GROUP_ORDER / 2n ? x - GROUP_ORDER : x;
}

export function invertScalar(x: Scalar): Scalar {
  return Curve.Fn.inv(x);
}

/** x P in constant time (as far as bigint goes); for secret x. */
export function multiply(P: Point, x: Scalar): Point {
  return x === 0n || P.is0() ? INFINITY : P.multiply(x);
}

/** x P in variable time; for public x, of either sign and any size. */
export function multiplyPublic(P: Point, x: bigint): Point {
  const y = abs(x) % GROUP_ORDER;
  const product = P.multiplyUnsafe(y);
  return x < 0n ? product.negate() : product;
}

export function sumPoints(points: Iterable<Point>): Point {
  let sum = INFINITY;
  for (const P of points) sum = sum.add(P);
  return sum;
}

export function sumScalars(scalars: Iterable<Scalar>): Scalar {
  let sum = 0n;
  for (const x of scalars) sum += x;
  return toScalar(sum);
}

/**
 * SEC1, uncompressed (65 bytes) or compressed (33); infinity is that many zero bytes.
 */
export function encodePoint(P: Point, compressed: boolean): Uint8Array {
  return P.is0() ? new Uint8Array(compressed ? 33 : 65) : P.toBytes(compressed);
}

/** Inverse of `encodePoint`. @throws when the bytes are no point of the curve */
export function decodePoint(bytes: Uint8Array): Point {
  return bytes.every((b) => b === 0) && (bytes.length === 33 || bytes.length === 65) ? INFINITY : Curve.fromBytes(bytes);
}
