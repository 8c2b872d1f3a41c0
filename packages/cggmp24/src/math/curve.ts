import type { WeierstrassPoint } from '@noble/curves/abstract/weierstrass.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { pointFromScalar, pointMultiply } from '#secp256k1';
import { z } from 'zod';
import { Natural } from '../base/arguments.js';
import { InvalidArgument, ProtocolBug } from '../base/errors.js';
import { mod, toBytesPadded } from './integer.js';

/** Order of the secp256k1 group (256 bits). */
export const GROUP_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

export type Point = WeierstrassPoint<bigint>;
/** An integer modulo q, always kept in [0, q). */
export type Scalar = bigint;

const { Point: Curve } = secp256k1;
export const G: Point = Curve.BASE;
export const INFINITY: Point = Curve.ZERO;

/** For checking arguments. */
export const PointShape = z.custom<Point>(
  (value) => value instanceof Curve,
  'must be a point of secp256k1, as parseCoreKeyShare and derive give it',
);
export const ScalarShape = Natural.refine((x) => x < GROUP_ORDER, 'must be below the group order');

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

/** libsecp256k1's answer as a point, after a check that it is on the curve. It gives no answer for infinity. */
function answered(bytes: Uint8Array | null): Point {
  if (bytes === null) throw new ProtocolBug('libsecp256k1 has not answered');
  return Curve.fromBytes(bytes);
}

/** x G in constant time. libsecp256k1 takes a quarter of the time of noble. */
function multiplyBase(x: Scalar): Point {
  const scalar = toBytesPadded(x, 32);
  const product = answered(pointFromScalar(scalar, false));
  scalar.fill(0);
  return product;
}

/**
 * x P for secret x, in constant time as far as WebAssembly (for P = G) and bigint (for other points) allow. Other points than G
 * take over 20 times as long.
 */
export function multiply(P: Point, x: Scalar): Point {
  if (x === 0n || P.is0()) return INFINITY;
  return P === G ? multiplyBase(x) : P.multiply(x);
}

/**
 * x P + y G in constant time, for secret x and y.
 * @param log the discrete logarithm of P, where it is known: the sum is then one multiple of G, which is much faster
 */
export function multiplyAdd(P: Point, x: Scalar, y: Scalar, log?: Scalar): Point {
  return log === undefined ? multiply(P, x).add(multiply(G, y)) : multiply(G, toScalar(log * x + y));
}

/** x P in variable time; for public x, of either sign and any size. */
export function multiplyPublic(P: Point, x: bigint): Point {
  const y = toScalar(x);
  if (y === 0n || P.is0()) return INFINITY;
  return P === G ? multiplyBase(y) : answered(pointMultiply(P.toBytes(false), toBytesPadded(y, 32), false));
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
 * @throws InvalidArgument
 */
export function encodePoint(P: Point, compressed: boolean): Uint8Array {
  if (!(P instanceof Curve)) throw new InvalidArgument('P', 'must be a point of secp256k1');
  // A caller without types can forget the argument. It must not get a form that it did not choose.
  if (typeof compressed !== 'boolean') throw new InvalidArgument('compressed', 'must be a boolean');
  return P.is0() ? new Uint8Array(compressed ? 33 : 65) : P.toBytes(compressed);
}

/** Inverse of `encodePoint`. @throws when the bytes are no point of the curve */
export function decodePoint(bytes: Uint8Array): Point {
  return bytes.every((b) => b === 0) && (bytes.length === 33 || bytes.length === 65) ? INFINITY : Curve.fromBytes(bytes);
}
