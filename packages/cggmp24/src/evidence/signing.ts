/**
 * Judges presigning and signing. A proof of round 1 and the Π^elog of Gamma_j are judged by their maker's own first message.
 * Everything else depends on others' messages, and is judged by those that the accused is known to have seen:
 *
 *   - all first messages are what it has echoed;
 *   - Gamma_j follows from j's first message by its Π^elog, Delta_j from that and Gamma, so that there are no two of either;
 *   - delta follows from delta G = sum of Delta_j.
 *
 * The rest, S_j and sigma_j, is the accused's own. When one of these is missing or does not hold, nothing that needs it is judged.
 */
import { sumPoints, type Point } from '../math/curve.js';
import { at } from '../base/at.js';
import { check, failedCheckOf } from '../base/errors.js';
import { checkDelta, checkEncryptions, checkGamma, checkProducts, checkSums } from '../signing/checks.js';
import type { PublicSigningContext } from '../signing/context.js';
import { FAILED, identificationChecks, operationOf, type PresigningTranscript, type SentOperation } from '../signing/identification.js';
import { identificationRounds, type FailedSum } from '../signing/identification_messages.js';
import { echo, round1a, round1b, round2, round3, round4, type Round1a, type Round3 } from '../signing/messages.js';
import { digestToScalar, isPartialSignature, PARTIAL_SIGNATURE_EQUATION } from '../signing/presignature.js';
import { publicDataOf } from '../signing/presignature_data.js';
import type { Transcript } from './transcript.js';

/** @param digest the 32 bytes that were to be signed, null when nothing was */
export function judgeSigning(ctx: PublicSigningContext, digest: Uint8Array | null, t: Transcript): void {
  for (const { sender, recipient, body } of t.sent(round1b)) {
    const first = t.of(round1a, sender);
    if (first === undefined) continue;
    t.require(sender, 'invalid_encryption_proof', round1b, () => { checkEncryptions(ctx, sender, recipient, first, body); });
  }
  const Gammas = judgeGammas(ctx, t);
  const ciphertexts = t.ofAll(round1a);
  if (!ctx.reliableBroadcast || ciphertexts === undefined) return;
  const echoes = ciphertexts.map((first) => echo(ctx.sid, first));
  const bound = t.everyone.filter((j) => t.hasEchoed(j, echoes));
  for (const { sender, recipient, body } of t.sent(round2)) {
    if (!bound.includes(sender)) continue;
    t.require(sender, 'invalid_affine_proof', round2, () => { checkProducts(ctx, sender, recipient, at(ciphertexts, recipient).K, body); });
  }
  const all = t.everyone.map((j) => Gammas.get(j));
  if (all.every((Gamma) => Gamma !== undefined)) judgeResults(ctx, digest, t, bound, { ciphertexts, Gammas: all });
}

/** Gamma_j of each signer that has proven it to at least one other. */
function judgeGammas(ctx: PublicSigningContext, t: Transcript): Map<number, Point> {
  const Gammas = new Map<number, Point>();
  for (const { sender, body } of t.sent(round2)) {
    const first = t.of(round1a, sender);
    if (first === undefined) continue;
    const proven = t.require(sender, 'invalid_affine_proof', round2, () => { checkGamma(ctx, sender, first, body); });
    if (proven) Gammas.set(sender, body.Gamma);
  }
  return Gammas;
}

/** @param bound the signers that have echoed these first messages */
function judgeResults(
  ctx: PublicSigningContext,
  digest: Uint8Array | null,
  t: Transcript,
  bound: readonly number[],
  shown: { readonly ciphertexts: readonly Round1a[]; readonly Gammas: readonly Point[] },
): void {
  const Gamma = sumPoints(shown.Gammas);
  const verify = (j: number, result: Round3) => (): void => { checkDelta(ctx, j, at(shown.ciphertexts, j), Gamma, result); };
  for (const j of bound) {
    const result = t.of(round3, j);
    if (result !== undefined) t.require(j, 'invalid_exponent_proof', round3, verify(j, result));
  }
  const results = t.ofAll(round3);
  if (results === undefined || results.some((result, j) => failedCheckOf(verify(j, result)) !== null)) return;
  const equation = failedCheckOf(() => { checkSums(ctx, results); });
  const sum = equation === null ? undefined : FAILED[equation];
  if (equation === null && digest !== null) judgePartialSignatures(digest, t, bound, Gamma, results);
  if (sum !== undefined && ctx.identification) judgeIdentification(ctx, sum, t, bound, { ...shown, results });
}

function judgePartialSignatures(
  digest: Uint8Array,
  t: Transcript,
  bound: readonly number[],
  Gamma: Point,
  results: readonly Round3[],
): void {
  const publicData = publicDataOf(Gamma, results);
  const m = digestToScalar(digest);
  for (const j of bound) {
    const signed = t.of(round4, j);
    if (signed === undefined) continue;
    t.require(j, 'invalid_partial_signature', round4, () => {
      check(PARTIAL_SIGNATURE_EQUATION, isPartialSignature(signed.partial_sig.sigma, j, publicData, m));
    });
  }
}

function judgeIdentification(
  ctx: PublicSigningContext,
  sum: FailedSum,
  t: Transcript,
  bound: readonly number[],
  shown: PresigningTranscript,
): void {
  const rounds = identificationRounds(sum, ctx.params, ctx.signers);
  const proofs = t.ofAll(rounds.result);
  const exchanges = rounds.exchanges.map((round) => t.ofAll(round));
  if (proofs === undefined || !exchanges.every((messages) => messages !== undefined)) return;
  const messages = proofs.map((proof, j) => ({ ...proof, exchanges: exchanges.map((of) => at(of, j)) }));
  const refused = new Set<number>();
  for (const { party, what, verify } of identificationChecks(ctx, sum, shown, messages, sentOperation(sum, t))) {
    if (refused.has(party)) continue;
    const reason = failedCheckOf(verify);
    if (reason === null) continue;
    refused.add(party);
    if (bound.includes(party)) t.require(party, 'inconsistent_presignature', rounds.result, () => { check(`${what}: ${reason}`, false); });
  }
}

/** What an accused has signed for the recipient itself counts more than what the recipient shows as received from it. */
function sentOperation(sum: FailedSum, t: Transcript): SentOperation {
  const sent = [...t.sent(round2)];
  return (i, j) => {
    const message = sent.find(({ sender, recipient }) => sender === i && recipient === j);
    return message === undefined ? undefined : operationOf(message.body, sum);
  };
}
