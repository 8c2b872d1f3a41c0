/** What every party, and a judge, checks of a resharing: it needs nothing but messages. */
import { at } from '../base/at.js';
import { check, failedCheckOf } from '../base/errors.js';
import { scalarChallenge } from '../hash/challenge.js';
import { integer, point, struct, text, type Encoding } from '../hash/encoding.js';
import { G, multiply, multiplyPublic, sumPoints, toScalar, type Point, type Scalar } from '../math/curve.js';
import { equalBytes } from '../math/integer.js';
import { evaluateCommitment } from '../math/polynomial.js';
import * as sch from '../zk/sch.js';
import { receiverPoint, TAG, type NamedKey, type ReshareAbortCode, type ReshareContext } from './context.js';
import { commitTo, dealersOf, jointRid, type Answer, type Commitment, type Complaint, type Deal, type Keys } from './messages.js';

/** All that the judgement of answers needs: every message but the answers themselves. */
export interface Dealt {
  /** `echoValue` of the first messages. */
  readonly echo: Encoding;
  readonly keys: readonly Keys[];
  readonly deals: readonly Deal[];
}

export function checkKeys({ dealers }: ReshareContext, { Y }: Keys): void {
  check('Y_j has one point for each dealer', Y.length === dealers);
}

/** A longer F would raise the threshold, a shorter one would lower it. */
export function checkLengths({ keys, threshold, receivers }: ReshareContext, { F, B, c }: Deal): void {
  check("F_i has t' - 1 points for each key", F.length === keys.length && F.every((row) => row.length === threshold - 1));
  check('B_i has one point for each receiver', B.length === receivers);
  check('c_i has one scalar for each key and receiver', c.length === keys.length && c.every((row) => row.length === receivers));
}

export function checkOpening(ctx: ReshareContext, dealer: number, { commitment }: Commitment, deal: Deal): void {
  check('V_i = H(run, i, opening)', equalBytes(commitment, commitTo(ctx, dealer, deal)));
}

/** C_i of one key: dealer i's polynomial in the exponent. */
function polynomial({ keys }: ReshareContext, dealer: number, k: number, { F }: Deal): Point[] {
  return [at(at(keys, k).constants, dealer), ...at(F, k)];
}

/** Where a sub-share comes from, and to whom it goes. */
export interface Place {
  readonly dealer: number;
  readonly receiver: number;
  /** Number of the key. */
  readonly k: number;
}

/** The one-time pad of a sub-share. @param shared y_ji b_ij G, which only the dealer and the receiver can compute */
export function pad(ctx: ReshareContext, echo: Encoding, { dealer, receiver, k }: Place, Y: Point, B: Point, shared: Point): Scalar {
  const fields = {
    run: ctx.run,
    echo,
    dealer: integer(dealer),
    receiver: integer(receiver),
    key_id: text(at(ctx.keys, k).keyId),
    Y: point(Y),
    B: point(B),
    shared: point(shared),
  };
  return scalarChallenge(struct(fields, `${TAG}pad`));
}

/** What one dealer has sent, and what it was made from. */
export interface OneDeal extends Omit<Dealt, 'deals'> {
  readonly deal: Deal;
}

/** s_ij, whatever it is. @param shared y_ji B_ij */
export function subShare(ctx: ReshareContext, { echo, keys, deal }: OneDeal, place: Place, shared: Point): Scalar {
  const { dealer, receiver, k } = place;
  const Y = at(at(keys, receiver).Y, dealer);
  return toScalar(at(at(deal.c, k), receiver) - pad(ctx, echo, place, Y, at(deal.B, receiver), shared));
}

/** The label of the check of a sub-share. */
const SUB_SHARE = 's_ij G = C_i(j)';

/** s_ij G = C_i(j): the sub-share is on the dealer's polynomial, whose constant term is lambda_i X_i. */
export function isSubShare(ctx: ReshareContext, { deal }: OneDeal, { dealer, receiver, k }: Place, s: Scalar): boolean {
  return multiply(G, s).equals(evaluateCommitment(polynomial(ctx, dealer, k, deal), receiverPoint(receiver)));
}

