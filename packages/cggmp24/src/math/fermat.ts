import { bigintBackend } from './bigint_backend.js';
import { rsaPower } from './rsa_power.js';

/** 2^(n-1) mod n for odd n > 3. */
export type PowerOfTwo = (n: bigint) => bigint;

export const bigintPowerOfTwo: PowerOfTwo = (n) => bigintBackend.modulus(n).pow(2n, n - 1n);

/**
 * Over ten times as fast as bigint. `checkPrime` rejects a composite as fast, but takes 64 rounds for a prime, and one
 * candidate in forty has a prime q and a composite 2q + 1.
 */
export const opensslPowerOfTwo: PowerOfTwo = (n) => rsaPower(n, n - 1n)(2n);

/** Does `candidate` answer as bigint does for n of about `bits` bits? An error is a no. */
export function agreesWithBigint(candidate: PowerOfTwo, bits: number): boolean {
  const length = BigInt(bits);
  const prime = (1n << 521n) - 1n;
  try {
    return [(1n << length) - 1n, ((5n << length) / 7n) | 1n, prime].every((n) => candidate(n) === bigintPowerOfTwo(n));
  } catch {
    return false;
  }
}

/**
 * The fastest way for n of `bits` bits. OpenSSL never promised this use, so it is tested before it is trusted; beyond
 * 3072 bits it refuses exponents of that length.
 */
export function powerOfTwo(bits: number, fast: PowerOfTwo = opensslPowerOfTwo): PowerOfTwo {
  return agreesWithBigint(fast, bits) ? fast : bigintPowerOfTwo;
}
