import { G, multiply, toScalar } from '../../src/math/curve.js';
import { randomHalfRange, type Rng } from '../../src/math/random.js';
import type { Data, Witness } from '../../src/zk/aff_g.js';

export interface AffineStatement {
  readonly data: Data;
  readonly witness: Witness;
}

/** A true statement of Π^aff-g and Π^aff-g*, about a fresh C. @param keys as the prover has them */
export function affineStatement(keys: Pick<Data, 'key_j' | 'key_i'>, x: bigint, y: bigint, rng: Rng): AffineStatement {
  const { key_j: theirs, key_i: own } = keys;
  const { ciphertext: c } = theirs.encrypt(randomHalfRange(1n << 256n, rng), rng);
  const mask = theirs.encrypt(y, rng);
  const Y = own.encrypt(y, rng);
  const d = theirs.add(theirs.scale(x, c), mask.ciphertext);
  return {
    data: { ...keys, c, d, y: Y.ciphertext, x: multiply(G, toScalar(x)) },
    witness: { x, y, nonce: mask.nonce, nonce_y: Y.nonce },
  };
}
