/** Messages of threshold key generation, their transcripts, and the checks that need public data only. */
import { z } from 'zod';
import { executionId, integer, leaf, list, point, struct, wrapped, type Encoding } from '../hash/encoding.js';
import { G, multiply, sumPoints, type Point, type Scalar } from '../math/curve.js';
import { evaluateCommitment } from '../math/polynomial.js';
import { at } from '../base/at.js';
import { check } from '../base/errors.js';
import type { AnyRound, Round } from '../runtime/protocol.js';
import { reliabilityCheckRound } from '../runtime/reliable_broadcast.js';
import { NonZeroPointJson, ScalarJson } from '../wire/json.js';
import * as sch from '../zk/sch.js';
import { chainCodeEncoding, commitments, commonDecommitment, round1, type CommonDecommitment } from './commitments.js';
import type { PublicKeygenContext, PublicThresholdKeygenContext } from './context.js';

const TAG = 'dfns.cggmp24.keygen.threshold.';

export interface Decommitment extends CommonDecommitment {
  /** F_j: the polynomial in the exponent, t points, the constant term first. */
  readonly F: Point[];
  /** A_j: commitment of the Schnorr proof. */
  readonly sch_commit: Point;
}

export const round2Broad: Round<Decommitment> = {
  variant: 'Round2Broad',
  number: 3,
  delivery: 'broadcast',
  body: z.object({ ...commonDecommitment, F: z.array(NonZeroPointJson).max(0xffff), sch_commit: NonZeroPointJson }),
};

/** sigma_j,i = f_j(i + 1). */
export const round2Uni: Round<{ readonly sigma: Scalar }> = {
  variant: 'Round2Uni',
  number: 3,
  delivery: 'p2p',
  body: z.object({ sigma: ScalarJson }),
};

export const round3: Round<{ readonly sch_proof: Scalar }> = {
  variant: 'Round3',
  number: 4,
  delivery: 'broadcast',
  body: z.object({ sch_proof: ScalarJson }),
};

export const thresholdKeygenRounds: readonly AnyRound[] = [round1, reliabilityCheckRound, round2Broad, round2Uni, round3];

function encodeDecommitment(mode: PublicKeygenContext['chainCode'], message: Decommitment): Encoding {
  return struct(
    {
      rid: leaf(message.rid),
      F: struct({ coefs: list(message.F.map(point)) }),
      sch_commit: wrapped(point(message.sch_commit)),
      ...chainCodeEncoding(mode, message),
      decommit: leaf(message.decommit),
    },
    `${TAG}round2_broad`,
  );
}

/** Seed of party j's Schnorr challenge: of its share y, with its commitment h. */
export function schnorrSeed(sid: Uint8Array, prover: number, rid: Uint8Array, y: Point, h: Point): Encoding {
  return struct(
    { sid: executionId(sid), prover: integer(prover), rid: leaf(rid), y: wrapped(point(y)), h: point(h) },
    `${TAG}schnorr_pok`,
  );
}

/** Party j's evaluation point. */
export function shareIndex(party: number): Scalar {
  return BigInt(party + 1);
}

export const { commit, echoes, checkOpening } = commitments(TAG, encodeDecommitment);

/** A longer vector would raise the threshold for everybody. */
export function checkDegree({ threshold }: PublicThresholdKeygenContext, { F }: Decommitment): void {
  check('F_j has t coefficients', F.length === threshold);
}

/** The share for party i is on the polynomial. */
export function checkShare({ F }: Decommitment, i: number, { sigma }: { readonly sigma: Scalar }): void {
  check('sigma_j,i G = F_j(i + 1)', multiply(G, sigma).equals(evaluateCommitment(F, shareIndex(i))));
}

/**
 * The sum of all polynomials, in the exponent: the public key is its constant term.
 * @param openings of all parties, with `threshold` coefficients each
 */
export function jointPolynomial({ threshold }: PublicThresholdKeygenContext, openings: readonly Decommitment[]): Point[] {
  return Array.from({ length: threshold }, (_, k) => sumPoints(openings.map(({ F }) => at(F, k))));
}

/** X_j of each party. */
export function publicSharesOf({ parties }: PublicKeygenContext, polynomial: readonly Point[]): Point[] {
  return Array.from({ length: parties }, (_, j) => evaluateCommitment(polynomial, shareIndex(j)));
}

/** Party j knows its share of the key. @param y the public share @param z the answer of the Schnorr proof */
export function checkKnowledge(
  { sid }: PublicKeygenContext,
  j: number,
  rid: Uint8Array,
  y: Point,
  { sch_commit: A }: Decommitment,
  z: Scalar,
): void {
  sch.verify(schnorrSeed(sid, j, rid, y, A), { A, y }, z);
}
