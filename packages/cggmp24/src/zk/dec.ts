/**
 * Π^dec, "Paillier special decryption in the exponent" (figure 28 of the paper): the prover knows x, y and rho such that
 *
 *   Enc(y; rho) = K^x D under its own key N,   X = x G,   S = y H,
 *
 * and x is in range. Anyone can verify it: there are no ring-Pedersen parameters, and the challenge has m bits. The
 * verifier learns that |x| <= 2^(ell+epsilon), and that the plaintext of K^x D, taken within +-N/2, is y modulo q.
 *
 * The figure has y within +-2^ell'. Here y is a sum of values that the others have chosen, and may be longer by epsilon
 * bits and the logarithm of their number. The proof only needs a y that cannot wrap around N. So masks and responses lie
 * within +-N/8, which also hides y better.
 */
import { z } from 'zod';
import { bitsChallenge } from '../hash/challenge.js';
import type { Context } from './context.js';
import { integer, list, point, struct, type Encoding } from '../hash/encoding.js';
import { G, multiply, multiplyPublic, toScalar, type Point } from '../math/curve.js';
import { abs } from '../math/integer.js';
import { randomHalfRange, randomUnit, type Rng } from '../math/random.js';
import type { EncryptionKey } from '../paillier/encryption_key.js';
import type { SecurityParams } from '../params.js';
import { at } from '../base/at.js';
import { check } from '../base/errors.js';
import { IntegerJson, NonNegativeIntegerJson, PointJson } from '../wire/json.js';
import { checkModulus, named, repeatedProofJson, within, type RepeatedProof } from './transcript.js';

export interface Data {
  /** The prover's Paillier key. */
  readonly key: EncryptionKey;
  /** K. */
  readonly k: bigint;
  readonly x: Point;
  readonly d: bigint;
  readonly s: Point;
  /** H, the base of S. */
  readonly h: Point;
}

export interface Witness {
  /** Within +-2^ell / 2. */
  readonly x: bigint;
  /** Far within +-N / 8. */
  readonly y: bigint;
  /** rho. */
  readonly nonce: bigint;
}

/** The prover's randomness for one bit. Using it for two challenges reveals the witness. */
export interface Nonce {
  readonly alpha: bigint;
  readonly beta: bigint;
  readonly r: bigint;
}
export type Nonces = readonly Nonce[];

const CommitmentJson = z.object({ a: NonNegativeIntegerJson, b: PointJson, c: PointJson });
const ResponseJson = z.object({ z: IntegerJson, w: IntegerJson, nu: NonNegativeIntegerJson });

export type Proof = RepeatedProof<typeof CommitmentJson, typeof ResponseJson>;
/** One for each challenge bit. */
export type Commitment = Proof['commitment'];
export type Response = Proof['response'];

export function proofJson({ m }: SecurityParams): z.ZodType<Proof> {
  return repeatedProofJson(m, CommitmentJson, ResponseJson);
}

export function sampleNonces({ ell, epsilon, m }: SecurityParams, { key }: Data, rng: Rng): Nonces {
  return Array.from({ length: m }, () => ({
    alpha: randomHalfRange(1n << BigInt(ell + epsilon), rng),
    beta: randomHalfRange(key.n / 4n, rng),
    r: randomUnit(key.n, rng),
  }));
}

function commit({ key, k, h }: Data, nonces: Nonces): Commitment {
  const inverse = key.inverse(k);
  return nonces.map(({ alpha, beta, r }) => ({
    // Powers of K and of its inverse, so that the time does not depend on the sign of alpha.
    a: key.add(key.scaleWith(-alpha, k, inverse), key.encryptWith(beta, r)),
    b: multiply(h, toScalar(beta)),
    c: multiply(G, toScalar(alpha)),
  }));
}

/** The transcript, hashed into the challenge. */
export function seed(context: Context, { ell, epsilon }: SecurityParams, data: Data, commitment: Commitment): Encoding {
  return struct(
    {
      shared_state: context,
      security: struct({ l: integer(ell), epsilon: integer(epsilon) }),
      data: struct({
        key: integer(data.key.n),
        k: integer(data.k),
        x: point(data.x),
        d: integer(data.d),
        s: point(data.s),
        h: point(data.h),
      }),
      commitment: list(commitment.map(({ a, b, c }) => struct({ a: integer(a), b: point(b), c: point(c) }))),
    },
    'threshold-signing.paillier_decryption_in_exponent.v1.ni_challenge',
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
export function proveWith(context: Context, params: SecurityParams, data: Data, { x, y, nonce }: Witness, nonces: Nonces): Proof {
  const commitment = commit(data, nonces);
  const e = challenge(context, params, data, commitment);
  const response = nonces.map(({ alpha, beta, r }, k) =>
    at(e, k) ? { z: alpha + x, w: beta + y, nu: (r * nonce) % data.key.n } : { z: alpha, w: beta, nu: r },
  );
  return { commitment, response };
}

/** @throws InvalidProof naming the first check that fails */
export function verify(context: Context, params: SecurityParams, data: Data, { commitment, response }: Proof): void {
  const { key, k: K, x: X, d: D, s: S, h: H } = data;
  checkModulus('N', params, key.n);
  check('H is not the identity', !H.is0());
  check('m commitments and m responses', commitment.length === params.m && response.length === params.m);
  check('|z_k| <= 2^(ell+epsilon) / 2', response.every(({ z: z_k }) => within(z_k, params.ell + params.epsilon)));
  check('|w_k| <= N / 8', response.every(({ w }) => 8n * abs(w) <= key.n));
  key.checkCiphertexts({ K, D, ...named('A', commitment.map(({ a }) => a)) });
  key.checkNonces(named('nu', response.map(({ nu }) => nu)));
  const e = challenge(context, params, data, commitment);
  for (const [k, { z }] of response.entries()) {
    const { c: C } = at(commitment, k);
    check('z_k G = C_k + e_k X', multiplyPublic(G, z).equals(at(e, k) ? C.add(X) : C));
  }
  for (const [k, { w }] of response.entries()) {
    const { b: B } = at(commitment, k);
    check('w_k H = B_k + e_k S', multiplyPublic(H, w).equals(at(e, k) ? B.add(S) : B));
  }
  const inverse = key.inverse(K);
  for (const [k, { z, w, nu }] of response.entries()) {
    const { a: A } = at(commitment, k);
    const left = key.add(key.encryptWith(w, nu), key.scaleWith(-z, K, inverse));
    check('Enc(w_k; nu_k) K^-z_k = A_k D^e_k mod N^2', left === (at(e, k) ? key.add(A, D) : A));
  }
}