/** The sum of all dealers' polynomials gives the public shares; its constant term is the key as it was. */
export function newSharings(ctx: ReshareContext, deals: readonly Deal[]): NamedKey[] {
  return ctx.keys.map(({ keyId, core }, k) => {
    const polynomials = deals.map((deal, i) => polynomial(ctx, i, k, deal));
    const sum = Array.from({ length: ctx.threshold }, (_, m) => sumPoints(polynomials.map((C) => at(C, m))));
    const indices = Array.from({ length: ctx.receivers }, (_, j) => receiverPoint(j));
    const publicShares = indices.map((j) => evaluateCommitment(sum, j));
    const { chainCode } = core;
    return { keyId, core: { sharedPublicKey: at(sum, 0), publicShares, vssSetup: { minSigners: ctx.threshold, indices }, chainCode } };
  });
}

/** Seed of the challenge of receiver j's Schnorr proof for one key. */
export function proofSeed(ctx: ReshareContext, { echo, deals }: Dealt, receiver: number, keyId: string, X: Point, A: Point): Encoding {
  const fields = { run: ctx.run, echo, rid: jointRid(deals), receiver: integer(receiver), key_id: text(keyId), X: point(X), A: point(A) };
  return struct(fields, `${TAG}schnorr_pok`);
}

/** One party that has provably deviated. */
export interface Finding {
  /** Index in the run. */
  readonly party: number;
  readonly code: ReshareAbortCode;
  readonly reason: string;
}

/** The key that a receiver shows is the one that it has announced. @returns a finding against the receiver, or null */
export function falseKey({ dealers }: ReshareContext, receiver: number, { dealer, y }: Complaint, { Y }: Keys): Finding | null {
  if (multiplyPublic(G, y).equals(at(Y, dealer))) return null;
  return { party: dealers + receiver, code: 'false_complaint', reason: 'y G = Y_ji' };
}

/** A complaint is true or false: either its dealer has deviated, or its maker. */
export function judgeComplaint(ctx: ReshareContext, dealt: OneDeal, receiver: number, complaint: Complaint): Finding {
  const wrongKey = falseKey(ctx, receiver, complaint, at(dealt.keys, receiver));
  if (wrongKey !== null) return wrongKey;
  const { dealer, y } = complaint;
  const shared = multiplyPublic(at(dealt.deal.B, receiver), y);
  const isRight = ctx.keys.every((_, k) => {
    const place = { dealer, receiver, k };
    return isSubShare(ctx, dealt, place, subShare(ctx, dealt, place, shared));
  });
  if (!isRight) return { party: dealer, code: 'invalid_share', reason: SUB_SHARE };
  return { party: ctx.dealers + receiver, code: 'false_complaint', reason: 'one of the s_ij is not on C_i' };
}

/** Does the receiver know its share of each key? @returns a finding against it, or null */
export function judgeProofs(
  ctx: ReshareContext,
  dealt: Dealt,
  sharings: readonly NamedKey[],
  receiver: number,
  proofs: NonNullable<Answer['proofs']>,
): Finding | null {
  for (const [k, { A, z }] of proofs.entries()) {
    const { keyId, core } = at(sharings, k);
    const X = at(core.publicShares, receiver);
    const reason = failedCheckOf(() => { sch.verify(proofSeed(ctx, dealt, receiver, keyId, X, A), { A, y: X }, z); });
    if (reason !== null) return { party: ctx.dealers + receiver, code: 'invalid_schnorr_proof', reason };
  }
  return null;
}

/** The dealers whose deal is not the one that the view says. */
export function otherDeals(ctx: ReshareContext, views: readonly Uint8Array[], { view }: Answer): number[] {
  return dealersOf(ctx).filter((i) => !equalBytes(at(views, i), at(view, i)));
}
