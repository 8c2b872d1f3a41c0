import { bitLength, toBytesPadded } from '../../src/math/integer.js';
import { systemRng, type Rng } from '../../src/math/random.js';

/** Draws of one length, in order; null is left to chance, and so is everything after the last. */
export type Script = ReadonlyMap<number, readonly (Uint8Array | null)[]>;

/** Gives out what a recorded party drew, told apart by the length that is asked for. */
export function scriptedRng(script: Script): Rng {
  const used = new Map<number, number>();
  return (length) => {
    const k = used.get(length) ?? 0;
    used.set(length, k + 1);
    return Uint8Array.from(script.get(length)?.[k] ?? systemRng(length));
  };
}

/** The bytes of which `randomScalar` makes x. */
export function scalarDraw(x: bigint): Uint8Array {
  return toBytesPadded(x - 1n, 32);
}

/** The bytes of which `randomBelow(bound)` makes x. */
export function drawBelow(bound: bigint, x: bigint): Uint8Array {
  const bits = bitLength(bound - 1n);
  return toBytesPadded(x << BigInt((8 - (bits % 8)) % 8), Math.ceil(bits / 8));
}

/** The bytes of which `randomHalfRange(range)` makes x. */
export function halfRangeDraw(range: bigint, x: bigint): Uint8Array {
  return drawBelow(2n * (range / 2n) + 1n, x + range / 2n);
}
