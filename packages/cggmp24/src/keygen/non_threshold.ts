/**
 * Non-threshold key generation: n of n, the secret key is the sum of the shares. Commit to X_i = x_i G, open,
 * prove knowledge of x_i. Messages and transcripts are those of the Rust crate cggmp24-keygen.
 */
import type { CoreKeyShare } from '../key_share/core.js';
import { G, multiply, sumPoints } from '../math/curve.js';
import { randomScalar } from '../math/random.js';
import { ProtocolAborted } from '../runtime/abort.js';
import { broadcast, peersOf, receive, verifyPeers, type Protocol } from '../runtime/protocol.js';
import { checkReliability } from '../runtime/reliable_broadcast.js';
import { Secret } from '../base/secret.js';
import * as sch from '../zk/sch.js';
import { jointChainCode, jointRid, round1, sampleCommon } from './commitments.js';
import type { KeygenAbortCode, KeygenContext } from './context.js';
import { checkKnowledge, checkOpening, commit, echoes, round2, round3, schnorrSeed, type Decommitment } from './non_threshold_messages.js';

export function* nonThresholdKeygen(ctx: KeygenContext): Protocol<CoreKeyShare> {
  const { sid, index: i, parties: n, rng } = ctx;
  const peers = peersOf(i, n);

  // Round 1
  const x_i = randomScalar(rng);
  const schnorr = sch.commit(rng);
  const own: Decommitment = { ...sampleCommon(ctx), X: multiply(G, x_i), sch_commit: schnorr.A };
  const V_i = commit(ctx, i, own);
  yield* broadcast(round1, V_i);
  const commitments = yield* receive(round1);

  if (ctx.reliableBroadcast) yield* checkReliability(echoes(ctx, commitments.withOwn(i, V_i)), peers);

  // Round 2
  yield* broadcast(round2, own);
  const decommitments = yield* receive(round2);
  yield* verifyPeers<KeygenAbortCode>(peers, [
    { code: 'invalid_decommitment', round: round2, verify: (j) => { checkOpening(ctx, j, commitments.of(j), decommitments.of(j)); } },
  ]);

  // Round 3
  const all = decommitments.withOwn(i, own);
  const rid = jointRid(all);
  yield* broadcast(round3, { sch_proof: sch.respond(schnorrSeed(sid, i, rid, own), schnorr.nonce, x_i) });
  const proofs = yield* receive(round3);
  const verify = (j: number): void => {
    checkKnowledge(ctx, j, rid, decommitments.of(j), proofs.of(j).sch_proof);
  };
  const knowledge = { code: 'invalid_schnorr_proof', round: round3, verify } as const;
  yield* verifyPeers<KeygenAbortCode>(peers, [knowledge], { attributable: ctx.reliableBroadcast });

  // Output
  const publicShares = all.map(({ X }) => X);
  const sharedPublicKey = sumPoints(publicShares);
  if (sharedPublicKey.is0()) throw new ProtocolAborted<KeygenAbortCode>('invalid_key', 'Output', [], 'the public key is the identity');
  return { index: i, sharedPublicKey, publicShares, vssSetup: null, chainCode: jointChainCode(ctx, all), secretShare: new Secret(x_i) };
}
