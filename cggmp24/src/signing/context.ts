import type { KeyShare } from '../key_share/key_share.js';
import { minSigners } from '../key_share/core.js';
import { G, multiplyPublic, toScalar, type Point, type Scalar } from '../math/curve.js';
import { lagrange } from '../math/polynomial.js';
import type { Rng } from '../math/random.js';
import type { DecryptionKey } from '../paillier/decryption_key.js';
import type { EncryptionKey } from '../paillier/encryption_key.js';
import type { RingPedersen } from '../paillier/ring_pedersen.js';
import type { SecurityParams } from '../params.js';
import { at } from '../runtime/at.js';
import { InvalidArgument } from '../runtime/errors.js';
import { Secret } from '../runtime/secret.js';
import { derive } from './derivation.js';

/** What everybody may know of a signing before the first round. In signing, indices are positions in the list of signers. */
export interface PublicSigningContext {
  readonly params: SecurityParams;
  readonly sid: Uint8Array;
  /** X: what the signature verifies under. */
  readonly publicKey: Point;
  /** X_j = x_j G of each signer. */
  readonly X: readonly Point[];
  /** N_j of each signer. */
  readonly N: readonly EncryptionKey[];
  /** (N-hat_j, s_j, t_j) of each signer. */
  readonly aux: readonly RingPedersen[];
  readonly reliableBroadcast: boolean;
}

/** What a signer knows. */
export interface SigningContext extends PublicSigningContext {
  /** i: one's own position. */
  readonly index: number;
  /** t: how many sign. */
  readonly signers: number;
  /** x_i: additive share of the secret key among these signers. */
  readonly x_i: Secret<Scalar>;
  readonly decryptionKey: DecryptionKey;
  /** Further rounds find out who broke a sum. */
  readonly identification: boolean;
  readonly rng: Rng;
}

export interface SignerOptions {
  readonly executionId: Uint8Array;
  /** Key-share indices of the signers, distinct, exactly as many as the key needs, in the same order at all. */
  readonly signers: readonly number[];
  readonly share: KeyShare;
  readonly reliableBroadcast: boolean;
  readonly identification: boolean;
  readonly rng: Rng;
}

function checkSigners({ signers, share: { core } }: SignerOptions): number {
  const t = minSigners(core);
  if (signers.length !== t) throw new InvalidArgument('signers', `must be exactly ${t}, as many as the key needs`);
  if (new Set(signers).size !== t) throw new InvalidArgument('signers', 'must be distinct');
  const known = (j: number): boolean => Number.isInteger(j) && j >= 0 && j < core.publicShares.length;
  if (!signers.every(known)) throw new InvalidArgument('signers', `each must be an integer from 0 to ${core.publicShares.length - 1}`);
  const position = signers.indexOf(core.index);
  if (position < 0) throw new InvalidArgument('signers', 'we are not among them');
  return position;
}

/** Additive shares from polynomial ones: x'_j = lambda_j x_j. */
function lagrangeWeights({ signers, share: { core } }: SignerOptions): Scalar[] {
  const { vssSetup } = core;
  return vssSetup === null ? signers.map(() => 1n) : lagrange(signers.map((j) => at(vssSetup.indices, j)), 0n);
}

/**
 * Resolves who signs with what.
 * @param path public derivation below the key; its shift goes to the first signer
 * @throws InvalidArgument
 */
export function signingContext(options: SignerOptions, path: readonly number[]): SigningContext {
  const { share, signers, executionId: sid, reliableBroadcast, identification, rng } = options;
  const { core, aux } = share;
  const index = checkSigners(options);
  if (path.length > 0 && core.chainCode === null) throw new InvalidArgument('path', 'the key has no chain code');
  const root = { publicKey: core.sharedPublicKey, chainCode: core.chainCode ?? new Uint8Array(32) };
  const { publicKey, shift } = derive(root, path);

  const lambda = lagrangeWeights(options);
  const shiftOf = (position: number): Scalar => (position === 0 ? shift : 0n);
  return {
    params: aux.params,
    sid,
    index,
    signers: signers.length,
    publicKey,
    x_i: new Secret(toScalar(at(lambda, index) * core.secretShare.reveal() + shiftOf(index))),
    X: signers.map((party, j) => multiplyPublic(at(core.publicShares, party), at(lambda, j)).add(multiplyPublic(G, shiftOf(j)))),
    decryptionKey: aux.decryptionKey,
    N: signers.map((party) => at(aux.encryptionKeys, party)),
    aux: signers.map((party) => at(aux.ringPedersen, party)),
    reliableBroadcast,
    // Nobody can be blamed when the first round was not compared.
    identification: identification && reliableBroadcast,
    rng,
  };
}
