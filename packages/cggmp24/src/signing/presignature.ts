import { inspectSymbol } from '../base/inspect.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { z } from 'zod';
import { Bytes, checkArgument, fields, Flag, integerBetween, listOf } from '../base/arguments.js';
import { at } from '../base/at.js';
import { InvalidArgument, ProtocolBug } from '../base/errors.js';
import { verify, type PublicKey, type Signature } from '../ecdsa.js';
import {
  decodePoint,
  G,
  GROUP_ORDER,
  invertScalar,
  multiplyPublic,
  PointShape,
  ScalarShape,
  sumPoints,
  sumScalars,
  toScalar,
  type Point,
  type Scalar,
} from '../math/curve.js';
import { fromBytes } from '../math/integer.js';
import { abortOver } from '../runtime/abort.js';
import { NonZeroPointJson, PointJson, ScalarJson } from '../wire/json.js';
import { parseWith } from '../wire/parse.js';
import type { SigningAbortCode } from './context.js';
import { newToken, takeToken, TokenJson } from './hand_over.js';
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

const PublicDataShape = fields({
  Gamma: PointShape.refine((P) => !P.is0(), 'must not be the point at infinity'),
  commitments: listOf(fields({ tildeDelta: PointShape, tildeS: PointShape }), 1),
});
const SecretsShape = fields({ tildeK: ScalarShape, tildeChi: ScalarShape });
export const PartialSignatureShape = fields({ sigma: ScalarShape });
const PartialSignaturesShape = listOf(PartialSignatureShape);

/** m = SHA-256(message) as an integer modulo q. @throws InvalidArgument */
export function messageToScalar(message: Uint8Array): Scalar {
  checkArgument('message', Bytes, message);
  return toScalar(fromBytes(sha256(message)));
}

/** r = x(Gamma) mod q. */
function xCoordinate(Gamma: Point): Scalar {
  return toScalar(Gamma.toAffine().x);
}

const HandOverJson = z.object({
  token: TokenJson,
  Gamma: NonZeroPointJson,
  tilde_k: ScalarJson,
  tilde_chi: ScalarJson,
  commitments: z.array(z.object({ tilde_Delta: PointJson, tilde_S: PointJson })).min(1),
});

/**
 * A signer's presignature: good for one signature. Every use empties it first, so that nothing that happens
 * afterwards can make it sign again: two signatures from one presignature reveal the key. Memory only; prints as `[secret]`.
 */
export class Presignature {
  #secrets: PresignatureSecrets | null;

  constructor(
    readonly publicData: PresignaturePublicData,
    secrets: PresignatureSecrets,
  ) {
    checkArgument('publicData', PublicDataShape, publicData);
    checkArgument('secrets', SecretsShape, secrets);
    this.#secrets = secrets;
  }

  #take(): PresignatureSecrets {
    const secrets = this.#secrets;
    this.#secrets = null;
    if (secrets === null) throw new InvalidArgument('presignature', 'was used already');
    return secrets;
  }

  /**
   * sigma_i = k~_i m + r chi~_i. Takes the message itself: a digest chosen after the presignature is known allows forgery.
   * @param message the bytes to be hashed with SHA-256, not a digest
   * @throws InvalidArgument when the presignature was used already, or when the message is no Uint8Array; that does not use it up
   */
  issuePartialSignature(message: Uint8Array): PartialSignature {
    checkArgument('message', Bytes, message);
    const { tildeK, tildeChi } = this.#take();
    const r = xCoordinate(this.publicData.Gamma);
    return { sigma: toScalar(tildeK * messageToScalar(message) + r * tildeChi) };
  }

  /** Empties this presignature into text for another thread of this process; never for a file or a network. */
  handOver(): string {
    const { tildeK, tildeChi } = this.#take();
    const { Gamma, commitments } = this.publicData;
    const fields = {
      token: newToken(),
      Gamma,
      tilde_k: tildeK,
      tilde_chi: tildeChi,
      commitments: commitments.map(({ tildeDelta, tildeS }) => ({ tilde_Delta: tildeDelta, tilde_S: tildeS })),
    };
    return JSON.stringify(z.encode(HandOverJson, fields));
  }

  /**
   * Takes over what `handOver` gave. A thread takes a text once; it is for the caller to give it to one thread alone.
   * @throws InvalidArgument when the text was taken over already, or is none of `handOver`
   */
  static takeOver(text: string): Presignature {
    const { token, Gamma, tilde_k, tilde_chi, commitments } = parseWith(HandOverJson, text, 'presignature');
    if (!takeToken(token)) throw new InvalidArgument('presignature', 'was taken over already');
    return new Presignature(
      { Gamma, commitments: commitments.map(({ tilde_Delta, tilde_S }) => ({ tildeDelta: tilde_Delta, tildeS: tilde_S })) },
      { tildeK: tilde_k, tildeChi: tilde_chi },
    );
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspectSymbol](): string {
    return '[secret]';
  }
}

