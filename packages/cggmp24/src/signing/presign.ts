/**
 * Presigning (figure 8 of the paper) in three rounds and the echo. Messages and transcripts are those of the Rust crate
 * cggmp24; unlike it, both proofs of round 1 are verified, and every one by itself.
 */
import { affGContext, elogContext, encElgContext } from '../zk/context.js';
import {
  G, invertScalar, multiply, multiplyAdd, sumPoints, sumScalars, toScalar, toSigned,
  type Point, type Scalar,
} from '../math/curve.js';
import { randomHalfRange, randomScalar } from '../math/random.js';
import { failedClaims, type NthPowerClaim, type OnClaim } from '../paillier/nth_powers.js';
import { at } from '../base/at.js';
import { ProtocolAborted } from '../runtime/abort.js';
import { broadcast, pause, peersOf, receive, sendTo, verifyPeers, type Protocol } from '../runtime/protocol.js';
import { checkReliability } from '../runtime/reliable_broadcast.js';
import * as affG from '../zk/aff_g.js';
import * as elog from '../zk/elog.js';
import * as encElg from '../zk/enc_elg.js';
import { checkDelta, checkEncryptions, checkGamma, checkProducts } from './checks.js';
import type { SigningAbortCode, SigningContext } from './context.js';
import { requireSums, type OwnOperation } from './identification.js';
import type { FailedSum } from './identification_messages.js';
import { echo, round1a, round1b, round2, round3, type Round1a, type Round1b, type Round3 } from './messages.js';
import { Presignature } from './presignature.js';
import { publicDataOf } from './presignature_data.js';

/** What a signer draws in round 1. */
interface Ephemeral {
  readonly k: Scalar;
  readonly gamma: Scalar;
  /** Of Y. */
  readonly y: Scalar;
  readonly a: Scalar;
  readonly b: Scalar;
  /** Nonce of K_i. */
  readonly rho: bigint;
  /** Nonce of G_i. */
  readonly nu: bigint;
}

function sampleRound1({ decryptionKey, rng }: SigningContext): { secrets: Ephemeral; message: Round1a } {
  const [k, gamma, y, a, b] = [randomScalar(rng), randomScalar(rng), randomScalar(rng), randomScalar(rng), randomScalar(rng)];
  const { encryptionKey } = decryptionKey;
  const K = encryptionKey.encrypt(toSigned(k), rng);
  const G_i = encryptionKey.encrypt(toSigned(gamma), rng);
  const Y = multiply(G, y);
  const message = {
    K: K.ciphertext,
    G: G_i.ciphertext,
    Y,
    A1: multiply(G, a),
    A2: multiplyAdd(Y, a, k, y),
    B1: multiply(G, b),
    B2: multiplyAdd(Y, b, gamma, y),
  };
  return { secrets: { k, gamma, y, a, b, rho: K.nonce, nu: G_i.nonce }, message };
}

/** psi0 and psi1 for party j. */
function proveEncryptions(ctx: SigningContext, own: Round1a, secrets: Ephemeral, j: number): Round1b {
  const { params, sid, index, rng } = ctx;
  const prover = { sid, prover: index };
  const key = at(ctx.N, index);
  const aux = at(ctx.aux, j);
  const { k, gamma, y, a, b, rho, nu } = secrets;
  return {
    psi0: encElg.prove(
      encElgContext(prover, 0),
      params,
      aux,
      { key, ciphertext: own.K, a: own.Y, b: own.A1, x: own.A2 },
      { plaintext: toSigned(k), nonce: rho, b: a, logA: y },
      rng,
    ),
    psi1: encElg.prove(
      encElgContext(prover, 1),
      params,
      aux,
      { key, ciphertext: own.G, a: own.Y, b: own.B1, x: own.B2 },
      { plaintext: toSigned(gamma), nonce: nu, b, logA: y },
      rng,
    ),
  };
}

/** One multiplicative-to-additive conversion: x times j's k, as alpha_j (theirs, in D) plus beta (ours, -y of the witness). */
interface AffineOperation extends OwnOperation {
  readonly psi: affG.Proof;
}

function multiplyEncrypted(ctx: SigningContext, j: number, K_j: bigint, x: Scalar, X: Point, hat: boolean): AffineOperation {
  const { params, sid, index, rng } = ctx;
  const [N_i, N_j] = [at(ctx.N, index), at(ctx.N, j)];
  const beta = randomHalfRange(1n << BigInt(params.ellPrime), rng);
  const mask = N_j.encrypt(-beta, rng);
  const { ciphertext: F, nonce: nonce_y } = N_i.encrypt(-beta, rng);
  const D = N_j.add(N_j.scale(toSigned(x), K_j), mask.ciphertext);
  const data = { key_j: N_j, key_i: N_i, c: K_j, d: D, y: F, x: X };
  const witness = { x: toSigned(x), y: -beta, nonce: mask.nonce, nonce_y };
  const psi = affG.prove(affGContext({ sid, prover: index }, hat), params, at(ctx.aux, j), data, witness, rng);
  return { D, F, witness, psi };
}

/**
 * The sum of what the ciphertexts encrypt. Each is proven to be shorter than 2^(ell'+epsilon), so that the sum is far within
 * +-N/2 and is that of the integers.
 */
