/**
 * Resharing: t parties that hold shares of some keys deal them anew to n' receivers, of whom any t' will sign. The keys stay, and old
 * and new shares do not mix. With the same parties it is a refresh.
 *
 * 1 dealers commit to their polynomials, 2 receivers announce keys for this run, 3 everybody echoes, 4 dealers open, and broadcast the
 * sub-shares under one-time pads, 5 receivers complain, or prove that they know their shares. A later check is made when the earlier
 * ones hold for everybody, so that whoever is named has deviated, whatever others have sent to whom.
 */
import { at } from '../base/at.js';
import { ProtocolBug } from '../base/errors.js';
import { Secret } from '../base/secret.js';
import type { CoreKeyShare } from '../key_share/core.js';
import { G, multiply, sumScalars, toScalar, type Scalar } from '../math/curve.js';
import { equalBytes } from '../math/integer.js';
import { evaluate } from '../math/polynomial.js';
import { randomScalar, type Rng } from '../math/random.js';
import { ProtocolAborted, type MessageAbortCode } from '../runtime/abort.js';
import { broadcast, pause, receive, verifyPeers, type Protocol, type Round } from '../runtime/protocol.js';
import * as sch from '../zk/sch.js';
import {
  checkKeys, checkLengths, checkOpening, isSubShare, judgeComplaint, judgeProofs, newSharings, otherDeals, pad, proofSeed, subShare,
  type Dealt, type Finding,
} from './checks.js';
import { receiverPoint, type NamedKey, type OwnShares, type ReshareAbortCode, type ReshareContext } from './context.js';
import {
  commitTo, dealersOf, echoes, echoValue, receiversOf, reshareRounds, viewOf,
  type Answer, type Commitment, type Complaint, type Deal, type Keys,
} from './messages.js';

/** A party of the run. */
interface Party {
  readonly ctx: ReshareContext;
  readonly index: number;
  readonly rng: Rng;
}

/** What a party keeps for its own messages. */
interface Own {
  readonly commitment?: Commitment;
  readonly keys?: Keys;
}

/** A message of each party that sends this round, in order, one's own in its place. */
function* collect<Body>({ index }: Party, round: Round<Body>, own: Body | undefined): Protocol<Body[]> {
  const values = yield* receive(round);
  return (round.senders ?? []).map((j) => (j === index && own !== undefined ? own : values.of(j)));
}

/** Rounds 1 to 3: what everybody has from everybody, once all have the same. */
function* begin(party: Party, own: Own): Protocol<{ commitments: Commitment[]; keys: Keys[] } & Pick<Dealt, 'echo'>> {
  const { ctx, index } = party;
  const rounds = reshareRounds(ctx);

  // Rounds 1 and 2
  if (own.commitment !== undefined) yield* broadcast(rounds.commitment, own.commitment);
  if (own.keys !== undefined) yield* broadcast(rounds.keys, own.keys);
  const commitments = yield* collect(party, rounds.commitment, own.commitment);
  const keys = yield* collect(party, rounds.keys, own.keys);
  const verify = (j: number): void => { checkKeys(ctx, at(keys, j - ctx.dealers)); };
  yield* verifyPeers<ReshareAbortCode>(others(receiversOf(ctx), index), [{ code: 'invalid_share', round: rounds.keys, verify }]);

  // Round 3
  const hashes = echoes(ctx, commitments, keys);
  yield* broadcast(rounds.echo, { echo: hashes });
  const heard = yield* receive(rounds.echo);
  const everyone = [...dealersOf(ctx), ...receiversOf(ctx)];
  const differing = everyone.filter((m) =>
    others(everyone, index).some((j) => !equalBytes(at(hashes, m), at(heard.of(j).echo, m))));
  if (differing.length > 0) throw inconsistent(rounds.echo.variant, `not all have the same message of parties ${differing.join(', ')}`);
  return { commitments, keys, echo: echoValue(hashes) };
}

function others(parties: readonly number[], index: number): number[] {
  return parties.filter((j) => j !== index);
}

