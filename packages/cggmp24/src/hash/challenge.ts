/**
 * How a transcript becomes a challenge. All Fiat-Shamir derivations are here, and nowhere else: when a later
 * version of the crate derives them differently, a second set of these functions is added here.
 */
import { GROUP_ORDER, type Scalar } from '../math/curve.js';
import { fromBytes } from '../math/integer.js';
import type { Encoding } from './encoding.js';
import { HashRng } from './hash_rng.js';

/** A non-zero scalar: 32 bytes big-endian, drawn again while not below q. */
export function scalarChallenge(seed: Encoding): Scalar {
  const rng = new HashRng(seed);
  for (;;) {
    const candidate = fromBytes(rng.bytes(32));
    if (candidate > 0n && candidate < GROUP_ORDER) return candidate;
  }
}

/** An integer of absolute value at most range / 2. */
export function halfRangeChallenge(seed: Encoding, range: bigint): bigint {
  const half = range / 2n;
  return new HashRng(seed).below(2n * half + 1n) - half;
}

/** Challenge of Pi^enc-elg and Pi^aff-g: within +-(q-1)/2. */
export function signedScalarChallenge(seed: Encoding): bigint {
  return halfRangeChallenge(seed, GROUP_ORDER);
}

/** `count` units modulo n from one generator, so that each differs. */
export function unitsChallenge(seed: Encoding, n: bigint, count: number): bigint[] {
  return new HashRng(seed).units(n, count);
}

/**
 * `count` bits. Bit k is bit k mod 32, least significant first, of the (k div 32)-th word.
 *
 * @param firstWordOnly the Rust crate's form: only the first word is drawn, and all later bits are 0. Such a
 *   proof has soundness 2^-32 at best; it is for mixed clusters only.
 */
export function bitsChallenge(seed: Encoding, count: number, firstWordOnly: boolean): boolean[] {
  const rng = new HashRng(seed);
  const words = Array.from({ length: Math.ceil(count / 32) }, (_, k) => (k > 0 && firstWordOnly ? 0 : rng.nextU32()));
  return words.flatMap((word) => Array.from({ length: 32 }, (_, k) => ((word >>> k) & 1) === 1)).slice(0, count);
}