function decryptSum({ decryptionKey }: SigningContext, ciphertexts: readonly bigint[]): bigint {
  const { encryptionKey } = decryptionKey;
  return decryptionKey.decrypt(ciphertexts.reduce((all, c) => encryptionKey.add(all, c)));
}

export function* presign(ctx: SigningContext): Protocol<Presignature> {
  const { sid, index: i, signers, rng } = ctx;
  const x_i = ctx.x_i.reveal();
  const peers = peersOf(i, signers);

  // Round 1
  const { secrets, message: own } = sampleRound1(ctx);
  const { k, gamma, y, a, b } = secrets;
  yield* broadcast(round1a, own);
  for (const j of peers) {
    yield* pause(`Round1b: proving to party ${j}`);
    yield* sendTo(j, round1b, proveEncryptions(ctx, own, secrets, j));
  }
  const ciphertexts = yield* receive(round1a);
  const encryptionProofs = yield* receive(round1b);

  if (ctx.reliableBroadcast) {
    yield* checkReliability(ciphertexts.withOwn(i, own).map((message) => echo(sid, message)), peers);
  }
  const verifyEncryptions = (j: number, onClaim: OnClaim): void => {
    checkEncryptions(ctx, j, i, ciphertexts.of(j), encryptionProofs.of(j), onClaim);
  };
  yield* verifyPeers<SigningAbortCode, NthPowerClaim>(peers, [
    { code: 'invalid_encryption_proof', round: round1b, verify: verifyEncryptions },
  ], { failed: failedClaims });

  // Round 2
  const Gamma_i = multiply(G, gamma);
  const tilde_psi = elog.prove(
    elogContext({ sid, prover: i }, false),
    { l: own.B1, m: own.B2, x: own.Y, y: Gamma_i, h: G },
    { y: gamma, lambda: b, logX: y },
    rng,
  );
  const made = new Map<number, Record<FailedSum, AffineOperation>>();
  let beta = 0n;
  let hat_beta = 0n;
  for (const j of peers) {
    yield* pause(`Round2: multiplying with party ${j}`);
    const K_j = ciphertexts.of(j).K;
    const forGamma = multiplyEncrypted(ctx, j, K_j, gamma, Gamma_i, false);
    const forKey = multiplyEncrypted(ctx, j, K_j, x_i, at(ctx.X, i), true);
    made.set(j, { nonce: forGamma, key: forKey });
    beta -= forGamma.witness.y;
    hat_beta -= forKey.witness.y;
    yield* sendTo(j, round2, {
      Gamma: Gamma_i,
      D: forGamma.D,
      F: forGamma.F,
      hat_D: forKey.D,
      hat_F: forKey.F,
      tilde_psi,
      psi_j: forGamma.psi,
      hat_psi_j: forKey.psi,
    });
  }
  const products = yield* receive(round2);
  yield* verifyPeers<SigningAbortCode, NthPowerClaim>(peers, [
    { code: 'invalid_affine_proof', round: round2, verify: (j) => { checkGamma(ctx, j, ciphertexts.of(j), products.of(j)); } },
    { code: 'invalid_affine_proof', round: round2, verify: (j, onClaim) => { checkProducts(ctx, j, i, own.K, products.of(j), onClaim); } },
  ], { failed: failedClaims });

  // Round 3
  const Gammas = ciphertexts.withOwn(i, own).map((_, j) => (j === i ? Gamma_i : products.of(j).Gamma));
  const Gamma = sumPoints(Gammas);
  if (Gamma.is0()) throw new ProtocolAborted<SigningAbortCode>('inconsistent_presignature', round2.variant, [], 'Gamma is the identity');
  yield* pause('Round3: decrypting what was sent');
  const alpha = decryptSum(ctx, peers.map((j) => products.of(j).D));
  const hat_alpha = decryptSum(ctx, peers.map((j) => products.of(j).hat_D));
  const delta_i = toScalar(gamma * k + alpha + beta);
  const chi_i = toScalar(x_i * k + hat_alpha + hat_beta);
  const Delta_i = multiply(Gamma, k);
  const result: Round3 = {
    delta: delta_i,
    S: multiply(Gamma, chi_i),
    Delta: Delta_i,
    psi_prime: elog.prove(
      elogContext({ sid, prover: i }, true),
      { l: own.A1, m: own.A2, x: own.Y, y: Delta_i, h: Gamma },
      { y: k, lambda: a, logX: y },
      rng,
    ),
  };
  yield* broadcast(round3, result);
  const results = yield* receive(round3);
  yield* verifyPeers<SigningAbortCode>(
    peers,
    [{ code: 'invalid_exponent_proof', round: round3, verify: (j) => { checkDelta(ctx, j, ciphertexts.of(j), Gamma, results.of(j)); } }],
    { attributable: ctx.reliableBroadcast },
  );

  // Output
  const all = results.withOwn(i, result);
  yield* requireSums(ctx, { ciphertexts: ciphertexts.withOwn(i, own), Gammas, results: all }, { gamma, made, received: products });
  const inverse = invertScalar(sumScalars(all.map((message) => message.delta)));
  return new Presignature(publicDataOf(Gamma, all), { tildeK: toScalar(k * inverse), tildeChi: toScalar(chi_i * inverse) });
}