function inconsistent(round: string, detail: string): ProtocolAborted<MessageAbortCode> {
  return new ProtocolAborted<MessageAbortCode>('inconsistent_broadcast', round, [], detail);
}

/** The other dealers' deals have their lengths, and open what was committed to. */
function* checkDeals({ ctx, index }: Party, commitments: readonly Commitment[], deals: readonly Deal[]): Protocol<void> {
  const { deal: round } = reshareRounds(ctx);
  yield* verifyPeers<ReshareAbortCode>(others(dealersOf(ctx), index), [
    { code: 'invalid_share', round, verify: (i) => { checkLengths(ctx, at(deals, i)); } },
    { code: 'invalid_decommitment', round, verify: (i) => { checkOpening(ctx, i, at(commitments, i), at(deals, i)); } },
  ]);
}

/** Which code an abort has when there are several findings. */
const CODES = ['invalid_share', 'false_complaint', 'invalid_schnorr_proof'] as const;

/** Round 5: everybody has the same deals, nobody complains, and every receiver knows its shares. */
function* conclude({ ctx, index }: Party, dealt: Dealt, sharings: readonly NamedKey[], answers: readonly Answer[]): Protocol<void> {
  const { variant } = reshareRounds(ctx).answer;
  const views = dealt.deals.map((deal, i) => viewOf(ctx, i, deal));
  const differing = new Set(answers.flatMap((answer) => otherDeals(ctx, views, answer)));
  if (differing.size > 0) throw inconsistent(variant, `not all have the same deal of parties ${[...differing].join(', ')}`);

  const findings = new Map<number, Finding>();
  for (const [receiver, { complaints, proofs }] of answers.entries()) {
    yield* pause(`${variant}: checking party ${ctx.dealers + receiver}`);
    const isOwn = ctx.dealers + receiver === index;
    const found = complaints.map((one) => judgeComplaint(ctx, { ...dealt, deal: at(dealt.deals, one.dealer) }, receiver, one));
    const unproven = proofs === null || isOwn ? null : judgeProofs(ctx, dealt, sharings, receiver, proofs);
    for (const finding of unproven === null ? found : [...found, unproven]) {
      if (finding.party === index) throw new ProtocolBug('an honest party has found itself guilty');
      if (!findings.has(finding.party)) findings.set(finding.party, finding);
    }
  }
  const guilty = [...findings.values()].sort((a, b) => a.party - b.party);
  const code = CODES.find((one) => guilty.some((finding) => finding.code === one));
  if (code === undefined) return;
  throw new ProtocolAborted<ReshareAbortCode>(code, variant, guilty.map(({ party, reason }) => ({ party, reason })));
}

/** The new sharings; the probability that there is none is 2^-256. */
function* sharingsOf({ ctx }: Party, { deals }: Dealt): Protocol<NamedKey[]> {
  yield* pause('Output: public shares');
  const sharings = newSharings(ctx, deals);
  if (sharings.some(({ core }) => core.publicShares.some((X) => X.is0()))) {
    throw new ProtocolAborted<ReshareAbortCode>('invalid_key', 'Output', [], 'a public share is the identity');
  }
  return sharings;
}

/** g_i of each key: lambda_i x_i, and t' - 1 coefficients that nobody else knows. */
function polynomials(ctx: ReshareContext, { dealer, shares }: OwnShares, rng: Rng): Scalar[][] {
  return ctx.keys.map(({ lambda }, k) => [
    toScalar(at(lambda, dealer) * at(shares, k).reveal()),
    ...Array.from({ length: ctx.threshold - 1 }, () => randomScalar(rng)),
  ]);
}

