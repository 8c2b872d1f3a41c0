import { invert, mod } from './integer.js';
import { modulus } from './modular.js';
import type { Modulus } from './modulus.js';

/** Z_{p^k} for a known prime p. Secret. */
export interface PrimePower {
  readonly prime: bigint;
  readonly modulus: Modulus;
  /** Order of the unit group: p^(k-1) (p-1). */
  readonly order: bigint;
}

/** Z_p. @param field what computes modulo p, if not the fastest backend */
export function primeField(prime: bigint, field = modulus(prime)): PrimePower {
  return { prime, modulus: field, order: prime - 1n };
}

/** Z_{p^2}. */
export function primeSquare(prime: bigint): PrimePower {
  return { prime, modulus: modulus(prime * prime), order: prime * (prime - 1n) };
}

/** base^exponent, with the exponent reduced modulo the group order where that is right. */
export function powReduced({ prime, modulus: m, order }: PrimePower, base: bigint, exponent: bigint): bigint {
  // A base that p divides is no unit: its exponent may not be reduced.
  return m.pow(base, base % prime === 0n ? exponent : mod(exponent, order));
}

/** {@link powReduced} with one exponent > 0 for many bases. */
export function powReducedWith({ prime, modulus: m, order }: PrimePower, exponent: bigint): (base: bigint) => bigint {
  const reduced = mod(exponent, order);
  const power = reduced === 0n ? () => 1n : m.powWith(reduced);
  return (base) => (base % prime === 0n ? m.pow(base, exponent) : power(base));
}

/**
 * Z_n for n the product of two prime powers that the holder knows: exponents are reduced modulo the group orders
 * and the halves are joined by the Chinese remainder theorem. Secret.
 */
export class CrtModulus implements Modulus {
  readonly value: bigint;
  readonly #first: PrimePower;
  readonly #second: PrimePower;
  readonly #firstInverse: bigint;

  constructor(first: PrimePower, second: PrimePower) {
    this.#first = first;
    this.#second = second;
    this.value = first.modulus.value * second.modulus.value;
    this.#firstInverse = invert(first.modulus.value, second.modulus.value);
  }

  pow(base: bigint, exponent: bigint): bigint {
    return this.join(powReduced(this.#first, base, exponent), powReduced(this.#second, base, exponent));
  }

  powWith(exponent: bigint): (base: bigint) => bigint {
    const [first, second] = [powReducedWith(this.#first, exponent), powReducedWith(this.#second, exponent)];
    return (base) => this.join(first(base), second(base));
  }

  /** The number below n that is `a` in the first ring and `b` in the second. */
  join(a: bigint, b: bigint): bigint {
    return a + this.#first.modulus.value * mod((b - a) * this.#firstInverse, this.#second.modulus.value);
  }
}