/** Label of the check of a partial signature. */
export const PARTIAL_SIGNATURE_EQUATION = 'sigma_j Gamma = m Delta~_j + r S~_j';

/**
 * Does sigma_j Gamma = m Delta~_j + r S~_j hold?
 * @param position j, from 0
 * @param m `messageToScalar` of the message
 * @throws InvalidArgument
 */
export function isPartialSignature(sigma: Scalar, position: number, publicData: PresignaturePublicData, m: Scalar): boolean {
  checkArgument('sigma', ScalarShape, sigma);
  checkArgument('publicData', PublicDataShape, publicData);
  checkArgument('position', integerBetween(0, publicData.commitments.length - 1), position);
  checkArgument('m', ScalarShape, m);
  const { Gamma, commitments } = publicData;
  const { tildeDelta, tildeS } = at(commitments, position);
  const expected = multiplyPublic(tildeDelta, m).add(multiplyPublic(tildeS, xCoordinate(Gamma)));
  return multiplyPublic(Gamma, sigma).equals(expected);
}

/** The sum of the S~_j is the key, and that of the Delta~_j is G. @throws InvalidArgument */
function requireKey({ commitments }: PresignaturePublicData, publicKey: PublicKey): void {
  const nonce = sumPoints(commitments.map(({ tildeDelta }) => tildeDelta));
  if (!nonce.equals(G)) throw new InvalidArgument('publicData', 'is not of a presignature');
  const key = sumPoints(commitments.map(({ tildeS }) => tildeS));
  const given = publicKey instanceof Uint8Array ? decodePoint(publicKey) : publicKey;
  if (!key.equals(given)) throw new InvalidArgument('publicKey', 'is not the key that the presignature was made with');
}

/**
 * Adds the partial signatures, in the order of the signers, and verifies the result. When it is not valid, the
 * equation of each partial signature is checked, to name the makers of wrong ones.
 *
 * @param attributable false when no echo round has compared the first messages of presigning. A signer that sent different ones
 *   to different signers can then make honest partial signatures fail, so nobody is blamed
 * @throws ProtocolAborted `invalid_partial_signature` naming the makers of wrong ones
 * @throws InvalidArgument, also when the presignature is of another key than `publicKey`
 */
export function combine(
  partials: readonly PartialSignature[],
  publicData: PresignaturePublicData,
  publicKey: PublicKey,
  message: Uint8Array,
  attributable = true,
): Signature {
  checkArgument('partials', PartialSignaturesShape, partials);
  checkArgument('publicData', PublicDataShape, publicData);
  checkArgument('message', Bytes, message);
  checkArgument('attributable', Flag, attributable);
  if (partials.length !== publicData.commitments.length) {
    throw new InvalidArgument('partials', `must be one of each of the ${publicData.commitments.length} signers`);
  }
  const sum = sumScalars(partials.map(({ sigma }) => sigma));
  const s = sum > GROUP_ORDER / 2n ? GROUP_ORDER - sum : sum;
  const signature = { r: xCoordinate(publicData.Gamma), s };
  if (verify(signature, publicKey, message)) return signature;
  requireKey(publicData, publicKey);

  const m = messageToScalar(message);
  const wrong = partials.flatMap(({ sigma }, party) => (isPartialSignature(sigma, party, publicData, m) ? [] : [party]));
  if (wrong.length === 0) throw new ProtocolBug('all partial signatures are right but their sum is not');
  const blame = wrong.map((party) => ({ party, reason: PARTIAL_SIGNATURE_EQUATION }));
  throw abortOver<SigningAbortCode>('invalid_partial_signature', 'combine', blame, attributable);
}
