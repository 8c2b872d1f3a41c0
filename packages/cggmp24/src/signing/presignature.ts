import { inspect } from 'node:util';
import { sha256 } from '@noble/hashes/sha2.js';
import { z } from 'zod';
import { encodePoint, GROUP_ORDER, invertScalar, multiplyPublic, sumScalars, toScalar, type Point, type Scalar } from '../math/curve.js';
import { verify, type Signature } from '../ecdsa.js';
import { fromBytes } from '../math/integer.js';
import { at } from '../base/at.js';
import { InvalidArgument, ProtocolBug } from '../base/errors.js';
import { abortOver } from '../runtime/abort.js';
import { NonZeroPointJson, PointJson, ScalarJson } from '../wire/json.js';
import { parseWith } from '../wire/parse.js';
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

/** What the third round of presigning comes to. @param results of all signers, in their order; their deltas add up to a unit */
export function publicDataOf(Gamma: Point, results: readonly Round3[]): PresignaturePublicData {
  const inverse = invertScalar(sumScalars(results.map(({ delta }) => delta)));
  return { Gamma, commitments: results.map(({ Delta, S }) => ({ tildeDelta: multiplyPublic(Delta, inverse), tildeS: multiplyPublic(S, inverse) })) };
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

/** m = SHA-256(message) as an integer modulo q. */
export function messageToScalar(message: Uint8Array): Scalar {
  return toScalar(fromBytes(sha256(message)));
}

/** r = x(Gamma) mod q. */
function xCoordinate(Gamma: Point): Scalar {
  return toScalar(Gamma.toAffine().x);
}

const HandOverJson = z.object({
  Gamma: NonZeroPointJson,
  tilde_k: ScalarJson,
  tilde_chi: ScalarJson,
  commitments: z.array(z.object({ tilde_Delta: PointJson, tilde_S: PointJson })),
});

/**
 * A signer's presignature: good for one signature. Whatever uses it empties it first, so that nothing that happens
 * afterwards can make it sign again: two signatures from one presignature reveal the key. Memory only; prints as `[secret]`.
 */
export class Presignature {
  #secrets: PresignatureSecrets | null;

  constructor(
    readonly publicData: PresignaturePublicData,
    secrets: PresignatureSecrets,
  ) {
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
   * @throws InvalidArgument when the presignature was used already
   */
  issuePartialSignature(message: Uint8Array): PartialSignature {
    const { tildeK, tildeChi } = this.#take();
    const r = xCoordinate(this.publicData.Gamma);
    return { sigma: toScalar(tildeK * messageToScalar(message) + r * tildeChi) };
  }

  /** Empties this presignature into text for another thread of this process; never for a file or a network. */
  handOver(): string {
    const { tildeK, tildeChi } = this.#take();
    const { Gamma, commitments } = this.publicData;
    const fields = {
      Gamma,
      tilde_k: tildeK,
      tilde_chi: tildeChi,
      commitments: commitments.map(({ tildeDelta, tildeS }) => ({ tilde_Delta: tildeDelta, tilde_S: tildeS })),
    };
    return JSON.stringify(z.encode(HandOverJson, fields));
  }

  /** Takes over what `handOver` gave. */
  static takeOver(text: string): Presignature {
    const { Gamma, tilde_k, tilde_chi, commitments } = parseWith(HandOverJson, text, 'presignature');
    return new Presignature(
      { Gamma, commitments: commitments.map(({ tilde_Delta, tilde_S }) => ({ tildeDelta: tilde_Delta, tildeS: tilde_S })) },
      { tildeK: tilde_k, tildeChi: tilde_chi },
    );
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

/** Label of the check of a partial signature. */
export const PARTIAL_SIGNATURE_EQUATION = 'sigma_j Gamma = m Delta~_j + r S~_j';

/** sigma_j Gamma = m Delta~_j + r S~_j. */
export function isPartialSignature(sigma: Scalar, position: number, publicData: PresignaturePublicData, m: Scalar): boolean {
  const { Gamma, commitments } = publicData;
  const { tildeDelta, tildeS } = at(commitments, position);
  const expected = multiplyPublic(tildeDelta, m).add(multiplyPublic(tildeS, xCoordinate(Gamma)));
  return multiplyPublic(Gamma, sigma).equals(expected);
}

/**
 * Adds the partial signatures, in the order of the signers, and verifies the result. Only when it is not valid is
 * each one's equation checked, to name its maker.
 *
 * @param attributable false when no echo round has compared the first messages of presigning: whoever sent different
 *   ones to different signers makes honest partial signatures fail, so nobody is blamed
 * @throws ProtocolAborted `invalid_partial_signature` naming the makers of wrong ones
 */
export function combine(
  partials: readonly PartialSignature[],
  publicData: PresignaturePublicData,
  publicKey: Point,
  message: Uint8Array,
  attributable = true,
): Signature {
  if (partials.length !== publicData.commitments.length) {
    throw new InvalidArgument('partials', `must be one of each of the ${publicData.commitments.length} signers`);
  }
  const sum = sumScalars(partials.map(({ sigma }) => sigma));
  const s = sum > GROUP_ORDER / 2n ? GROUP_ORDER - sum : sum;
  const signature = { r: xCoordinate(publicData.Gamma), s };
  if (verify(signature, encodePoint(publicKey, true), message)) return signature;

  const m = messageToScalar(message);
  const wrong = partials.flatMap(({ sigma }, party) => (isPartialSignature(sigma, party, publicData, m) ? [] : [party]));
  if (wrong.length === 0) throw new ProtocolBug('all partial signatures are right but their sum is not');
  throw abortOver<SigningAbortCode>('invalid_partial_signature', 'combine', wrong.map((party) => ({ party, reason: PARTIAL_SIGNATURE_EQUATION })), attributable);
}
