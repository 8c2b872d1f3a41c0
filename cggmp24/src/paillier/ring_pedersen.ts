import { inspect } from 'node:util';
import { CrtModulus, primeField } from '../math/crt.js';
import { invert } from '../math/integer.js';
import { modulus, powSigned, type Modulus } from '../math/modular.js';
import { randomBelow, randomUnit, type Rng } from '../math/random.js';
import { checkUnits } from '../math/units.js';

/** Public parameters as they are sent and hashed. */
export interface RingPedersenParams {
  /** N-hat, a product of two safe primes unknown to everyone but the owner. */
  readonly nHat: bigint;
  readonly s: bigint;
  readonly t: bigint;
}

/** Commitments s^x t^y mod N-hat under somebody's parameters. */
export class RingPedersen implements RingPedersenParams {
  readonly nHat: bigint;
  readonly s: bigint;
  readonly t: bigint;
  #modulus: Modulus | undefined;
  #inverses: { s: bigint; t: bigint } | undefined;

  /** @param params s and t must be units */
  constructor(params: RingPedersenParams) {
    ({ nHat: this.nHat, s: this.s, t: this.t } = params);
  }

  /** Z_N-hat. */
  get modulus(): Modulus {
    return (this.#modulus ??= this.makeModulus());
  }

  protected makeModulus(): Modulus {
    return modulus(this.nHat);
  }

  /** s^x t^y mod N-hat, x and y of either sign. */
  commit(x: bigint, y: bigint): bigint {
    // Both inverses are kept, so that the sign of a secret costs no time of its own.
    const inverse = (this.#inverses ??= { s: invert(this.s, this.nHat), t: invert(this.t, this.nHat) });
    return (powSigned(this.modulus, this.s, inverse.s, x) * powSigned(this.modulus, this.t, inverse.t, y)) % this.nHat;
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
 * One's own parameters: a commitment is t^(lambda x + y), one exponentiation reduced modulo each prime.
 * Prints as `[secret]`.
 */
export class OwnRingPedersen extends RingPedersen {
  readonly #trapdoor: RingPedersenTrapdoor;
  #tInverse: bigint | undefined;

  constructor(params: RingPedersenParams, trapdoor: RingPedersenTrapdoor) {
    super(params);
    this.#trapdoor = trapdoor;
  }

  protected override makeModulus(): Modulus {
    return new CrtModulus(primeField(this.#trapdoor.pHat), primeField(this.#trapdoor.qHat));
  }

  override commit(x: bigint, y: bigint): bigint {
    const { lambda } = this.#trapdoor;
    if (lambda === undefined) return super.commit(x, y);
    this.#tInverse ??= invert(this.t, this.nHat);
    return powSigned(this.modulus, this.t, this.#tInverse, lambda * x + y);
  }

  /** For Pi^prm and for storage. */
  trapdoor(): RingPedersenTrapdoor {
    return this.#trapdoor;
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
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
  const s = new CrtModulus(primeField(pHat), primeField(qHat)).pow(t, lambda);
  return new OwnRingPedersen({ nHat, s, t }, { pHat, qHat, lambda });
}
