/**
 * Π^mod, "Paillier-Blum modulus" (figure 12 of the paper): N = p q for two different primes p = q = 3 mod 4, and
 * gcd(N, phi(N)) = 1. For each of m units y_k that the transcript gives, the prover shows an N-th root, which exists
 * for all of them only if gcd(N, phi(N)) = 1, and a fourth root of (-1)^a w^b y_k, which exists for all of them only
 * if N has two prime factors, both 3 mod 4. The verifier learns just that.
 *
 * Stricter than paper and crate: w must have the Jacobi symbol -1 that every honest prover gives it. N has to be odd,
 * long enough and composite before anything is computed with it.
 */
import { checkPrimeSync } from 'node:crypto';
import { z } from 'zod';
import { unitsChallenge } from '../hash/challenge.js';
import type { Context } from './context.js';
import { integer, struct, type Encoding } from '../hash/encoding.js';
import { CrtModulus, powReducedWith, type PrimePower } from '../math/crt.js';
import { invert, jacobi, mod } from '../math/integer.js';
import { randomUnit, type Rng } from '../math/random.js';
import { selfPower } from '../math/rsa_power.js';
import { checkUnits } from '../math/units.js';
import type { DecryptionKey } from '../paillier/decryption_key.js';
import type { SecurityParams } from '../params.js';
import { at } from '../base/at.js';
import { check } from '../base/errors.js';
import { NonNegativeIntegerJson } from '../wire/json.js';
import { checkModulus, proofJson as jsonForm } from './transcript.js';

export interface Data {
  readonly n: bigint;
}

export interface Witness {
  readonly decryptionKey: DecryptionKey;
}

/** The prover's randomness, which is public: a unit of Jacobi symbol -1. */
export interface Nonces {
  readonly w: bigint;
}

const CommitmentJson = z.object({ w: NonNegativeIntegerJson });
const RootsJson = z.object({ x: NonNegativeIntegerJson, a: z.boolean(), b: z.boolean(), z: NonNegativeIntegerJson });

export type Commitment = z.output<typeof CommitmentJson>;
/** The answer to y_k: z^N = y and x^4 = (-1)^a w^b y. */
export type Roots = z.output<typeof RootsJson>;

export interface Response {
  readonly points: readonly Roots[];
}

export interface Proof {
  readonly commitment: Commitment;
  readonly response: Response;
}

export function proofJson({ m }: SecurityParams) {
  return jsonForm(CommitmentJson, z.object({ points: z.array(RootsJson).length(m).readonly() }));
}

export function sampleNonces({ n }: Data, rng: Rng): Nonces {
  for (;;) {
    const w = randomUnit(n, rng);
    if (jacobi(w, n) === -1) return { w };
  }
}

/** The transcript, hashed into the challenge. */
export function seed(context: Context, { n }: Data, { w }: Commitment): Encoding {
  return struct(
    { shared_state: context, data: struct({ n: integer(n) }), commitment: struct({ w: integer(w) }) },
    'paillier_zk.blum_modulus.ni_challenge',
  );
}

/** y_k, m units modulo N. */
export function challenge(context: Context, { m }: SecurityParams, data: Data, commitment: Commitment): readonly bigint[] {
  return unitsChallenge(seed(context, data, commitment), data.n, m);
}

/**
 * Fourth roots modulo a prime p = 3 mod 4, one exponentiation each. Of y and -y exactly one is a square, and y^exponent
 * is a fourth root of y if that is y; else of -y, up to the sign (-1)^exponent.
 */
class FourthRoots {
  /** (-1)^exponent: turns the power of y into that of -y. */
  readonly ofMinusOne: bigint;
  readonly #power: (y: bigint) => bigint;

  constructor(readonly field: PrimePower) {
    const root = (field.prime + 1n) / 4n;
    const exponent = mod(root * root, field.order);
    this.ofMinusOne = (exponent & 1n) === 1n ? -1n : 1n;
    this.#power = powReducedWith(field, exponent);
  }

  /** y^exponent, and whether y is a square. */
  of(y: bigint): { root: bigint; square: boolean } {
    const root = this.#power(y);
    const squared = (root * root) % this.field.prime;
    return { root, square: mod(squared * squared - y, this.field.prime) === 0n };
  }
}

/** x, a and b for any y: of y, -y, y w and -y w exactly one is a square modulo both primes. */
function fourthRootOf(w: bigint, { p, q }: DecryptionKey['primes']): (y: bigint) => Omit<Roots, 'z'> {
  const [atP, atQ] = [new FourthRoots(p), new FourthRoots(q)];
  const ring = new CrtModulus(p, q);
  const [wP, wQ] = [atP.of(w), atQ.of(w)];
  return (y) => {
    const [yP, yQ] = [atP.of(y), atQ.of(y)];
    const b = yP.square !== yQ.square;
    // y, or with b the product y w, is a square modulo both primes or modulo neither. If modulo neither, it is negated.
    const a = b ? yP.square !== wP.square : !yP.square;
    const half = (root: bigint, wRoot: bigint, sign: bigint): bigint => root * (b ? wRoot : 1n) * (a ? sign : 1n);
    const x = ring.join(
      mod(half(yP.root, wP.root, atP.ofMinusOne), p.prime),
      mod(half(yQ.root, wQ.root, atQ.ofMinusOne), q.prime),
    );
    return { x, a, b };
  };
}

export function prove(context: Context, params: SecurityParams, data: Data, witness: Witness, rng: Rng): Proof {
  return proveWith(context, params, data, witness, sampleNonces(data, rng));
}

/** `prove` with given randomness. */
export function proveWith(context: Context, params: SecurityParams, data: Data, witness: Witness, { w }: Nonces): Proof {
  const { n } = data;
  const { primes, encryptionKey } = witness.decryptionKey;
  const nthRoot = encryptionKey.modN.powWith(invert(n, primes.p.order * primes.q.order));
  const fourthRoot = fourthRootOf(w, primes);
  const commitment = { w };
  const points = challenge(context, params, data, commitment).map((y) => ({
    ...fourthRoot(y),
    z: nthRoot(y),
  }));
  return { commitment, response: { points } };
}

/** @throws InvalidProof naming the first check that fails */
export function verify(context: Context, params: SecurityParams, data: Data, { commitment, response }: Proof): void {
  const { n } = data;
  const { w } = commitment;
  const { points } = response;
  checkModulus('N', params, n);
  check('m responses', points.length === params.m);
  const roots = points.flatMap(({ x, z }, k) => [
    [`x_${k}`, x],
    [`z_${k}`, z],
  ]);
  checkUnits('Z*_N', n, n, { w, ...(Object.fromEntries(roots) as Record<string, bigint>) });
  check('(w / N) = -1', jacobi(w, n) === -1);
  check('N is composite', !checkPrimeSync(n));
  const ys = challenge(context, params, data, commitment);
  for (const [k, { x, a, b }] of points.entries()) {
    const square = (x * x) % n;
    const product = b ? at(ys, k) * w : at(ys, k);
    check('x_k^4 = (-1)^a_k w^b_k y_k mod N', (square * square - (a ? -product : product)) % n === 0n);
  }
  const nthPower = selfPower(n);
  for (const [k, { z }] of points.entries()) check('z_k^N = y_k mod N', nthPower(z) === at(ys, k));
}