/** Dealer i's part. @returns the new public shares */
export function* deal(ctx: ReshareContext, own: OwnShares, rng: Rng): Protocol<NamedKey[]> {
  const { dealer: i } = own;
  const party = { ctx, index: i, rng };
  const rounds = reshareRounds(ctx);
  const g = polynomials(ctx, own, rng);
  const opening = { rid: rng(32), decommit: rng(32), F: g.map(([, ...a]) => a.map((coefficient) => multiply(G, coefficient))) };
  const { commitments, keys, echo } = yield* begin(party, { commitment: { commitment: commitTo(ctx, i, opening) } });

  // Round 4
  const b = keys.map(() => randomScalar(rng));
  const B = b.map((b_ij) => multiply(G, b_ij));
  const shared = keys.map(({ Y }, j) => multiply(at(Y, i), at(b, j)));
  const encrypted = (k: number, j: number): Scalar => {
    const place = { dealer: i, receiver: j, k };
    const mask = pad(ctx, echo, place, at(at(keys, j).Y, i), at(B, j), at(shared, j));
    return toScalar(evaluate(at(g, k), receiverPoint(j)) + mask);
  };
  const mine: Deal = { ...opening, B, c: ctx.keys.map((_, k) => keys.map((__, j) => encrypted(k, j))) };
  yield* broadcast(rounds.deal, mine);
  const deals = yield* collect(party, rounds.deal, mine);
  yield* checkDeals(party, commitments, deals);

  // Round 5
  const dealt = { echo, keys, deals };
  const answers = yield* collect(party, rounds.answer, undefined);
  const sharings = yield* sharingsOf(party, dealt);
  yield* conclude(party, dealt, sharings, answers);
  return sharings;
}

/** One's share of a key, or the dealers whose sub-share is not right. */
type Received = { readonly complaints: Complaint[]; readonly shares: Scalar[] };

/** Takes the pads off, and checks each sub-share. */
function* open(ctx: ReshareContext, receiver: number, y: readonly Scalar[], dealt: Dealt): Protocol<Received> {
  const shared = dealt.deals.map(({ B }, i) => multiply(at(B, receiver), at(y, i)));
  const complained = new Set<number>();
  const shares: Scalar[] = [];
  for (const k of ctx.keys.keys()) {
    yield* pause(`Round4: opening key ${k + 1} of ${ctx.keys.length}`);
    const parts = dealersOf(ctx).map((dealer) => {
      const place = { dealer, receiver, k };
      const dealtBy = { ...dealt, deal: at(dealt.deals, dealer) };
      const s = subShare(ctx, dealtBy, place, at(shared, dealer));
      if (!isSubShare(ctx, dealtBy, place, s)) complained.add(dealer);
      return s;
    });
    shares.push(sumScalars(parts));
  }
  const complaints = [...complained].sort((a, b) => a - b).map((dealer) => ({ dealer, y: at(y, dealer) }));
  return { complaints, shares };
}

/** Receiver j's part. @returns its share of each key, in the order of the setting */
export function* receiveShares(ctx: ReshareContext, receiver: number, rng: Rng): Protocol<NamedKey<CoreKeyShare>[]> {
  const party = { ctx, index: ctx.dealers + receiver, rng };
  const rounds = reshareRounds(ctx);
  const y = dealersOf(ctx).map(() => randomScalar(rng));
  const { commitments, keys, echo } = yield* begin(party, { keys: { Y: y.map((y_ji) => multiply(G, y_ji)) } });

  // Round 4
  const deals = yield* collect(party, rounds.deal, undefined);
  yield* checkDeals(party, commitments, deals);
  const dealt = { echo, keys, deals };
  const sharings = yield* sharingsOf(party, dealt);
  const { complaints, shares } = yield* open(ctx, receiver, y, dealt);

  // Round 5
  const prove = ({ keyId, core }: NamedKey, k: number) => {
    const { nonce, A } = sch.commit(rng);
    const seed = proofSeed(ctx, dealt, receiver, keyId, at(core.publicShares, receiver), A);
    return { A, z: sch.respond(seed, nonce, at(shares, k)) };
  };
  const proofs = complaints.length > 0 ? null : sharings.map(prove);
  const mine: Answer = { view: deals.map((each, i) => viewOf(ctx, i, each)), complaints, proofs };
  yield* broadcast(rounds.answer, mine);
  const answers = yield* collect(party, rounds.answer, mine);
  yield* conclude(party, dealt, sharings, answers);

  // Output
  return sharings.map(({ keyId, core }, k) => ({ keyId, core: { ...core, index: receiver, secretShare: new Secret(at(shares, k)) } }));
}
