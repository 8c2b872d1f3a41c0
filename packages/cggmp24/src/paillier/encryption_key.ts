import { invert, mod } from '../math/integer.js';
import { modulus, powSigned } from '../math/modular.js';
import type { Modulus } from '../math/modulus.js';
import { randomUnit, type Rng } from '../math/random.js';
import { checkUnits } from '../math/units.js';

/** How N-th powers and powers modulo N and N^2 are computed: with N alone, or with its factors. */
export interface PaillierArithmetic {
  readonly modN: Modulus;
  readonly modNN: Modulus;
  /** r^N mod N^2. */
  nthPower(r: bigint): bigint;
  sampleNonce(rng: Rng): NonceWithPower;
}

/** A nonce r in Z*_N and r^N mod N^2. */
export interface NonceWithPower {
  readonly nonce: bigint;
  readonly power: bigint;
}

/**
 * A Paillier public key, and what it can do: Enc(x; r) = (1 + N)^x r^N mod N^2 for |x| <= N/2.
 * The owner's instance computes with the factors, faster and with the same results.
 */
export class EncryptionKey {
  /** Largest absolute value of a plaintext: floor(N / 2). */
  readonly halfN: bigint;
  readonly nn: bigint;
  #arithmetic: PaillierArithmetic | undefined;

  constructor(
    readonly n: bigint,
    arithmetic?: PaillierArithmetic,
  ) {
    this.nn = n * n;
    this.halfN = n / 2n;
    this.#arithmetic = arithmetic;
  }

  get #fast(): PaillierArithmetic {
    return (this.#arithmetic ??= plainArithmetic(this.n, this.nn));
  }

  /** Z_N. */
  get modN(): Modulus {
    return this.#fast.modN;
  }

  /** Z_N^2. */
  get modNN(): Modulus {
    return this.#fast.modNN;
  }

  /** Uniform in Z*_N, with its N-th power. */
  sampleNonce(rng: Rng): NonceWithPower {
    return this.#fast.sampleNonce(rng);
  }

  /**
   * Enc(x; nonce), |x| <= N/2, nonce in Z*_N.
   * @param power nonce^N mod N^2, where it is known
   */
  encryptWith(x: bigint, nonce: bigint, power = this.#fast.nthPower(nonce)): bigint {
    if (x > this.halfN || x < -this.halfN) throw new RangeError('plaintext exceeds N/2');
    return (this.#onePlusN(x) * power) % this.nn;
  }

  /** A fresh encryption of x with its nonce. */
  encrypt(x: bigint, rng: Rng): { ciphertext: bigint; nonce: bigint } {
    const { nonce, power } = this.sampleNonce(rng);
    return { ciphertext: this.encryptWith(x, nonce, power), nonce };
  }

  /** (1 + N)^x mod N^2. */
  #onePlusN(x: bigint): bigint {
    return 1n + mod(x, this.n) * this.n;
  }

  /** The ciphertext of a sum. */
  add(c1: bigint, c2: bigint): bigint {
    return (c1 * c2) % this.nn;
  }

  /** The ciphertext of a plaintext that is greater by x, with the same nonce: c (1 + N)^x. */
  shift(c: bigint, x: bigint): bigint {
    return this.add(c, this.#onePlusN(x));
  }

  /** The ciphertext of k times the plaintext, for k of either sign; `inverse` is c^-1 mod N^2. */
  scaleWith(k: bigint, c: bigint, inverse: bigint): bigint {
    return powSigned(this.#fast.modNN, c, inverse, k);
  }

  /** The ciphertext of k times the plaintext. The inverse is always made, so that the time does not depend on the sign of k. */
  scale(k: bigint, c: bigint): bigint {
    return this.scaleWith(k, c, this.inverse(c));
  }

  /** c^-1 mod N^2, for `scaleWith`. */
  inverse(c: bigint): bigint {
    return invert(c, this.nn);
  }

  /** Throws `InvalidProof` naming the first element that is no ciphertext. */
  checkCiphertexts(elements: Readonly<Record<string, bigint>>): void {
    checkUnits('Z*_N^2', this.n, this.nn, elements);
  }

  /** Throws `InvalidProof` naming the first element that is no valid nonce. */
  checkNonces(elements: Readonly<Record<string, bigint>>): void {
    checkUnits('Z*_N', this.n, this.n, elements);
  }
}

/** Computes with N alone. */
export function sampleUnit(n: bigint, nthPower: (r: bigint) => bigint, rng: Rng): NonceWithPower {
  const nonce = randomUnit(n, rng);
  return { nonce, power: nthPower(nonce) };
}

function plainArithmetic(n: bigint, nn: bigint): PaillierArithmetic {
  const modNN = modulus(nn);
  const nthPower = (r: bigint): bigint => modNN.pow(r, n);
  return { modN: modulus(n), modNN, nthPower, sampleNonce: (rng) => sampleUnit(n, nthPower, rng) };
}
