/**
 * Π^aff-g*, "setup-less affine operation with group commitment" (figure 27 of the paper): the statement of Π^aff-g,
 *
 *   D = C^x Enc_j(y; rho) under N_j,   Y = Enc_i(y; mu) under the prover's N_i,   X = x G,
 *
 * with x and y in range. This proof convinces everybody. Π^aff-g convinces only the owner of the ring-Pedersen
 * parameters, because the owner could have helped the prover. This one has no such parameters, and its challenge has m
 * bits. The verifier learns that |x| <= 2^(ell+epsilon) and |y| <= 2^(ell'+epsilon). Both keys must have passed Π^mod
 * and Π^fac.
 */
import { z } from 'zod';
import { bitsChallenge } from '../hash/challenge.js';
import type { Context } from './context.js';
import { integer, list, point, struct, type Encoding } from '../hash/encoding.js';
import { G, multiply, multiplyPublic, toScalar } from '../math/curve.js';
import { randomHalfRange, randomUnit, type Rng } from '../math/random.js';
import type { SecurityParams } from '../params.js';
import { at } from '../base/at.js';
import { check } from '../base/errors.js';
import { IntegerJson, NonNegativeIntegerJson, PointJson } from '../wire/json.js';
import { statementEncoding, type Data, type Witness } from './aff_g.js';
import { checkModulus, named, repeatedProofJson, within, type RepeatedProof } from './transcript.js';

export type { Data, Witness };

/** The prover's randomness for one bit. Using it for two challenges reveals the witness. */
export interface Nonce {
  readonly alpha: bigint;
  readonly beta: bigint;
  /** Of A. */
  readonly r: bigint;
  /** Of B. */
  readonly s: bigint;
}
export type Nonces = readonly Nonce[];

const CommitmentJson = z.object({ a: NonNegativeIntegerJson, r: PointJson, b: NonNegativeIntegerJson });
const ResponseJson = z.object({ z: IntegerJson, z_prime: IntegerJson, w: NonNegativeIntegerJson, lambda: NonNegativeIntegerJson });

export type Proof = RepeatedProof<typeof CommitmentJson, typeof ResponseJson>;
/** One for each challenge bit. */
export type Commitment = Proof['commitment'];
export type Response = Proof['response'];

export function proofJson({ m }: SecurityParams): z.ZodType<Proof> {
  return repeatedProofJson(m, CommitmentJson, ResponseJson);
}

export function sampleNonces({ ell, ellPrime, epsilon, m }: SecurityParams, { key_j, key_i }: Data, rng: Rng): Nonces {
  return Array.from({ length: m }, () => ({
    alpha: randomHalfRange(1n << BigInt(ell + epsilon), rng),
    beta: randomHalfRange(1n << BigInt(ellPrime + epsilon), rng),
    r: randomUnit(key_j.n, rng),
    s: randomUnit(key_i.n, rng),
  }));
}

function commit({ key_j, key_i, c }: Data, nonces: Nonces): Commitment {
  const inverse = key_j.inverse(c);
  return nonces.map(({ alpha, beta, r, s }) => ({
    // Powers of C and of its inverse, so that the time does not depend on the sign of alpha.
    a: key_j.add(key_j.scaleWith(alpha, c, inverse), key_j.encryptWith(beta, r)),
    r: multiply(G, toScalar(alpha)),
    b: key_i.encryptWith(beta, s),
  }));
}

/** The transcript, hashed into the challenge. */
export function seed(context: Context, params: SecurityParams, data: Data, commitment: Commitment): Encoding {
  return struct(
    {
      shared_state: context,
      ...statementEncoding(params, data),
      commitment: list(commitment.map(({ a, r, b }) => struct({ a: integer(a), r: point(r), b: integer(b) }))),
    },
    'threshold-signing.paillier_affine_operation_without_setup.v1.ni_challenge',
  );
}

/** e_k, m bits. */
export function challenge(context: Context, params: SecurityParams, data: Data, commitment: Commitment): readonly boolean[] {
  return bitsChallenge(seed(context, params, data, commitment), params.m, false);
}

export function prove(context: Context, params: SecurityParams, data: Data, witness: Witness, rng: Rng): Proof {
  return proveWith(context, params, data, witness, sampleNonces(params, data, rng));
}

/** `prove` with given randomness. */
export function proveWith(context: Context, params: SecurityParams, data: Data, witness: Witness, nonces: Nonces): Proof {
  const { x, y, nonce, nonce_y } = witness;
  const [n_j, n_i] = [data.key_j.n, data.key_i.n];
  const commitment = commit(data, nonces);
  const e = challenge(context, params, data, commitment);
  const response = nonces.map(({ alpha, beta, r, s }, k) =>
    at(e, k)
      ? { z: alpha + x, z_prime: beta + y, w: (r * nonce) % n_j, lambda: (s * nonce_y) % n_i }
      : { z: alpha, z_prime: beta, w: r, lambda: s },
  );
  return { commitment, response };
}

/** @throws InvalidProof naming the first check that fails */
export function verify(context: Context, params: SecurityParams, data: Data, { commitment, response }: Proof): void {
  const { key_j, key_i, c: C, d: D, y: Y, x: X } = data;
  checkModulus('N_j', params, key_j.n);
  checkModulus('N_i', params, key_i.n);
  check('m commitments and m responses', commitment.length === params.m && response.length === params.m);
  check('|z_k| <= 2^(ell+epsilon) / 2', response.every(({ z: z_k }) => within(z_k, params.ell + params.epsilon)));
  check("|z'_k| <= 2^(ell'+epsilon) / 2", response.every(({ z_prime }) => within(z_prime, params.ellPrime + params.epsilon)));
  key_j.checkCiphertexts({ C, D, ...named('A', commitment.map(({ a }) => a)) });
  key_j.checkNonces(named('w', response.map(({ w }) => w)));
  key_i.checkCiphertexts({ Y, ...named('B', commitment.map(({ b }) => b)) });
  key_i.checkNonces(named('lambda', response.map(({ lambda }) => lambda)));
  const e = challenge(context, params, data, commitment);
  for (const [k, { z }] of response.entries()) {
    const { r: R } = at(commitment, k);
    check('z_k G = R_k + e_k X', multiplyPublic(G, z).equals(at(e, k) ? R.add(X) : R));
  }
  for (const [k, { z_prime, lambda }] of response.entries()) {
    const { b: B } = at(commitment, k);
    check("Enc_i(z'_k; lambda_k) = B_k Y^e_k mod N_i^2", key_i.encryptWith(z_prime, lambda) === (at(e, k) ? key_i.add(B, Y) : B));
  }
  const inverse = key_j.inverse(C);
  for (const [k, { z, z_prime, w }] of response.entries()) {
    const { a: A } = at(commitment, k);
    const left = key_j.add(key_j.scaleWith(z, C, inverse), key_j.encryptWith(z_prime, w));
    check("C^z_k Enc_j(z'_k; w_k) = A_k D^e_k mod N_j^2", left === (at(e, k) ? key_j.add(A, D) : A));
  }
}
