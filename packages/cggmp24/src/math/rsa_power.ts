import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { bitLength, fromBytes, toBytes, toBytesPadded } from './integer.js';
import { modulus } from './modular.js';

function base64url(x: bigint): string {
  return Buffer.from(toBytes(x)).toString('base64url');
}

/**
 * base^exponent mod n as an RSA public operation without padding, in variable time: only for public numbers, and for candidates
 * of a search for primes. OpenSSL never promised this use: test it before you trust it.
 *
 * @param n odd, of at most 3072 bits; beyond that OpenSSL refuses long exponents
 * @param exponent below n
 * @returns the power of a base below n
 */
export function rsaPower(n: bigint, exponent: bigint): (base: bigint) => bigint {
  const key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', n: base64url(n), e: base64url(exponent) } });
  const length = Math.ceil(bitLength(n) / 8);
  return (base) => fromBytes(publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, toBytesPadded(base, length)));
}

/** z^n mod n for public units z. */
export type SelfPower = (z: bigint) => bigint;

function viaModulus(n: bigint): SelfPower {
  const ring = modulus(n);
  return (z) => ring.pow(z, n);
}

/** By RSA, whose exponent has to be less than n: 8% faster than by Diffie-Hellman, and OpenSSL does not test n first. */
export function viaRsa(n: bigint): SelfPower {
  const power = rsaPower(n, n - 2n);
  return (z) => (((power(z) * z) % n) * z) % n;
}

/** Does `candidate` answer as {@link modulus} does for n of `bits` bits? An error is a no. */
export function agreesWithModulus(candidate: (n: bigint) => SelfPower, bits: number): boolean {
  const length = BigInt(bits);
  try {
    return [(1n << length) - 1n, ((5n << length) / 7n) | 1n].every((n) => {
      const [power, expected] = [candidate(n), viaModulus(n)];
      return [2n, n / 3n].every((z) => power(z) === expected(z));
    });
  } catch {
    return false;
  }
}

const agreements = new Map<number, boolean>();

/** The fastest way for this odd n, tested on its first use for this length. @returns a function of units below n */
export function selfPower(n: bigint): SelfPower {
  const bits = bitLength(n);
  const agrees = agreements.get(bits) ?? agreesWithModulus(viaRsa, bits);
  agreements.set(bits, agrees);
  return agrees ? viaRsa(n) : viaModulus(n);
}
