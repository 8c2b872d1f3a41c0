/**
 * Π^sch, Schnorr's proof of knowledge of x with y = x G (figure 22 of the paper). The commitment is sent long before
 * the response, and key generation has its own transcripts: the caller makes the seed, which has to bind the
 * session, the prover, the joint randomness, y and A. The verifier learns that the prover knows x.
 */
import { scalarChallenge } from '../hash/challenge.js';
import type { Encoding } from '../hash/encoding.js';
import { G, multiply, multiplyPublic, toScalar, type Point, type Scalar } from '../math/curve.js';
import { randomScalar, type Rng } from '../math/random.js';
import { check } from '../base/errors.js';

export interface Data {
  readonly y: Point;
}

/** What the prover keeps (`nonce`) and sends (`A`). Answering two seeds with one nonce reveals x. */
export interface Commitment {
  readonly nonce: Scalar;
  readonly A: Point;
}

export function commit(rng: Rng): Commitment {
  const nonce = randomScalar(rng);
  return { nonce, A: multiply(G, nonce) };
}

/** e, a non-zero scalar. */
export function challenge(seed: Encoding): Scalar {
  return scalarChallenge(seed);
}

/** z = nonce + e x. */
export function respond(seed: Encoding, nonce: Scalar, x: Scalar): Scalar {
  return toScalar(nonce + challenge(seed) * x);
}

/** @throws InvalidProof naming the check that fails */
export function verify(seed: Encoding, { A, y }: Data & { readonly A: Point }, z: Scalar): void {
  check('y is not the identity', !y.is0());
  check('z G = A + e y', multiplyPublic(G, z).equals(A.add(multiplyPublic(y, challenge(seed)))));
}
