import type { KeyShare } from '../key_share/key_share.js';
import { minSigners, type PublicCore } from '../key_share/core.js';
import type { PublicKeyMaterial } from '../key_share/public_key_material.js';
import { G, multiplyPublic, toScalar, type Point, type Scalar } from '../math/curve.js';
import { lagrange } from '../math/polynomial.js';
import type { Rng } from '../math/random.js';
import type { DecryptionKey } from '../paillier/decryption_key.js';
import type { EncryptionKey } from '../paillier/encryption_key.js';
import type { RingPedersen } from '../paillier/ring_pedersen.js';
import type { SecurityParams } from '../params.js';
import { at } from '../base/at.js';
import { InvalidArgument } from '../base/errors.js';
import { Secret } from '../base/secret.js';
import { deriveBelow, type Derived } from './derivation.js';

/** Why presigning, signing or combining can stop, besides the codes that every protocol has. */
export type SigningAbortCode =
  | 'invalid_encryption_proof'
  | 'invalid_affine_proof'
  | 'invalid_exponent_proof'
  | 'inconsistent_presignature'
  | 'invalid_partial_signature';

/** What is public about a signing before its first round. In signing, indices are positions in the list of signers. */
export interface PublicSigningContext {
  readonly params: SecurityParams;
  readonly sid: Uint8Array;
  /** t: how many sign. */
  readonly signers: number;
  /** X: what the signature verifies under. */
  readonly publicKey: Point;
  /** X_j = x_j G of each signer. */
  readonly X: readonly Point[];
  /** N_j of each signer. */
  readonly N: readonly EncryptionKey[];
  /** (N-hat_j, s_j, t_j) of each signer. */
  readonly aux: readonly RingPedersen[];
  readonly reliableBroadcast: boolean;
  /** Further rounds find out who broke a sum. */
  readonly identification: boolean;
}

/** What a signer knows. */
export interface SigningContext extends PublicSigningContext {
  /** i: one's own position. */
  readonly index: number;
  /** x_i: additive share of the secret key among these signers. */
  readonly x_i: Secret<Scalar>;
  readonly decryptionKey: DecryptionKey;
  readonly rng: Rng;
}

export interface SigningSetting {
  readonly executionId: Uint8Array;
  /** Key-share indices of the signers: `minSigners` of them, distinct, in the same order at all signers. */
  readonly signers: readonly number[];
  /** Public derivation below the key; its shift goes to the first signer. */
  readonly path: readonly number[];
  readonly reliableBroadcast: boolean;
  readonly identification: boolean;
}

export interface SignerOptions extends SigningSetting {
  readonly share: KeyShare;
  readonly rng: Rng;
}

function checkSigners(signers: readonly number[], core: PublicCore): void {
  const t = minSigners(core);
  if (signers.length !== t) throw new InvalidArgument('signers', `must be exactly ${t}, the number that the key needs`);
  if (new Set(signers).size !== t) throw new InvalidArgument('signers', 'must be distinct');
  const known = (j: number): boolean => Number.isInteger(j) && j >= 0 && j < core.publicShares.length;
  if (!signers.every(known)) throw new InvalidArgument('signers', `each must be an integer from 0 to ${core.publicShares.length - 1}`);
}

/** Additive shares from polynomial ones: x'_j = lambda_j x_j. */
function lagrangeWeights(signers: readonly number[], { vssSetup }: PublicCore): Scalar[] {
  return vssSetup === null ? signers.map(() => 1n) : lagrange(signers.map((j) => at(vssSetup.indices, j)), 0n);
}

/** The shift of the derivation goes to the first signer. */
function shiftOf(position: number, { shift }: Pick<Derived, 'shift'>): Scalar {
  return position === 0 ? shift : 0n;
}

/**
 * The public part of `signingContext`: who signs, under which public keys and parameters.
 * @throws InvalidArgument
 */
export function publicSigningContext(setting: SigningSetting, { core, aux }: PublicKeyMaterial): PublicSigningContext {
  const { signers, path, executionId: sid, reliableBroadcast, identification } = setting;
  checkSigners(signers, core);
  const derived = deriveBelow({ publicKey: core.sharedPublicKey, chainCode: core.chainCode }, path);
  const lambda = lagrangeWeights(signers, core);
  return {
    params: aux.params,
    sid,
    signers: signers.length,
    publicKey: derived.publicKey,
    X: signers.map((party, j) => multiplyPublic(at(core.publicShares, party), at(lambda, j)).add(multiplyPublic(G, shiftOf(j, derived)))),
    N: signers.map((party) => at(aux.encryptionKeys, party)),
    aux: signers.map((party) => at(aux.ringPedersen, party)),
    reliableBroadcast,
    // Without the echo, nobody can be blamed.
    identification: identification && reliableBroadcast,
  };
}

/**
 * Who signs, with which secrets, keys and parameters.
 * @throws InvalidArgument
 */
export function signingContext(options: SignerOptions): SigningContext {
  const { share, signers, path, rng } = options;
  const { core, aux } = share;
  const shared = publicSigningContext(options, share);
  const index = signers.indexOf(core.index);
  if (index < 0) throw new InvalidArgument('signers', 'we are not among them');
  const derived = deriveBelow({ publicKey: core.sharedPublicKey, chainCode: core.chainCode }, path);
  const weight = at(lagrangeWeights(signers, core), index);
  const x_i = toScalar(weight * core.secretShare.reveal() + shiftOf(index, derived));
  return { ...shared, index, x_i: new Secret(x_i), decryptionKey: aux.decryptionKey, rng };
}
