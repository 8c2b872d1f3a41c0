import type { PrimePower } from '../math/crt.js';
import { bigintPowerOfTwo } from '../math/fermat.js';
import { FixedBases } from '../math/fixed_base.js';
import { bitLength, jacobi } from '../math/integer.js';
import { randomBelow, type Rng } from '../math/random.js';

/** The least generator of the units modulo a safe prime: their order is 2 p', and only +-1 have an order without p'. */
function generator(p: bigint): bigint {
  let g = 2n;
  while (jacobi(g, p) !== -1) g += 1n;
  return g;
}

/** Whether p' = (p-1)/2 passes a Fermat test: enough for a prime that its owner, not an adversary, has chosen. */
export function hasPrimeHalf(p: bigint): boolean {
  return p > 7n && bigintPowerOfTwo(p >> 1n) === 1n;
}

/**
 * Random units r modulo p with r^N modulo p^2, for N = p q: r is g^a for a generator g and a uniform exponent a, so that r is
 * uniform, and r^N, which is (g^p)^(q a) for any integer that is r modulo p, is a power of a fixed base too. Secret.
 */
export class UnitSampler {
  readonly #order: bigint;
  readonly #q: bigint;
  readonly #units: FixedBases;
  readonly #nthPowers: FixedBases;

  /** @param field Z_p, p a safe prime @param square Z_p^2 @param q the other factor of N */
  constructor(field: PrimePower, square: PrimePower, q: bigint) {
    const p = field.prime;
    const [g, bits] = [generator(p), bitLength(p)];
    this.#order = p - 1n;
    this.#q = q;
    this.#units = new FixedBases(field.modulus, [{ base: g, bits }]);
    this.#nthPowers = new FixedBases(square.modulus, [{ base: square.modulus.pow(g, p), bits }]);
  }

  /** r modulo p, and r^N modulo p^2. */
  sample(rng: Rng): { readonly unit: bigint; readonly nthPower: bigint } {
    const a = randomBelow(this.#order, rng);
    return { unit: this.#units.product([a]), nthPower: this.#nthPowers.product([(this.#q * a) % this.#order]) };
  }
}
