/**
 * Π^elog, "Dlog with El-Gamal commitment" (figure 23 of the paper): the prover knows lambda and y such that
 *
 *   L = lambda G,   M = y G + lambda X,   Y = y h.
 *
 * The verifier learns that Y has, to the base h, the discrete logarithm that (L, M) commits to.
 *
 * Stricter than paper and crate: neither X nor h may be the identity. To that base, everything or nothing is proven.
 */
import { z } from 'zod';
import { scalarChallenge } from '../hash/challenge.js';
import type { Context } from './context.js';
import { point, struct, type Encoding } from '../hash/encoding.js';
import { G, multiply, multiplyAdd, multiplyPublic, toScalar, type Point, type Scalar } from '../math/curve.js';
import { randomScalar, type Rng } from '../math/random.js';
import { check } from '../base/errors.js';
import { PointJson, ScalarJson } from '../wire/json.js';
import { proofJson } from './transcript.js';

export interface Data {
  readonly l: Point;
  readonly m: Point;
  readonly x: Point;
  readonly y: Point;
  readonly h: Point;
}

export interface Witness {
  readonly y: Scalar;
  readonly lambda: Scalar;
  /** The discrete logarithm of X, for a prover that drew X itself: saves time. */
  readonly logX?: Scalar;
}

/** The prover's randomness. Using it for two challenges reveals the witness. */
export interface Nonces {
  readonly alpha: Scalar;
  readonly m: Scalar;
}

const CommitmentJson = z.object({ a: PointJson, n: PointJson, b: PointJson });
const ResponseJson = z.object({ z: ScalarJson, u: ScalarJson });
export const ProofJson = proofJson(CommitmentJson, ResponseJson);

export type Commitment = z.output<typeof CommitmentJson>;
export type Response = z.output<typeof ResponseJson>;
export type Proof = z.output<typeof ProofJson>;

export function sampleNonces(rng: Rng): Nonces {
  return { alpha: randomScalar(rng), m: randomScalar(rng) };
}

/** The transcript, hashed into the challenge. */
export function seed(context: Context, { l, m, x, y, h }: Data, { a, n, b }: Commitment): Encoding {
  return struct(
    {
      shared_state: context,
      data: struct({ l: point(l), m: point(m), x: point(x), y: point(y), h: point(h) }),
      commitment: struct({ a: point(a), n: point(n), b: point(b) }),
    },
    'paillier_zk.dlog_with_el_gamal.ni_challenge',
  );
}

/** e, a non-zero scalar. */
export function challenge(context: Context, data: Data, commitment: Commitment): Scalar {
  return scalarChallenge(seed(context, data, commitment));
}

export function prove(context: Context, data: Data, witness: Witness, rng: Rng): Proof {
  return proveWith(context, data, witness, sampleNonces(rng));
}

/** `prove` with given randomness. */
export function proveWith(context: Context, data: Data, { y, lambda, logX }: Witness, { alpha, m }: Nonces): Proof {
  const commitment = {
    a: multiply(G, alpha),
    n: multiplyAdd(data.x, alpha, m, logX),
    b: multiply(data.h, m),
  };
  const e = challenge(context, data, commitment);
  return { commitment, response: { z: toScalar(alpha + e * lambda), u: toScalar(m + e * y) } };
}

/** @throws InvalidProof naming the first check that fails */
export function verify(context: Context, data: Data, { commitment, response }: Proof): void {
  const { l: L, m: M, x: X, y: Y, h } = data;
  const { a: A, n: N, b: B } = commitment;
  const { z, u } = response;
  check('X is not the identity', !X.is0());
  check('h is not the identity', !h.is0());
  const e = challenge(context, data, commitment);
  check('z G = A + e L', multiplyPublic(G, z).equals(A.add(multiplyPublic(L, e))));
  check('u G + z X = N + e M', multiplyPublic(G, u).add(multiplyPublic(X, z)).equals(N.add(multiplyPublic(M, e))));
  check('u h = B + e Y', multiplyPublic(h, u).equals(B.add(multiplyPublic(Y, e))));
}
