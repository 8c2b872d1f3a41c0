/**
 * Π^aff-g, "Paillier affine operation with group commitment in range" (figure 25 of the paper): the prover (i) knows
 * x, y, rho and rho_y such that
 *
 *   D = C^x Enc_j(y; rho) under the verifier's key N_j,   Y = Enc_i(y; rho_y) under its own N_i,   X = x G,
 *
 * and x and y are in range. The verifier (j), with its own ring-Pedersen parameters, learns that
 * |x| <= 2^(ell+epsilon) / 2 and |y| <= 2^(ell'+epsilon) / 2, so that decrypting D reveals only x k + y
 * over the integers: without these ranges, oversized values leak the decryptor's share (Alpha-Rays). Both keys must
 * have passed Π^mod and Π^fac.
 */
import { z } from 'zod';
import { signedScalarChallenge } from '../hash/challenge.js';
import type { Context } from './context.js';
import { integer, point, struct, type Encoding } from '../hash/encoding.js';
import { G, multiply, multiplyPublic, toScalar, type Point } from '../math/curve.js';
import { equalTimesPowers, powUnit } from '../math/powers.js';
import { randomHalfRange, randomUnit, type Rng } from '../math/random.js';
import type { EncryptionKey } from '../paillier/encryption_key.js';
import { checkClaim, encryptionClaim, type OnClaim } from '../paillier/nth_powers.js';
import type { RingPedersen } from '../paillier/ring_pedersen.js';
import type { SecurityParams } from '../params.js';
import { check } from '../base/errors.js';
import { IntegerJson, NonNegativeIntegerJson, PointJson } from '../wire/json.js';
import { auxEncoding, checkModulus, proofJson, within } from './transcript.js';

export interface Data {
  /** The verifier's Paillier key. */
  readonly key_j: EncryptionKey;
  /** The prover's. */
  readonly key_i: EncryptionKey;
  readonly c: bigint;
  readonly d: bigint;
  readonly y: bigint;
  readonly x: Point;
}

export interface Witness {
  /** Within +-2^ell / 2. */
  readonly x: bigint;
  /** Within +-2^ell' / 2. */
  readonly y: bigint;
  /** rho, of D. */
  readonly nonce: bigint;
  /** rho_y, of Y. */
  readonly nonce_y: bigint;
}

/** The prover's randomness. Using it for two challenges reveals the witness. */
export interface Nonces {
  readonly alpha: bigint;
  readonly beta: bigint;
  readonly r: bigint;
  readonly r_y: bigint;
  /** r_y^N mod N^2 of N_i, where it is known. */
  readonly r_yN?: bigint;
  readonly gamma: bigint;
  readonly delta: bigint;
  readonly m: bigint;
  readonly mu: bigint;
}

const CommitmentJson = z.object({
  a: NonNegativeIntegerJson,
  b_x: PointJson,
  b_y: NonNegativeIntegerJson,
  e: NonNegativeIntegerJson,
  s: NonNegativeIntegerJson,
  f: NonNegativeIntegerJson,
  t: NonNegativeIntegerJson,
});
const ResponseJson = z.object({
  z1: IntegerJson,
  z2: IntegerJson,
  z3: IntegerJson,
  z4: IntegerJson,
  w: NonNegativeIntegerJson,
  w_y: NonNegativeIntegerJson,
});
export const ProofJson = proofJson(CommitmentJson, ResponseJson);

export type Commitment = z.output<typeof CommitmentJson>;
export type Response = z.output<typeof ResponseJson>;
export type Proof = z.output<typeof ProofJson>;

export function sampleNonces(params: SecurityParams, aux: RingPedersen, { key_j, key_i }: Data, rng: Rng): Nonces {
  const { ell, ellPrime, epsilon } = params;
  const masking = aux.nHat << BigInt(ell + epsilon);
  const hiding = aux.nHat << BigInt(ell);
  const { nonce: r_y, power: r_yN } = key_i.sampleNonce(rng);
  return {
    alpha: randomHalfRange(1n << BigInt(ell + epsilon), rng),
    beta: randomHalfRange(1n << BigInt(ellPrime + epsilon), rng),
    r: randomUnit(key_j.n, rng),
    r_y,
    r_yN,
    gamma: randomHalfRange(masking, rng),
    delta: randomHalfRange(masking, rng),
    m: randomHalfRange(hiding, rng),
    mu: randomHalfRange(hiding, rng),
  };
}

