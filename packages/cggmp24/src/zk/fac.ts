/**
 * Π^fac, "no small factor" (figure 26 of the paper): the prover knows p and q with N = p q and
 * |p|, |q| <= 2^(ell+epsilon) sqrt(N) / 2, so that neither is smaller than about sqrt(N) / 2^(ell+epsilon). The
 * verifier, with its own ring-Pedersen parameters, learns just that.
 *
 * Stricter than the crate: v is bounded by twice the range of its mask, which no honest prover exceeds.
 */
import { z } from 'zod';
import { halfRangeChallenge } from '../hash/challenge.js';
import type { Context } from './context.js';
import { integer, struct, type Encoding } from '../hash/encoding.js';
import { abs, sqrtFloor } from '../math/integer.js';
import { equalTimesPowers } from '../math/powers.js';
import { randomHalfRange, type Rng } from '../math/random.js';
import type { RingPedersen } from '../paillier/ring_pedersen.js';
import type { SecurityParams } from '../params.js';
import { check } from '../base/errors.js';
import { IntegerJson, NonNegativeIntegerJson } from '../wire/json.js';
import { auxEncoding, checkModulus, proofJson } from './transcript.js';

export interface Data {
  readonly n: bigint;
}

export interface Witness {
  readonly p: bigint;
  readonly q: bigint;
}

/** The prover's randomness. Using it for two challenges reveals the factors. */
export interface Nonces {
  readonly alpha: bigint;
  readonly beta: bigint;
  readonly mu: bigint;
  readonly nu: bigint;
  readonly r: bigint;
  readonly x: bigint;
  readonly y: bigint;
}

const CommitmentJson = z.object({
  p: NonNegativeIntegerJson,
  q: NonNegativeIntegerJson,
  a: NonNegativeIntegerJson,
  b: NonNegativeIntegerJson,
  t: NonNegativeIntegerJson,
});
const ResponseJson = z.object({ z1: IntegerJson, z2: IntegerJson, w1: IntegerJson, w2: IntegerJson, v: IntegerJson });
export const ProofJson = proofJson(CommitmentJson, ResponseJson);

export type Commitment = z.output<typeof CommitmentJson>;
export type Response = z.output<typeof ResponseJson>;
export type Proof = z.output<typeof ProofJson>;

/** 2^(ell+epsilon) sqrt(N): responses z1, z2 and their masks lie within half of it. */
function factorRange({ ell, epsilon }: SecurityParams, n: bigint): bigint {
  return sqrtFloor(n) << BigInt(ell + epsilon);
}

/** 2^(ell+epsilon) N N-hat: the mask of v lies within half of it. */
function productRange({ ell, epsilon }: SecurityParams, n: bigint, nHat: bigint): bigint {
  return (n * nHat) << BigInt(ell + epsilon);
}

export function sampleNonces(params: SecurityParams, { nHat }: RingPedersen, { n }: Data, rng: Rng): Nonces {
  const { ell, epsilon } = params;
  const [factors, hiding, masking] = [factorRange(params, n), nHat << BigInt(ell), nHat << BigInt(ell + epsilon)];
  return {
    alpha: randomHalfRange(factors, rng),
    beta: randomHalfRange(factors, rng),
    mu: randomHalfRange(hiding, rng),
    nu: randomHalfRange(hiding, rng),
    r: randomHalfRange(productRange(params, n, nHat), rng),
    x: randomHalfRange(masking, rng),
    y: randomHalfRange(masking, rng),
  };
}

function commit(aux: RingPedersen, { p, q }: Witness, { alpha, beta, mu, nu, r, x, y }: Nonces): Commitment {
  return {
    p: aux.commit(p, mu),
    q: aux.commit(q, nu),
    a: aux.commit(alpha, x),
    b: aux.commit(beta, y),
    // Q^alpha t^r, with Q = s^q t^nu.
    t: aux.commit(q * alpha, nu * alpha + r),
  };
}

/** The transcript, hashed into the challenge. */
export function seed(context: Context, params: SecurityParams, aux: RingPedersen, { n }: Data, commitment: Commitment): Encoding {
  return struct(
    {
      shared_state: context,
      security: struct({ l: integer(params.ell), epsilon: integer(params.epsilon) }),
      aux: auxEncoding(aux),
      data: struct({ n: integer(n), n_root: integer(sqrtFloor(n)) }),
      commitment: struct({
        p: integer(commitment.p),
        q: integer(commitment.q),
        a: integer(commitment.a),
        b: integer(commitment.b),
        t: integer(commitment.t),
      }),
    },
    'paillier_zk.no_small_factor.ni_challenge',
  );
}

/** e, within +-2^ell / 2. */
export function challenge(context: Context, params: SecurityParams, aux: RingPedersen, data: Data, commitment: Commitment): bigint {
  return halfRangeChallenge(seed(context, params, aux, data, commitment), 1n << BigInt(params.ell));
}

/** @param aux the verifier's parameters */
export function prove(context: Context, params: SecurityParams, aux: RingPedersen, data: Data, witness: Witness, rng: Rng): Proof {
  return proveWith(context, params, aux, data, witness, sampleNonces(params, aux, data, rng));
}

/** `prove` with given randomness. */
export function proveWith(
  context: Context,
  params: SecurityParams,
  aux: RingPedersen,
  data: Data,
  witness: Witness,
  nonces: Nonces,
): Proof {
  const { alpha, beta, mu, nu, r, x, y } = nonces;
  const commitment = commit(aux, witness, nonces);
  const e = challenge(context, params, aux, data, commitment);
  const response = {
    z1: alpha + e * witness.p,
    z2: beta + e * witness.q,
    w1: x + e * mu,
    w2: y + e * nu,
    v: r - e * nu * witness.p,
  };
  return { commitment, response };
}

/**
 * @param aux the verifier's own parameters
 * @throws InvalidProof naming the first check that fails
 */
export function verify(context: Context, params: SecurityParams, aux: RingPedersen, data: Data, proof: Proof): void {
  const { n } = data;
  const { p: P, q: Q, a: A, b: B, t: T } = proof.commitment;
  const { z1, z2, w1, w2, v } = proof.response;
  checkModulus('N', params, n);
  const range = factorRange(params, n) / 2n;
  check('|z1| <= 2^(ell+epsilon) sqrt(N) / 2', abs(z1) <= range);
  check('|z2| <= 2^(ell+epsilon) sqrt(N) / 2', abs(z2) <= range);
  check('|v| <= 2^(ell+epsilon) N N-hat', abs(v) <= productRange(params, n, aux.nHat));
  aux.checkElements({ P, Q, A, B, T });
  const e = challenge(context, params, aux, data, proof.commitment);
  check('s^z1 t^w1 = A P^e mod N-hat', equalTimesPowers(aux.modulus, aux.commit(z1, w1), A, [P, e]));
  check('s^z2 t^w2 = B Q^e mod N-hat', equalTimesPowers(aux.modulus, aux.commit(z2, w2), B, [Q, e]));
  check('Q^z1 t^v = T s^(N e) mod N-hat', equalTimesPowers(aux.modulus, aux.commit(-n * e, v), T, [Q, -z1]));
}
