/**
 * Judges a resharing. Lengths, an opening, and the key that a complaint shows are judged by their maker's own messages. A complaint and
 * a proof depend on others' messages. They are judged by the first messages that the accused has signed to have heard, in its echo. A
 * receiver that complains falsely is judged by the deal that it has signed to have, in its view; a dealer's deal is its own.
 */
import { at } from '../base/at.js';
import { check } from '../base/errors.js';
import { equalBytes } from '../math/integer.js';
import {
  checkKeys, checkLengths, checkOpening, falseKey, judgeComplaint, judgeProofs, newSharings, otherDeals,
  type Finding,
} from '../reshare/checks.js';
import type { ReshareContext } from '../reshare/context.js';
import { dealersOf, echoes, echoValue, receiversOf, reshareRounds, viewOf, type Deal } from '../reshare/messages.js';
import type { Transcript } from './transcript.js';

export function judgeReshare(ctx: ReshareContext, t: Transcript): void {
  const rounds = reshareRounds(ctx);
  const convict = (finding: Finding | null): void => {
    if (finding === null) return;
    t.require(finding.party, finding.code, rounds.answer, () => { check(finding.reason, false); });
  };
  const [dealers, receivers] = [dealersOf(ctx), receiversOf(ctx)];
  const deals = dealers.map((i) => judgeDeal(ctx, t, i));
  const keys = receivers.map((j) => {
    const own = t.of(rounds.keys, j);
    return own !== undefined && t.require(j, 'invalid_share', rounds.keys, () => { checkKeys(ctx, own); }) ? own : undefined;
  });
  const answers = receivers.map((j) => t.of(rounds.answer, j));
  for (const [j, answer] of answers.entries()) {
    const own = keys[j];
    if (own !== undefined) for (const complaint of answer?.complaints ?? []) convict(falseKey(ctx, j, complaint, own));
  }

  const commitments = dealers.map((i) => t.of(rounds.commitment, i));
  if (!commitments.every((first) => first !== undefined) || !keys.every((first) => first !== undefined)) return;
  const hashes = echoes(ctx, commitments, keys);
  const hasEchoed = (party: number): boolean => t.of(rounds.echo, party)?.echo.every((hash, m) => equalBytes(hash, at(hashes, m))) === true;
  const views = deals.map((deal, i) => (deal === undefined ? new Uint8Array() : viewOf(ctx, i, deal)));
  const first = { echo: echoValue(hashes), keys };
  for (const [j, answer] of answers.entries()) {
    for (const complaint of answer?.complaints ?? []) {
      const deal = deals[complaint.dealer];
      if (answer === undefined || deal === undefined) continue;
      const finding = judgeComplaint(ctx, { ...first, deal }, j, complaint);
      const isTheirs = finding.party === complaint.dealer || !otherDeals(ctx, views, answer).includes(complaint.dealer);
      if (hasEchoed(finding.party) && isTheirs) convict(finding);
    }
  }
  if (!deals.every((deal) => deal !== undefined)) return;
  // A proof depends on F and rid alone, and commitments that the accused has echoed bind these.
  const dealt = { ...first, deals };
  const sharings = newSharings(ctx, deals);
  for (const [j, answer] of answers.entries()) {
    if (answer?.proofs != null && hasEchoed(ctx.dealers + j)) convict(judgeProofs(ctx, dealt, sharings, j, answer.proofs));
  }
}

/** A dealer's deal, if it has the right lengths and opens what its maker has committed to. */
function judgeDeal(ctx: ReshareContext, t: Transcript, i: number): Deal | undefined {
  const rounds = reshareRounds(ctx);
  const [commitment, deal] = [t.of(rounds.commitment, i), t.of(rounds.deal, i)];
  if (deal === undefined || !t.require(i, 'invalid_share', rounds.deal, () => { checkLengths(ctx, deal); })) return undefined;
  if (commitment === undefined) return undefined;
  return t.require(i, 'invalid_decommitment', rounds.deal, () => { checkOpening(ctx, i, commitment, deal); }) ? deal : undefined;
}
