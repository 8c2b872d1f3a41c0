/**
 * One request that is signed with a re-randomised presignature. Gamma is multiplied by w, a hash of the request with a nonce that
 * nobody has known before: so no message, digest or path can be chosen to fit a Gamma that is known (Groth and Shoup, 2021/1330).
 * The halves of the presignature stay as they are, and so do the commitments that they are checked against.
 */
import { z } from 'zod';
import { Bytes32, checkArgument, fields, Flag, integerBetween, listOf, NonEmptyText } from '../base/arguments.js';
import { at } from '../base/at.js';
import { InvalidArgument } from '../base/errors.js';
import { DigestShape, publicPoint, verifyDigest, type Signature } from '../ecdsa.js';
import { scalarChallenge } from '../hash/challenge.js';
import { integer, leaf, list, point, struct, text } from '../hash/encoding.js';
import { invertScalar, multiplyPublic, ScalarShape, toScalar, type Point, type Scalar } from '../math/curve.js';
import { fromBytes } from '../math/integer.js';
import { deriveBelow, formatPath, type RootKey } from './derivation.js';
import {
  lowS,
  PublicDataShape,
  requireAll,
  requireKey,
  wrongPartials,
  xCoordinate,
  type PartialSignature,
  type PresignaturePublicData,
  type PresignatureSecrets,
} from './presignature_data.js';

/** Everything that w is bound to besides the keys and Gamma; the same at all signers. */
export interface PresignedRequest {
  /** Names the presignature, and no other one ever. */
  readonly presignatureId: string;
  readonly keyId: string;
  /** The number of the sharing that the presignature was made with, from 0. */
  readonly epoch: number;
  /** Key-share indices of the signers, in the order of presigning. */
  readonly signers: readonly number[];
  readonly requestId: string;
  /** Public derivation below the key; empty for the key itself. */
  readonly path: readonly number[];
  /** The 32 bytes that are signed. */
  readonly digest: Uint8Array;
  /** 32 bytes, drawn by whoever states the request **after** it has the digest: with a known nonce, w is no protection. */
  readonly nonce: Uint8Array;
}

/** One signer's part of a signature, and the r' that it is for. */
export interface RandomizedPartialSignature extends PartialSignature {
  readonly r: Scalar;
}

export const PresignedRequestShape = fields({
  presignatureId: NonEmptyText,
  keyId: NonEmptyText,
  epoch: integerBetween(0, Number.MAX_SAFE_INTEGER),
  signers: listOf(integerBetween(0, 0xffff), 1),
  requestId: NonEmptyText,
  path: listOf(z.unknown()),
  digest: DigestShape,
  nonce: Bytes32,
});
const RootShape = fields({ publicKey: z.unknown(), chainCode: Bytes32.nullable() });
const PartialShape = fields({ sigma: ScalarShape, r: ScalarShape });

/** Label of the check of a part. */
export const RANDOMIZED_EQUATION = "sigma_j Gamma' = (m + r' e) Delta~_j + r' S~_j";

/** w, a non-zero scalar. @param X the key that was presigned for @param child the key at the path */
export function randomizer(Gamma: Point, X: Point, child: Point, request: PresignedRequest): Scalar {
  const { presignatureId, keyId, epoch, signers, requestId, path, digest, nonce } = request;
  const seed = {
    presignature_id: text(presignatureId),
    key_id: text(keyId),
    epoch: integer(epoch),
    X: point(X),
    path: text(formatPath(path)),
    child: point(child),
    digest: leaf(digest),
    Gamma: point(Gamma),
    signers: list(signers.map(integer)),
    request_id: text(requestId),
    nonce: leaf(nonce),
  };
  return scalarChallenge(struct(seed, 'threshold-signing.randomizer.v1'));
}