function commit(aux: RingPedersen, { key_j, key_i, c }: Data, witness: Witness, nonces: Nonces): Commitment {
  const { alpha, beta, r, r_y, r_yN, gamma, delta, m, mu } = nonces;
  return {
    a: key_j.add(key_j.scale(alpha, c), key_j.encryptWith(beta, r)),
    b_x: multiply(G, toScalar(alpha)),
    b_y: key_i.encryptWith(beta, r_y, r_yN),
    e: aux.commit(alpha, gamma),
    s: aux.commit(witness.x, m),
    f: aux.commit(beta, delta),
    t: aux.commit(witness.y, mu),
  };
}

/** Ranges and statement as the transcript carries them; that of Π^aff-g* too. */
export function statementEncoding(
  { ell, ellPrime, epsilon }: SecurityParams,
  { key_j, key_i, c, d, y, x }: Data,
): Record<'security' | 'data', Encoding> {
  return {
    security: struct({ l_x: integer(ell), l_y: integer(ellPrime), epsilon: integer(epsilon) }),
    data: struct({ key_j: integer(key_j.n), key_i: integer(key_i.n), c: integer(c), d: integer(d), y: integer(y), x: point(x) }),
  };
}

/** The transcript, hashed into the challenge. */
export function seed(context: Context, params: SecurityParams, aux: RingPedersen, data: Data, commitment: Commitment): Encoding {
  return struct(
    {
      shared_state: context,
      aux: auxEncoding(aux),
      ...statementEncoding(params, data),
      commitment: struct({
        a: integer(commitment.a),
        b_x: point(commitment.b_x),
        b_y: integer(commitment.b_y),
        e: integer(commitment.e),
        s: integer(commitment.s),
        f: integer(commitment.f),
        t: integer(commitment.t),
      }),
    },
    'paillier_zk.paillier_affine_operation_in_range.ni_challenge',
  );
}

/** e, within +-(q-1)/2. */
export function challenge(context: Context, params: SecurityParams, aux: RingPedersen, data: Data, commitment: Commitment): bigint {
  return signedScalarChallenge(seed(context, params, aux, data, commitment));
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
  const { key_j, key_i } = data;
  const commitment = commit(aux, data, witness, nonces);
  const e = challenge(context, params, aux, data, commitment);
  const response = {
    z1: nonces.alpha + e * witness.x,
    z2: nonces.beta + e * witness.y,
    z3: nonces.gamma + e * nonces.m,
    z4: nonces.delta + e * nonces.mu,
    w: (nonces.r * powUnit(key_j.modN, [witness.nonce, e])) % key_j.n,
    w_y: (nonces.r_y * powUnit(key_i.modN, [witness.nonce_y, e])) % key_i.n,
  };
  return { commitment, response };
}

/**
 * @param aux the verifier's own parameters
 * @param onClaim takes over the last two equations, which may be settled together with others; without it, they are checked here
 * @throws InvalidProof naming the first check that fails
 */
export function verify(
  context: Context,
  params: SecurityParams,
  aux: RingPedersen,
  data: Data,
  proof: Proof,
  onClaim: OnClaim = checkClaim,
): void {
  const { key_j, key_i, c: C, d: D, y: Y, x: X } = data;
  const { a: A, b_x: B_x, b_y: B_y, e: E, s: S, f: F, t: T } = proof.commitment;
  const { z1, z2, z3, z4, w, w_y } = proof.response;
  checkModulus('N_j', params, key_j.n);
  checkModulus('N_i', params, key_i.n);
  check('|z1| <= 2^(ell+epsilon) / 2', within(z1, params.ell + params.epsilon));
  check("|z2| <= 2^(ell'+epsilon) / 2", within(z2, params.ellPrime + params.epsilon));
  key_j.checkCiphertexts({ C, D, A });
  key_j.checkNonces({ w });
  key_i.checkCiphertexts({ Y, B_y });
  key_i.checkNonces({ w_y });
  aux.checkElements({ E, S, F, T });
  const e = challenge(context, params, aux, data, proof.commitment);
  check('z1 G = B_x + e X', multiplyPublic(G, z1).equals(B_x.add(multiplyPublic(X, e))));
  check('s^z1 t^z3 = E S^e mod N-hat', equalTimesPowers(aux.modulus, aux.commit(z1, z3), E, [S, e]));
  check('s^z2 t^z4 = F T^e mod N-hat', equalTimesPowers(aux.modulus, aux.commit(z2, z4), F, [T, e]));
  onClaim(encryptionClaim('C^z1 Enc_j(z2; w) = A D^e mod N_j^2', key_j, z2, w, A, [D, e], [C, -z1]));
  onClaim(encryptionClaim('Enc_i(z2; w_y) = B_y Y^e mod N_i^2', key_i, z2, w_y, B_y, [Y, e]));
}
