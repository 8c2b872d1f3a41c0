/** What is known of a presignature, and what signatures with and without re-randomisation have in common. */
import { fields, listOf } from '../base/arguments.js';
import { InvalidArgument, ProtocolBug } from '../base/errors.js';
import { publicPoint, type PublicKey } from '../ecdsa.js';
import {
  G, GROUP_ORDER, invertScalar, multiplyPublic, PointShape, ScalarShape, sumPoints, sumScalars, toScalar, type Point, type Scalar,
} from '../math/curve.js';
import { abortOver, type ProtocolAborted } from '../runtime/abort.js';
import type { SigningAbortCode } from './context.js';
import type { Round3 } from './messages.js';

/** What the partial signature of one signer is checked against. */
export interface PresignatureCommitment {
  /** delta^-1 Delta_j. */
  readonly tildeDelta: Point;
  /** delta^-1 S_j. */
  readonly tildeS: Point;
}

/** The public side of a presignature; the same at all signers. */
export interface PresignaturePublicData {
  /** Gamma: its x-coordinate is r. */
  readonly Gamma: Point;
  /** One for each signer, in their order. */
  readonly commitments: readonly PresignatureCommitment[];
}

/** The public side that round 3 of presigning gives. @param results of all signers, in their order; their deltas add up to a unit */
export function publicDataOf(Gamma: Point, results: readonly Round3[]): PresignaturePublicData {
  const inverse = invertScalar(sumScalars(results.map(({ delta }) => delta)));
  const commitments = results.map(({ Delta, S }) => ({
    tildeDelta: multiplyPublic(Delta, inverse),
    tildeS: multiplyPublic(S, inverse),
  }));
  return { Gamma, commitments };
}

/** One signer's part of a signature. */
export interface PartialSignature {
  readonly sigma: Scalar;
}

/** A signer's secret half: k_i / delta and chi_i / delta. */
export interface PresignatureSecrets {
  readonly tildeK: Scalar;
  readonly tildeChi: Scalar;
}

export const PublicDataShape = fields({
  Gamma: PointShape.refine((P) => !P.is0(), 'must not be the point at infinity'),
  commitments: listOf(fields({ tildeDelta: PointShape, tildeS: PointShape }), 1),
});
export const SecretsShape = fields({ tildeK: ScalarShape, tildeChi: ScalarShape });
export const PartialSignatureShape = fields({ sigma: ScalarShape });

/** r = x(Gamma) mod q. */
export function xCoordinate(Gamma: Point): Scalar {
  return toScalar(Gamma.toAffine().x);
}

/** The sum of the S~_j is the key, and that of the Delta~_j is G. @throws InvalidArgument */
export function requireKey({ commitments }: PresignaturePublicData, publicKey: PublicKey): void {
  const nonce = sumPoints(commitments.map(({ tildeDelta }) => tildeDelta));
  if (!nonce.equals(G)) throw new InvalidArgument('publicData', 'is not of a presignature');
  const key = sumPoints(commitments.map(({ tildeS }) => tildeS));
  if (!key.equals(publicPoint(publicKey))) throw new InvalidArgument('publicKey', 'is not the key that the presignature was made with');
}

/** The sum of the parts, or its negative: the smaller one. */
export function lowS(partials: readonly PartialSignature[]): Scalar {
  const sum = sumScalars(partials.map(({ sigma }) => sigma));
  return sum > GROUP_ORDER / 2n ? GROUP_ORDER - sum : sum;
}

/** @throws InvalidArgument unless there is one part of each signer */
export function requireAll(partials: readonly PartialSignature[], { commitments }: PresignaturePublicData): void {
  if (partials.length === commitments.length) return;
  throw new InvalidArgument('partials', `must be one of each of the ${commitments.length} signers`);
}

/** The abort over parts of which not all are right. */
export function wrongPartials<T>(
  partials: readonly T[],
  isRight: (partial: T, position: number) => boolean,
  equation: string,
  attributable: boolean,
): ProtocolAborted<SigningAbortCode> {
  const wrong = partials.flatMap((partial, party) => (isRight(partial, party) ? [] : [{ party, reason: equation }]));
  if (wrong.length === 0) throw new ProtocolBug('all partial signatures are right but their sum is not');
  return abortOver<SigningAbortCode>('invalid_partial_signature', 'combine', wrong, attributable);
}
