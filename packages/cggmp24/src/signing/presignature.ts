import { z } from 'zod';
import { checkArgument, Flag, instanceOf, integerBetween, listOf } from '../base/arguments.js';
import { at } from '../base/at.js';
import { InvalidArgument } from '../base/errors.js';
import { inspectSymbol } from '../base/inspect.js';
import { hashMessage, verifyDigest, type MessageHash, type PublicKey, type Signature } from '../ecdsa.js';
import { multiplyPublic, ScalarShape, toScalar, type Scalar } from '../math/curve.js';
import { fromBytes } from '../math/integer.js';
import { NonZeroPointJson, PointJson, ScalarJson } from '../wire/json.js';
import { parseWith } from '../wire/parse.js';
import { newToken, takeToken, TokenJson } from './hand_over.js';
import {
  lowS,
  PartialSignatureShape,
  PublicDataShape,
  requireAll,
  requireKey,
  SecretsShape,
  wrongPartials,
  xCoordinate,
  type PartialSignature,
  type PresignaturePublicData,
  type PresignatureSecrets,
} from './presignature_data.js';
import { RandomizedSigning, type RandomizedPartialSignature } from './randomized.js';

const PartialSignaturesShape = listOf(PartialSignatureShape);

/** m: a message's hash as an integer modulo q. @throws InvalidArgument */
export function messageToScalar(message: Uint8Array, hash: MessageHash = 'sha256'): Scalar {
  return digestToScalar(hashMessage(message, hash));
}

/** m of 32 bytes that are signed as they are. */
export function digestToScalar(digest: Uint8Array): Scalar {
  return toScalar(fromBytes(digest));
}

const HandOverJson = z.object({
  token: TokenJson,
  Gamma: NonZeroPointJson,
  tilde_k: ScalarJson,
  tilde_chi: ScalarJson,
  commitments: z.array(z.object({ tilde_Delta: PointJson, tilde_S: PointJson })).min(1),
});

let takeSecrets: (presignature: Presignature) => PresignatureSecrets;

/**
 * A signer's presignature: good for one signature. Every use empties it first, so that nothing that happens
 * afterwards can make it sign again: two signatures from one presignature reveal the key. Memory only; prints as `[secret]`.
 */
export class Presignature {
  #secrets: PresignatureSecrets | null;

  static {
    takeSecrets = (presignature) => presignature.#take();
  }

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
   * @param message the bytes to be hashed, not a digest
   * @throws InvalidArgument when the presignature was used already, or when an argument is of another type; that does not use it up
   */
  issuePartialSignature(message: Uint8Array, hash: MessageHash = 'sha256'): PartialSignature {
    return issueFor(this, messageToScalar(message, hash));
  }

  /**
   * sigma_i = w^-1 (k~_i (m + r' e) + r' chi~_i), for the request that `signing` is of: also for a digest, and for a derived key.
   * @throws InvalidArgument when the presignature was used already, or when `signing` is of another one; that does not use it up
   */
  issueRandomized(signing: RandomizedSigning): RandomizedPartialSignature {
    checkArgument('signing', instanceOf(RandomizedSigning, 'a RandomizedSigning'), signing);
    if (!signing.isOf(this.publicData)) throw new InvalidArgument('signing', 'is of another presignature');
    return signing.partialSignature(this.#take());
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

/**
 * sigma_i for any m. Only for full signing, where nobody has known the presignature before m was fixed: it is no part of the package's API,
 * because with a presignature that is known, whoever chooses m forges a signature.
 */
export function issueFor(presignature: Presignature, m: Scalar): PartialSignature {
  const { tildeK, tildeChi } = takeSecrets(presignature);
  return { sigma: toScalar(tildeK * m + xCoordinate(presignature.publicData.Gamma) * tildeChi) };
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
  hash: MessageHash = 'sha256',
): Signature {
  checkArgument('partials', PartialSignaturesShape, partials);
  checkArgument('publicData', PublicDataShape, publicData);
  checkArgument('attributable', Flag, attributable);
  return combineFor(partials, publicData, publicKey, hashMessage(message, hash), attributable);
}

/** `combine` for 32 bytes that are signed as they are: for full signing alone, as {@link issueFor}. */
export function combineFor(
  partials: readonly PartialSignature[],
  publicData: PresignaturePublicData,
  publicKey: PublicKey,
  digest: Uint8Array,
  attributable: boolean,
): Signature {
  requireAll(partials, publicData);
  const signature = { r: xCoordinate(publicData.Gamma), s: lowS(partials) };
  if (verifyDigest(signature, publicKey, digest)) return signature;
  requireKey(publicData, publicKey);

  const m = digestToScalar(digest);
  const isRight = ({ sigma }: PartialSignature, position: number): boolean => isPartialSignature(sigma, position, publicData, m);
  throw wrongPartials(partials, isRight, PARTIAL_SIGNATURE_EQUATION, attributable);
}
