import { randomBytes } from '@noble/hashes/utils.js';
import { GROUP_ORDER } from './curve.js';
import { Callback, checkArgument } from '../base/arguments.js';
import { InvalidArgument } from '../base/errors.js';
import { bitLength, fromBytes, gcd } from './integer.js';

/** A source of `length` uniformly random bytes. Everything secret comes from one of these. */
export type Rng = (length: number) => Uint8Array;

/** The operating system's generator. @throws InvalidArgument */
export const systemRng: Rng = (length) => {
  if (!Number.isSafeInteger(length) || length < 0) throw new InvalidArgument('length', 'must be an integer of at least 0');
  return randomBytes(length);
};

/** A caller's generator, with a check of each answer's length. @throws InvalidArgument, also later when an answer has another length */
export function checkedRng(rng: Rng): Rng {
  checkArgument('rng', Callback, rng);
  return (length) => {
    const bytes: unknown = rng(length);
    if (bytes instanceof Uint8Array && bytes.length === length) return bytes;
    throw new InvalidArgument('rng', `must give a Uint8Array of the ${length} bytes that it was asked for`);
  };
}

/** Uniform in [0, bound), bound > 0, by rejection. */
export function randomBelow(bound: bigint, rng: Rng): bigint {
  const bits = bitLength(bound - 1n);
  const excess = BigInt((8 - (bits % 8)) % 8);
  for (;;) {
    const candidate = fromBytes(rng(Math.ceil(bits / 8))) >> excess;
    if (candidate < bound) return candidate;
  }
}

/** Uniform among the integers of absolute value at most range / 2. */
export function randomHalfRange(range: bigint, rng: Rng): bigint {
  const half = range / 2n;
  return randomBelow(2n * half + 1n, rng) - half;
}

/** Uniform in Z*_n, n > 1. */
export function randomUnit(n: bigint, rng: Rng): bigint {
  for (;;) {
    const candidate = randomBelow(n, rng);
    // A gcd takes variable time, and the candidate may become a secret. So the gcd is that of a random multiple.
    const blinded = (candidate * fromBytes(rng(16))) % n;
    if (gcd(blinded, n) === 1n) return candidate;
  }
}

/** Uniform in [1, q). */
export function randomScalar(rng: Rng): bigint {
  return 1n + randomBelow(GROUP_ORDER - 1n, rng);
}
