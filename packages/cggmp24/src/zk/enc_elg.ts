/**
 * Π^enc-elg, "range proof with El-Gamal commitment" (figure 24 of the paper): the prover knows k, rho and b such that
 *
 *   C = Enc(k; rho) under its own key N,   B = b G,   X = b A + k G,   and k is in range.
 *
 * The verifier, with its own ring-Pedersen parameters, learns that |k| <= 2^(ell+epsilon) / 2 and that the plaintext
 * of C is what (B, X) commits to; nothing else about k. The key must have passed Π^mod and Π^fac.
 *
 * Stricter than paper and crate: A must not be the identity, because (B, X) would then hide nothing.
 */
import { z } from 'zod';
import { signedScalarChallenge } from '../hash/challenge.js';
import type { Context } from './context.js';
import { integer, point, struct, type Encoding } from '../hash/encoding.js';
import { G, multiply, multiplyAdd, multiplyPublic, toScalar, type Point, type Scalar } from '../math/curve.js';
import { equalTimesPowers, powUnit } from '../math/powers.js';
import { randomHalfRange, randomScalar, type Rng } from '../math/random.js';
import type { EncryptionKey } from '../paillier/encryption_key.js';
import { checkClaim, encryptionClaim, type OnClaim } from '../paillier/nth_powers.js';
import type { RingPedersen } from '../paillier/ring_pedersen.js';
import type { SecurityParams } from '../params.js';
import { check } from '../base/errors.js';
import { IntegerJson, NonNegativeIntegerJson, PointJson, ScalarJson } from '../wire/json.js';
import { auxEncoding, checkModulus, proofJson, within } from './transcript.js';

export interface Data {
  /** The prover's Paillier key. */
  readonly key: EncryptionKey;
  /** C. */
  readonly ciphertext: bigint;
  readonly a: Point;
  readonly b: Point;
  readonly x: Point;
}

export interface Witness {
  /** k, within +-2^ell / 2. */
  readonly plaintext: bigint;
  /** rho. */
  readonly nonce: bigint;
  readonly b: Scalar;
  /** The discrete logarithm of A, for a prover that drew A itself: saves time. */
  readonly logA?: Scalar;
}

/** The prover's randomness. Using it for two challenges reveals the witness. */
export interface Nonces {
  readonly alpha: bigint;
  readonly mu: bigint;
  readonly r: bigint;
  /** r^N mod N^2, where it is known. */
  readonly rN?: bigint;
  readonly beta: Scalar;
  readonly gamma: bigint;
}

const CommitmentJson = z.object({
  s: NonNegativeIntegerJson,
  t: NonNegativeIntegerJson,
  d: NonNegativeIntegerJson,
  y: PointJson,
  z: PointJson,
});
const ResponseJson = z.object({ z1: IntegerJson, z2: NonNegativeIntegerJson, z3: IntegerJson, w: ScalarJson });
export const ProofJson = proofJson(CommitmentJson, ResponseJson);

export type Commitment = z.output<typeof CommitmentJson>;
export type Response = z.output<typeof ResponseJson>;
export type Proof = z.output<typeof ProofJson>;

export function sampleNonces({ ell, epsilon }: SecurityParams, aux: RingPedersen, { key }: Data, rng: Rng): Nonces {
  const slack = 1n << BigInt(ell + epsilon);
  const { nonce: r, power: rN } = key.sampleNonce(rng);
  return {
    alpha: randomHalfRange(slack, rng),
    mu: randomHalfRange(aux.nHat << BigInt(ell), rng),
    r,
    rN,
    beta: randomScalar(rng),
    gamma: randomHalfRange(aux.nHat * slack, rng),
  };
}

function commit(aux: RingPedersen, data: Data, witness: Witness, { alpha, mu, r, rN, beta, gamma }: Nonces): Commitment {
  return {
    s: aux.commit(witness.plaintext, mu),
    t: aux.commit(alpha, gamma),
    d: data.key.encryptWith(alpha, r, rN),
    y: multiplyAdd(data.a, beta, toScalar(alpha), witness.logA),
    z: multiply(G, beta),
  };
}

/** The transcript, hashed into the challenge. */
export function seed(context: Context, params: SecurityParams, aux: RingPedersen, data: Data, commitment: Commitment): Encoding {
  return struct(
    {
      shared_state: context,
      aux: auxEncoding(aux),
      security: struct({ l: integer(params.ell), epsilon: integer(params.epsilon) }),
      data: struct({
        key: integer(data.key.n),
        ciphertext: integer(data.ciphertext),
        a: point(data.a),
        b: point(data.b),
        x: point(data.x),
      }),
      commitment: struct({
        s: integer(commitment.s),
        t: integer(commitment.t),
        d: integer(commitment.d),
        y: point(commitment.y),
        z: point(commitment.z),
      }),
    },
    'paillier_zk.encryption_in_range_with_el_gamal.ni_challenge',
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
  const commitment = commit(aux, data, witness, nonces);
  const e = challenge(context, params, aux, data, commitment);
  const response = {
    z1: nonces.alpha + e * witness.plaintext,
    z2: (nonces.r * powUnit(data.key.modN, [witness.nonce, e])) % data.key.n,
    z3: nonces.gamma + e * nonces.mu,
    w: toScalar(nonces.beta + e * witness.b),
  };
  return { commitment, response };
}

/**
 * @param aux the verifier's own parameters
 * @param onClaim takes over the last equation, which may be settled together with others; without it, it is checked here
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
  const { key, ciphertext: C, a: A, b: B, x: X } = data;
  const { s: S, t: T, d, y: Y, z: Z } = proof.commitment;
  const { z1, z2, z3, w } = proof.response;
  checkModulus('N', params, key.n);
  check('A is not the identity', !A.is0());
  check('|z1| <= 2^(ell+epsilon) / 2', within(z1, params.ell + params.epsilon));
  key.checkCiphertexts({ C, d });
  key.checkNonces({ z2 });
  aux.checkElements({ S, T });
  const e = challenge(context, params, aux, data, proof.commitment);
  check('z1 G + w A = Y + e X', multiplyPublic(G, z1).add(multiplyPublic(A, w)).equals(Y.add(multiplyPublic(X, e))));
  check('w G = Z + e B', multiplyPublic(G, w).equals(Z.add(multiplyPublic(B, e))));
  check('s^z1 t^z3 = T S^e mod N-hat', equalTimesPowers(aux.modulus, aux.commit(z1, z3), T, [S, e]));
  onClaim(encryptionClaim('Enc(z1; z2) = d C^e mod N^2', key, z1, z2, d, [C, e]));
}
