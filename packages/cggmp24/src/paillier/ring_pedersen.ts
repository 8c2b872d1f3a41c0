import { inspectSymbol } from '../base/inspect.js';
import { bigintBackend } from '../math/bigint_backend.js';
import { CrtModulus, primeField, type PrimePower } from '../math/crt.js';
import { FixedBases } from '../math/fixed_base.js';
import { bitLength, mod } from '../math/integer.js';
import { modulus } from '../math/modular.js';
import type { Modulus } from '../math/modulus.js';
import { randomBelow, randomUnit, type Rng } from '../math/random.js';
import { checkUnits } from '../math/units.js';

/** Public parameters as they are sent and hashed. */
export interface RingPedersenParams {
  /** N-hat, a product of two safe primes unknown to everyone but the owner. */
  readonly nHat: bigint;
  readonly s: bigint;
  readonly t: bigint;
}

/**
 * Lengths of the longest exponents of frequent commitments, those of Π^enc-elg and Π^aff-g. For s this is ell' + epsilon. For t
 * it is ell + epsilon more than the length of N-hat. Π^fac has longer ones, but only one commitment for each counterparty.
 */
const EXPONENT_BITS = { s: 1792, tBeyondModulus: 768 } as const;

/** Commitments s^x t^y mod N-hat under somebody's parameters. */
export class RingPedersen implements RingPedersenParams {
  readonly nHat: bigint;
  readonly s: bigint;
  readonly t: bigint;
  #modulus: Modulus | undefined;
  #powers: FixedBases | undefined;

  /** @param params s and t must be units */
  constructor(params: RingPedersenParams) {
    ({ nHat: this.nHat, s: this.s, t: this.t } = params);
  }

  /** Z_N-hat. */
  get modulus(): Modulus {
    return (this.#modulus ??= modulus(this.nHat));
  }

  /** s^x t^y mod N-hat, x and y of either sign. */
  commit(x: bigint, y: bigint): bigint {
    this.#powers ??= new FixedBases(this.modulus, [
      { base: this.s, bits: EXPONENT_BITS.s },
      { base: this.t, bits: bitLength(this.nHat) + EXPONENT_BITS.tBeyondModulus },
    ]);
    return this.#powers.product([x, y]);
  }

  /** Throws `InvalidProof` naming the first element that is no unit modulo N-hat. */
  checkElements(elements: Readonly<Record<string, bigint>>): void {
    checkUnits('Z*_N-hat', this.nHat, this.nHat, elements);
  }
}

/** The primes of N-hat and lambda with s = t^lambda. */
export interface RingPedersenTrapdoor {
  readonly pHat: bigint;
  readonly qHat: bigint;
  /** Absent in files that the Rust crate wrote. */
  readonly lambda?: bigint;
}

/**
 * The field of a prime for which only tables are made. `bigint` makes those in 20 ms. OpenSSL tests its moduli, and would spend 0.1 s
 * on that test first.
 */
function tableField(prime: bigint): PrimePower {
  return primeField(prime, bigintBackend.modulus(prime));
}

/**
 * After this many powers modulo its own N-hat, a party uses the factors: a power by a challenge then takes 0.34 ms instead of
 * 0.59 ms. Smaller: parameters that are rarely used pay for OpenSSL's test of the factors, a quarter of a second. Larger: more
 * powers are slow.
 */
const FACTORS_AFTER = 1000;

/**
 * A party's own parameters: a commitment is t^(lambda x + y), one exponentiation reduced modulo each prime.
 * Prints as `[secret]`.
 */
export class OwnRingPedersen extends RingPedersen {
  readonly #trapdoor: RingPedersenTrapdoor;
  readonly #p: PrimePower;
  readonly #q: PrimePower;
  readonly #ring: CrtModulus;
  #uses = 0;
  #crt: CrtModulus | undefined;
  #halves: { readonly p: FixedBases; readonly q: FixedBases } | undefined;

  constructor(params: RingPedersenParams, trapdoor: RingPedersenTrapdoor) {
    super(params);
    this.#trapdoor = trapdoor;
    this.#p = tableField(trapdoor.pHat);
    this.#q = tableField(trapdoor.qHat);
    this.#ring = new CrtModulus(this.#p, this.#q);
  }

  override get modulus(): Modulus {
    this.#uses += 1;
    if (this.#uses <= FACTORS_AFTER) return super.modulus;
    const { pHat, qHat } = this.#trapdoor;
    return (this.#crt ??= new CrtModulus(primeField(pHat), primeField(qHat)));
  }

  override commit(x: bigint, y: bigint): bigint {
    const { lambda } = this.#trapdoor;
    const [bases, exponents] = lambda === undefined ? [[this.s, this.t], [x, y]] : [[this.t], [lambda * x + y]];
    const powersIn = ({ prime, modulus: field }: PrimePower): FixedBases =>
      new FixedBases(field, bases.map((base) => ({ base, bits: bitLength(prime) })), 0);
    const { p, q } = (this.#halves ??= { p: powersIn(this.#p), q: powersIn(this.#q) });
    const reduced = ({ order }: PrimePower): bigint[] => exponents.map((e) => mod(e, order));
    return this.#ring.join(p.product(reduced(this.#p)), q.product(reduced(this.#q)));
  }

  /** For Pi^prm and for storage. */
  trapdoor(): RingPedersenTrapdoor {
    return this.#trapdoor;
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspectSymbol](): string {
    return '[secret]';
  }
}

/** Fresh parameters for the primes of N-hat: t a random square, s = t^lambda (figure 7 of the paper, round 1). */
export function generateRingPedersen(pHat: bigint, qHat: bigint, rng: Rng): OwnRingPedersen {
  const nHat = pHat * qHat;
  const phi = (pHat - 1n) * (qHat - 1n);
  const r = randomUnit(nHat, rng);
  const t = (r * r) % nHat;
  const lambda = randomBelow(phi >> 2n, rng);
  // For one power, the factors would cost more than they save: OpenSSL tests its moduli, 0.1 s for a prime.
  const s = modulus(nHat).pow(t, lambda);
  return new OwnRingPedersen({ nHat, s, t }, { pHat, qHat, lambda });
}
