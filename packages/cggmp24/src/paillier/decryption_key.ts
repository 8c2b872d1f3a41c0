import { inspectSymbol } from '../base/inspect.js';
import { CrtModulus, powReduced, primeField, primeSquare, type PrimePower } from '../math/crt.js';
import { invert, mod } from '../math/integer.js';
import type { Rng } from '../math/random.js';
import { EncryptionKey, sampleUnit, type NonceWithPower } from './encryption_key.js';
import { hasPrimeHalf, UnitSampler } from './unit_sampler.js';

/** What the owner computes modulo one of the two primes. */
interface Half {
  readonly field: PrimePower;
  readonly square: PrimePower;
  /** N mod (p - 1). */
  readonly nthExponent: bigint;
  /** (-q)^-1 mod p: turns L_p(c^(p-1)) into the plaintext modulo p. */
  readonly decryptFactor: bigint;
}

function half(p: bigint, q: bigint): Half {
  return {
    field: primeField(p),
    square: primeSquare(p),
    nthExponent: mod(p * q, p - 1n),
    decryptFactor: invert(mod(-q, p), p),
  };
}

/**
 * r^N mod p^2 depends on r mod p alone and is (r^(N mod p-1) mod p)^p: two short exponentiations for each prime
 * instead of a long one modulo N^2.
 */
function nthPower({ field, square, nthExponent }: Half, r: bigint): bigint {
  return powReduced(square, powReduced(field, r, nthExponent), field.prime);
}

/** The plaintext modulo p: c^(p-1) = 1 + x (p-1) N modulo p^2. */
function decryptHalf({ field, square, decryptFactor }: Half, c: bigint): bigint {
  const p = field.prime;
  return mod(((powReduced(square, c, p - 1n) - 1n) / p) * decryptFactor, p);
}

/** r mod p of r^N mod p. */
function nthRoot({ field, nthExponent }: Half, power: bigint): bigint {
  return powReduced(field, power, invert(nthExponent, field.order));
}

/** The factors of N, with what decryption needs of them. Prints as `[secret]`. */
export class DecryptionKey {
  readonly #p: Half;
  readonly #q: Half;
  readonly #modN: CrtModulus;
  readonly #modNN: CrtModulus;
  #samplers: readonly UnitSampler[] | undefined;
  /** The public half, computing with the factors. */
  readonly encryptionKey: EncryptionKey;

  /** @param p @param q distinct odd primes of the same length */
  constructor(p: bigint, q: bigint) {
    const [atP, atQ] = [half(p, q), half(q, p)];
    const modNN = new CrtModulus(atP.square, atQ.square);
    this.#p = atP;
    this.#q = atQ;
    this.#modNN = modNN;
    this.#modN = new CrtModulus(atP.field, atQ.field);
    this.encryptionKey = new EncryptionKey(p * q, {
      modN: this.#modN,
      modNN,
      nthPower: (r) => this.#nthPower(r),
      sampleNonce: (rng) => this.#sampleNonce(rng),
    });
  }

  #nthPower(r: bigint): bigint {
    return this.#modNN.join(nthPower(this.#p, r), nthPower(this.#q, r));
  }

  #sampleNonce(rng: Rng): NonceWithPower {
    const [p, q] = [this.#p, this.#q];
    this.#samplers ??= [p, q].every(({ field }) => hasPrimeHalf(field.prime))
      ? [new UnitSampler(p.field, p.square, q.field.prime), new UnitSampler(q.field, q.square, p.field.prime)]
      : [];
    const [atP, atQ] = this.#samplers.map((sampler) => sampler.sample(rng));
    // Primes that somebody else has made need not be safe; then no generator is known.
    if (atP === undefined || atQ === undefined) return sampleUnit(this.encryptionKey.n, (r) => this.#nthPower(r), rng);
    return { nonce: this.#modN.join(atP.unit, atQ.unit), power: this.#modNN.join(atP.nthPower, atQ.nthPower) };
  }

  /** The plaintext, within +-N/2, of a unit c modulo N^2. */
  decrypt(c: bigint): bigint {
    const { n } = this.encryptionKey;
    const x = this.#modN.join(decryptHalf(this.#p, c), decryptHalf(this.#q, c));
    return 2n * x >= n ? x - n : x;
  }

  /** The nonce of a unit c modulo N^2: c = Enc(x; nonce) for the x that `decrypt` gives. */
  nonceOf(c: bigint): bigint {
    // Modulo N, c is nonce^N.
    return this.#modN.join(nthRoot(this.#p, c), nthRoot(this.#q, c));
  }

  /** The two primes with their fields, for proofs about N and for storage. */
  get primes(): { readonly p: PrimePower; readonly q: PrimePower } {
    return { p: this.#p.field, q: this.#q.field };
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspectSymbol](): string {
    return '[secret]';
  }
}
