/**
 * The checks of a signer's messages. They need public data only: the other signers make them, and later a judge. A signer's
 * own keys and parameters compute with their factors; the verdicts are the same.
 */
import { affGContext, elogContext, encElgContext } from '../zk/context.js';
import { G, multiplyPublic, sumPoints, sumScalars, type Point } from '../math/curve.js';
import { checkClaim, type OnClaim } from '../paillier/nth_powers.js';
import { at } from '../base/at.js';
import { check } from '../base/errors.js';
import * as affG from '../zk/aff_g.js';
import * as elog from '../zk/elog.js';
import * as encElg from '../zk/enc_elg.js';
import type { PublicSigningContext } from './context.js';
import type { Round1a, Round1b, Round2, Round3 } from './messages.js';

/** psi0 and psi1, which signer j made for signer i. @param onClaim as in Π^enc-elg */
export function checkEncryptions(
  ctx: PublicSigningContext,
  j: number,
  i: number,
  theirs: Round1a,
  { psi0, psi1 }: Round1b,
  onClaim: OnClaim = checkClaim,
): void {
  const { params, sid } = ctx;
  const prover = { sid, prover: j };
  const key = at(ctx.N, j);
  const aux = at(ctx.aux, i);
  const ofK = { key, ciphertext: theirs.K, a: theirs.Y, b: theirs.A1, x: theirs.A2 };
  const ofG = { key, ciphertext: theirs.G, a: theirs.Y, b: theirs.B1, x: theirs.B2 };
  encElg.verify(encElgContext(prover, 0), params, aux, ofK, psi0, onClaim);
  encElg.verify(encElgContext(prover, 1), params, aux, ofG, psi1, onClaim);
}

/** tilde_psi: Gamma_j is what j committed to in round 1, so two different ones cannot pass. */
export function checkGamma({ sid }: PublicSigningContext, j: number, theirs: Round1a, { Gamma, tilde_psi }: Round2): void {
  elog.verify(elogContext({ sid, prover: j }, false), { l: theirs.B1, m: theirs.B2, x: theirs.Y, y: Gamma, h: G }, tilde_psi);
}

/** psi_j and hat_psi_j, which signer j made for signer i, of i's ciphertext K_i. @param onClaim as in Π^aff-g */
export function checkProducts(
  ctx: PublicSigningContext,
  j: number,
  i: number,
  K_i: bigint,
  message: Round2,
  onClaim: OnClaim = checkClaim,
): void {
  const { params, sid } = ctx;
  const prover = { sid, prover: j };
  const { Gamma, D, F, hat_D, hat_F, psi_j, hat_psi_j } = message;
  const keys = { key_j: at(ctx.N, i), key_i: at(ctx.N, j), c: K_i };
  const aux = at(ctx.aux, i);
  affG.verify(affGContext(prover, false), params, aux, { ...keys, d: D, y: F, x: Gamma }, psi_j, onClaim);
  affG.verify(affGContext(prover, true), params, aux, { ...keys, d: hat_D, y: hat_F, x: at(ctx.X, j) }, hat_psi_j, onClaim);
}

/** psi_prime: Delta_j = k_j Gamma, for the k_j that j committed to in round 1. */
export function checkDelta({ sid }: PublicSigningContext, j: number, theirs: Round1a, Gamma: Point, { Delta, psi_prime }: Round3): void {
  elog.verify(elogContext({ sid, prover: j }, true), { l: theirs.A1, m: theirs.A2, x: theirs.Y, y: Delta, h: Gamma }, psi_prime);
}

/** The equations that fail when the delta_j are not shares of gamma k, and when the chi_j are not shares of x k. */
export const NONCE_SUM = 'delta G = Delta';
export const KEY_SUM = 'delta X = S';

/**
 * delta G = sum of Delta_j and delta X = sum of S_j. Who broke them does not show without opening the ciphertexts.
 * @throws InvalidProof naming the first equation that does not hold
 */
export function checkSums({ publicKey }: PublicSigningContext, results: readonly Round3[]): void {
  const delta = sumScalars(results.map((message) => message.delta));
  const Delta = sumPoints(results.map((message) => message.Delta));
  check(NONCE_SUM, multiplyPublic(G, delta).equals(Delta));
  check('delta is not zero', delta !== 0n);
  const S = sumPoints(results.map((message) => message.S));
  check(KEY_SUM, multiplyPublic(publicKey, delta).equals(S));
}
