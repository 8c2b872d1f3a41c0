/**
 * Judges aux info generation. An opening is judged by the same party's commitment. Moduli and Π^prm need nothing else. Π^mod and
 * Π^fac depend on the joint randomness, and Π^fac on its recipient's parameters too: they are judged by openings of the
 * commitments that their maker has echoed.
 */
import {
  checkDistinctModuli, checkFactors, checkModuli, checkOpening, checkPaillierModulus, checkRingPedersen, jointRho,
  type PublicAuxInfoContext,
} from '../aux_info/checks.js';
import { echo, round1, rounds } from '../aux_info/messages.js';
import { RingPedersen } from '../paillier/ring_pedersen.js';
import { at } from '../base/at.js';
import type { Transcript } from './transcript.js';

export function judgeAuxInfo(ctx: PublicAuxInfoContext, t: Transcript): void {
  const { round2, round3 } = rounds(ctx.params);
  const sound = t.everyone.map((j) => {
    const [V, opening] = [t.of(round1, j), t.of(round2, j)];
    if (opening === undefined) return false;
    const opens = V !== undefined && t.require(j, 'invalid_decommitment', round2, () => { checkOpening(ctx, j, V, opening); });
    return (
      t.require(j, 'invalid_modulus', round2, () => { checkModuli(ctx, opening); }) &&
      t.require(j, 'invalid_ring_pedersen_parameters', round2, () => { checkRingPedersen(ctx, j, opening); }) &&
      opens
    );
  });

  const [commitments, openings] = [t.ofAll(round1), t.ofAll(round2)];
  // An honest party whose peer's opening is refused makes no proof for it.
  if (!ctx.reliableBroadcast || commitments === undefined || openings === undefined || sound.includes(false)) return;
  const echoes = commitments.map((message) => echo(ctx.sid, message));
  const rho = jointRho(openings);
  const aux = openings.map(({ hat_N: nHat, s, t: base }) => new RingPedersen({ nHat, s, t: base }));
  const proven = new Set<number>();
  for (const { sender, recipient, body } of t.sent(round3)) {
    if (!t.hasEchoed(sender, echoes)) continue;
    const opening = at(openings, sender);
    const holds =
      t.require(sender, 'invalid_modulus_proof', round3, () => { checkPaillierModulus(ctx, sender, rho, opening, body); }) &&
      t.require(sender, 'invalid_factor_proof', round3, () => { checkFactors(ctx, sender, at(aux, recipient), rho, opening, body); });
    if (holds) proven.add(sender);
  }
  // Who has proven nothing may have copied what somebody else has opened.
  const isDistinct = checkDistinctModuli(openings.map(({ N }, j) => (proven.has(j) ? N : 1n)));
  for (const j of proven) t.require(j, 'invalid_modulus', round2, () => { isDistinct(j); });
}
