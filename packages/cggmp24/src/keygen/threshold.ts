/**
 * Threshold key generation: commit to Feldman commitments, open them and hand out shares, prove knowledge of one's
 * share of the sum. Three rounds and the echo; messages and transcripts are those of the Rust crate cggmp24-keygen.
 */
import { G, multiply, sumScalars } from '../math/curve.js';
import { evaluate } from '../math/polynomial.js';
import { randomScalar } from '../math/random.js';
import type { CoreKeyShare } from '../key_share/core.js';
import { at } from '../base/at.js';
import { ProtocolAborted } from '../runtime/abort.js';
import { broadcast, peersOf, receive, sendTo, verifyPeers, type Protocol } from '../runtime/protocol.js';
import { checkReliability } from '../runtime/reliable_broadcast.js';
import { Secret } from '../base/secret.js';
import * as sch from '../zk/sch.js';
import { jointChainCode, jointRid, round1, sampleCommon } from './commitments.js';
import type { KeygenAbortCode, ThresholdKeygenContext } from './context.js';
import {
  checkDegree,
  checkKnowledge,
  checkOpening,
  checkShare,
  commit,
  echoes,
  jointPolynomial,
  publicSharesOf,
  round2Broad,
  round2Uni,
  round3,
  schnorrSeed,
  shareIndex,
  type Decommitment,
} from './threshold_messages.js';

export function* thresholdKeygen(ctx: ThresholdKeygenContext): Protocol<CoreKeyShare> {
  const { sid, index: i, parties: n, threshold: t, rng } = ctx;
  const peers = peersOf(i, n);

  // Round 1
  const f_i = Array.from({ length: t }, () => randomScalar(rng));
  const schnorr = sch.commit(rng);
  const own: Decommitment = { ...sampleCommon(ctx), F: f_i.map((c) => multiply(G, c)), sch_commit: schnorr.A };
  const V_i = commit(ctx, i, own);
  yield* broadcast(round1, V_i);
  const commitments = yield* receive(round1);

  if (ctx.reliableBroadcast) yield* checkReliability(echoes(ctx, commitments.withOwn(i, V_i)), peers);

  // Round 2
  yield* broadcast(round2Broad, own);
  for (const j of peers) yield* sendTo(j, round2Uni, { sigma: evaluate(f_i, shareIndex(j)) });
  const decommitments = yield* receive(round2Broad);
  const shares = yield* receive(round2Uni);
  yield* verifyPeers<KeygenAbortCode>(peers, [
    { code: 'invalid_decommitment', round: round2Broad, verify: (j) => { checkOpening(ctx, j, commitments.of(j), decommitments.of(j)); } },
    { code: 'invalid_share', round: round2Broad, verify: (j) => { checkDegree(ctx, decommitments.of(j)); } },
    { code: 'invalid_share', round: round2Uni, verify: (j) => { checkShare(decommitments.of(j), i, shares.of(j)); } },
  ]);

  // Round 3
  const all = decommitments.withOwn(i, own);
  const rid = jointRid(all);
  const F = jointPolynomial(ctx, all);
  const publicShares = publicSharesOf(ctx, F);
  const x_i = sumScalars([evaluate(f_i, shareIndex(i)), ...peers.map((j) => shares.of(j).sigma)]);
  const seed = schnorrSeed(sid, i, rid, at(publicShares, i), schnorr.A);
  yield* broadcast(round3, { sch_proof: sch.respond(seed, schnorr.nonce, x_i) });
  const proofs = yield* receive(round3);
  const verify = (j: number): void => {
    checkKnowledge(ctx, j, rid, at(publicShares, j), decommitments.of(j), proofs.of(j).sch_proof);
  };
  const knowledge = { code: 'invalid_schnorr_proof', round: round3, verify } as const;
  yield* verifyPeers<KeygenAbortCode>(peers, [knowledge], { attributable: ctx.reliableBroadcast });

  // Output
  const sharedPublicKey = at(F, 0);
  if (sharedPublicKey.is0()) throw new ProtocolAborted<KeygenAbortCode>('invalid_key', 'Output', [], 'the public key is the identity');
  return {
    index: i,
    sharedPublicKey,
    publicShares,
    vssSetup: { minSigners: t, indices: all.map((_, j) => shareIndex(j)) },
    chainCode: jointChainCode(ctx, all),
    secretShare: new Secret(x_i),
  };
}
