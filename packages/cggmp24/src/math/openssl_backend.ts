import { createDiffieHellman, diffieHellman, type DiffieHellman } from 'node:crypto';
import { bigintBackend } from './bigint_backend.js';
import { dhPrivateKey, dhPublicKey } from './dh_key.js';
import { bitLength, fromBytes, mod, toBytes } from './integer.js';
import type { ModularBackend, Modulus } from './modulus.js';

// Outside these lengths (bits) Node's versions differ: an error, an empty answer or a wrong one.
const MIN_BITS = 512;
const MAX_BITS = 10_000;
const ONE = Uint8Array.of(1);

/** OpenSSL's answer; undefined when it refuses, or when its answer is empty. */
function answered(ask: () => Uint8Array): bigint | undefined {
  try {
    const answer = fromBytes(ask());
    return answer === 0n ? undefined : answer;
  } catch {
    return undefined;
  }
}

/**
 * Exponentiation by OpenSSL's Diffie-Hellman: Montgomery with a fixed window, so the time depends on the
 * exponent's number of 64-bit words alone (conversions from and to bigint are not constant-time).
 */
class OpensslModulus implements Modulus {
  #dh: DiffieHellman | undefined;
  readonly #fallback: Modulus;

  constructor(readonly value: bigint) {
    this.#fallback = bigintBackend.modulus(value);
  }

  pow(base: bigint, exponent: bigint): bigint {
    if (exponent < 0n) throw new RangeError('negative exponent');
    const b = mod(base, this.value);
    // In these cases Diffie-Hellman refuses, or its answer is empty.
    if (exponent === 0n) return 1n;
    if (b <= 1n || exponent === 1n) return b;
    if (b === this.value - 1n) return (exponent & 1n) === 0n ? 1n : b;
    return this.#secret(b, exponent) ?? this.#viaPredecessor(b, exponent);
  }

  powWith(exponent: bigint): (base: bigint) => bigint {
    if (exponent <= 0n) throw new RangeError('no positive exponent');
    const privateKey = dhPrivateKey(this.value, exponent);
    return (base) => {
      const publicKey = dhPublicKey(this.value, mod(base, this.value));
      // `pow` knows what to do with a base that Diffie-Hellman refuses.
      return answered(() => diffieHellman({ privateKey, publicKey })) ?? this.pow(base, exponent);
    };
  }

  /** Diffie-Hellman has no answer when the power is 1 or -1. The power before that is another number, and is multiplied by the base. */
  #viaPredecessor(b: bigint, exponent: bigint): bigint {
    const before = this.#secret(b, exponent - 1n);
    return before === undefined ? this.#fallback.pow(b, exponent) : (before * b) % this.value;
  }

  #secret(b: bigint, exponent: bigint): bigint | undefined {
    const dh = (this.#dh ??= createDiffieHellman(toBytes(this.value), 2));
    const key = toBytes(exponent);
    try {
      return answered(() => {
        dh.setPrivateKey(key);
        return dh.computeSecret(toBytes(b));
      });
    } finally {
      key.fill(0);
      dh.setPrivateKey(ONE);
    }
  }
}

export const opensslBackend: ModularBackend = {
  name: 'openssl',
  modulus(value) {
    const bits = bitLength(value);
    const suitable = (value & 1n) === 1n && bits >= MIN_BITS && bits <= MAX_BITS;
    return suitable ? new OpensslModulus(value) : bigintBackend.modulus(value);
  },
};

/**
 * Compares with bigint on composite moduli, short and long exponents and the edges named above.
 * OpenSSL never promised this use of Diffie-Hellman, so it is tested before it is trusted.
 * @returns null, or which case differs
 */
export function opensslSelfTest(backend: ModularBackend = opensslBackend): string | null {
  // Modulo 2^512 + 1 the powers 512 and 1024 of 2 are -1 and 1.
  for (const m of [(1n << 512n) - (1n << 312n) + 0x61n, (1n << 512n) + 1n, (1n << 1024n) - (1n << 824n) + 0x61n]) {
    const ours = backend.modulus(m);
    const reference = bigintBackend.modulus(m);
    const bases = [0n, 1n, 2n, m - 1n, m - 2n, m + 5n, (m * 2n) / 3n];
    const exponents = [0n, 1n, 2n, 3n, 512n, 1024n, 0xffff_ffff_ffff_ffff_ffffn, (m * 3n) / 5n, m * 3n + 1n];
    for (const [k, exponent] of exponents.entries()) {
      const powWith = exponent === 0n ? undefined : ours.powWith(exponent);
      for (const [i, base] of bases.entries()) {
        const power = reference.pow(base, exponent);
        const agree = ours.pow(base, exponent) === power && (powWith === undefined || powWith(base) === power);
        if (!agree) return `${bitLength(m)}-bit modulus, base ${i}, exponent ${k}`;
      }
    }
  }
  return null;
}
