/**
 * Judges key generation. An opening is judged by the same party's commitment, and a share by its maker's opening. A Schnorr proof
 * depends on the joint randomness and on a sum of everybody's openings. It is judged by openings of the commitments that its
 * maker has echoed, so that nobody can show openings that the maker has not seen.
 */
import { at } from '../base/at.js';
import { jointRid, round1 } from '../keygen/commitments.js';
import type { PublicKeygenContext, PublicThresholdKeygenContext } from '../keygen/context.js';
import * as nonThreshold from '../keygen/non_threshold_messages.js';
import * as threshold from '../keygen/threshold_messages.js';
import type { Transcript } from './transcript.js';

export function judgeThresholdKeygen(ctx: PublicThresholdKeygenContext, t: Transcript): void {
  const { round2Broad, round2Uni, round3 } = threshold;
  const opened = t.everyone.map((j) => {
    const [V, opening] = [t.of(round1, j), t.of(round2Broad, j)];
    if (opening === undefined) return false;
    const opens = V !== undefined && t.require(j, 'invalid_decommitment', round2Broad, () => {
      threshold.checkOpening(ctx, j, V, opening);
    });
    return t.require(j, 'invalid_share', round2Broad, () => { threshold.checkDegree(ctx, opening); }) && opens;
  });
  for (const { sender, recipient, body } of t.sent(round2Uni)) {
    const opening = t.of(round2Broad, sender);
    if (opening !== undefined) t.require(sender, 'invalid_share', round2Uni, () => { threshold.checkShare(opening, recipient, body); });
  }

  const [commitments, openings] = [t.ofAll(round1), t.ofAll(round2Broad)];
  if (!ctx.reliableBroadcast || commitments === undefined || openings === undefined || opened.includes(false)) return;
  const echoes = threshold.echoes(ctx, commitments);
  const rid = jointRid(openings);
  const publicShares = threshold.publicSharesOf(ctx, threshold.jointPolynomial(ctx, openings));
  for (const j of t.everyone) {
    const proof = t.of(round3, j);
    if (proof === undefined || !t.hasEchoed(j, echoes)) continue;
    t.require(j, 'invalid_schnorr_proof', round3, () => {
      threshold.checkKnowledge(ctx, j, rid, at(publicShares, j), at(openings, j), proof.sch_proof);
    });
  }
}

export function judgeNonThresholdKeygen(ctx: PublicKeygenContext, t: Transcript): void {
  const { round2, round3 } = nonThreshold;
  const opened = t.everyone.map((j) => {
    const [V, opening] = [t.of(round1, j), t.of(round2, j)];
    if (V === undefined || opening === undefined) return false;
    return t.require(j, 'invalid_decommitment', round2, () => { nonThreshold.checkOpening(ctx, j, V, opening); });
  });

  const [commitments, openings] = [t.ofAll(round1), t.ofAll(round2)];
  if (!ctx.reliableBroadcast || commitments === undefined || openings === undefined || opened.includes(false)) return;
  const echoes = nonThreshold.echoes(ctx, commitments);
  const rid = jointRid(openings);
  for (const j of t.everyone) {
    const proof = t.of(round3, j);
    if (proof === undefined || !t.hasEchoed(j, echoes)) continue;
    t.require(j, 'invalid_schnorr_proof', round3, () => { nonThreshold.checkKnowledge(ctx, j, rid, at(openings, j), proof.sch_proof); });
  }
}