/** The public side of signing one request with one presignature; all signers, and whoever adds their parts, compute the same. */
export class RandomizedSigning {
  /** r' = x(w Gamma) mod q, never 0. */
  readonly r: Scalar;
  /** The key that the signature verifies under: the one at the path. */
  readonly publicKey: Point;
  readonly #publicData: PresignaturePublicData;
  readonly #digest: Uint8Array;
  readonly #w: Scalar;
  readonly #Gamma: Point;
  /** m + r' e. */
  readonly #factor: Scalar;

  /**
   * @param root the key that the presignature is of
   * @throws InvalidArgument, also when the presignature is of another key
   */
  constructor(publicData: PresignaturePublicData, root: RootKey, request: PresignedRequest) {
    checkArgument('publicData', PublicDataShape, publicData);
    checkArgument('root', RootShape, root);
    checkArgument('request', PresignedRequestShape, request);
    if (request.signers.length !== publicData.commitments.length) {
      throw new InvalidArgument('request.signers', `must be the ${publicData.commitments.length} that made the presignature`);
    }
    const X = publicPoint(root.publicKey);
    requireKey(publicData, X);
    const { publicKey, shift } = deriveBelow(root, request.path);
    this.#publicData = publicData;
    this.#digest = Uint8Array.from(request.digest);
    this.#w = randomizer(publicData.Gamma, X, publicKey, request);
    this.#Gamma = multiplyPublic(publicData.Gamma, this.#w);
    this.publicKey = publicKey;
    this.r = xCoordinate(this.#Gamma);
    // The point with x = q. The probability is 2^-255, and nobody can aim at it.
    if (this.r === 0n) throw new InvalidArgument('request', 'gives r = 0: sign it with another presignature');
    this.#factor = toScalar(fromBytes(request.digest) + this.r * shift);
  }

  /** Is this for the presignature with that public side? */
  isOf({ Gamma }: PresignaturePublicData): boolean {
    return Gamma.equals(this.#publicData.Gamma);
  }

  /** For `Presignature.issueRandomized`, which takes care that the secrets are used once. */
  partialSignature({ tildeK, tildeChi }: PresignatureSecrets): RandomizedPartialSignature {
    return { sigma: toScalar(invertScalar(this.#w) * toScalar(tildeK * this.#factor + this.r * tildeChi)), r: this.r };
  }

  /**
   * Is it the part of that signer, for this request? A part with another r is of another request, which is no misbehaviour.
   * @param position of the signer, from 0
   * @throws InvalidArgument
   */
  isPartialSignature(partial: RandomizedPartialSignature, position: number): boolean {
    checkArgument('partial', PartialShape, partial);
    checkArgument('position', integerBetween(0, this.#publicData.commitments.length - 1), position);
    const { tildeDelta, tildeS } = at(this.#publicData.commitments, position);
    const expected = multiplyPublic(tildeDelta, this.#factor).add(multiplyPublic(tildeS, this.r));
    return partial.r === this.r && multiplyPublic(this.#Gamma, partial.sigma).equals(expected);
  }

  /**
   * Adds the parts, in the order of the signers, and verifies the result. When it is not valid, each part is checked.
   *
   * @param attributable false when no echo round has compared the first messages of presigning, as for `combine`
   * @throws ProtocolAborted `invalid_partial_signature` naming the makers of wrong ones
   * @throws InvalidArgument, also when a part is of another request: it is for the caller to pass such a part over
   */
  combine(partials: readonly RandomizedPartialSignature[], attributable = true): Signature {
    checkArgument('partials', listOf(PartialShape), partials);
    checkArgument('attributable', Flag, attributable);
    requireAll(partials, this.#publicData);
    if (partials.some(({ r }) => r !== this.r)) throw new InvalidArgument('partials', 'one is of another request');
    const signature = { r: this.r, s: lowS(partials) };
    if (verifyDigest(signature, this.publicKey, this.#digest)) return signature;
    throw wrongPartials(partials, (partial, position) => this.isPartialSignature(partial, position), RANDOMIZED_EQUATION, attributable);
  }
}
