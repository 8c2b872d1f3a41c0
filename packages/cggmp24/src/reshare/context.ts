import { checkArgument, fields, integerBetween, listOf, NonEmptyText } from '../base/arguments.js';
import { at } from '../base/at.js';
import { InvalidArgument } from '../base/errors.js';
import { Secret } from '../base/secret.js';
import { digest, executionId, integer, leaf, list, option, point, scalar, struct, text, type Encoding } from '../hash/encoding.js';
import { CoreKeyShareShape, publicInconsistency, PublicCoreShape, type CoreKeyShare, type PublicCore } from '../key_share/core.js';
import { G, multiply, multiplyPublic, toScalar, type Point, type Scalar } from '../math/curve.js';
import { lagrange } from '../math/polynomial.js';

/** Why a resharing can stop, besides the codes that every protocol has. */
export type ReshareAbortCode = 'invalid_decommitment' | 'invalid_share' | 'false_complaint' | 'invalid_schnorr_proof' | 'invalid_key';

/** Prefix of the tags of all hashes. */
export const TAG = 'threshold-signing.reshare.v1.';

/** Most keys of one run. More: a receiver's proofs would not fit into a message. */
const MAX_KEYS = 512;
/** Most points and scalars in a dealer's message, but for a few. More would not fit into `MAX_PAYLOAD_LENGTH`. */
const MAX_ELEMENTS = 14_000;

/** A key and its name. `Core` is `CoreKeyShare` for whoever has a share of it. */
export interface NamedKey<Core extends PublicCore = PublicCore> {
  readonly keyId: string;
  readonly core: Core;
}

/** What is public about a resharing before its first round; the same at all parties. */
export interface ReshareSetting {
  /** Names this run and no other, ever. */
  readonly executionId: Uint8Array;
  /** The keys as they are shared now: by ascending id, all among the same parties with the same threshold t. */
  readonly keys: readonly NamedKey[];
  /** Key-share indices of the t parties that deal; the position in this list is the dealer's index in the run. */
  readonly dealers: readonly number[];
  /** n': how many receive. Receiver j is party t + j of the run, and gets the share with index j. */
  readonly parties: number;
  /** t': how many of the receivers will sign. */
  readonly threshold: number;
}

/** A key as the parties of a run see it. */
export interface DealtKey {
  readonly keyId: string;
  readonly core: PublicCore;
  /** lambda_i of each dealer. */
  readonly lambda: readonly Scalar[];
  /** lambda_i X_i of each dealer: the constant terms of their polynomials, which therefore nobody has to send. */
  readonly constants: readonly Point[];
}

export interface ReshareContext {
  /** SHA-256 of the whole setting: every hash of the run begins with it. */
  readonly run: Encoding;
  readonly keys: readonly DealtKey[];
  /** t. */
  readonly dealers: number;
  /** n'. */
  readonly receivers: number;
  /** t'. */
  readonly threshold: number;
}

const namedKey = (core: typeof PublicCoreShape | typeof CoreKeyShareShape) => listOf(fields({ keyId: NonEmptyText, core }), 1);
/** For checking arguments, and those of dealers. */
export const NamedKeysShape = namedKey(PublicCoreShape);
export const NamedSharesShape = namedKey(CoreKeyShareShape);
export const ReshareSettingShape = {
  dealers: listOf(integerBetween(0, 0xffff), 2),
  parties: integerBetween(2, 0xffff),
  threshold: integerBetween(2, 0xffff),
};

function checkKeys(keys: readonly NamedKey[], dealers: readonly number[]): void {
  if (keys.length > MAX_KEYS) throw new InvalidArgument('keys', `must be at most ${MAX_KEYS}`);
  const ascends = keys.every(({ keyId }, k) => k === 0 || at(keys, k - 1).keyId < keyId);
  if (!ascends) throw new InvalidArgument('keys', 'must be in ascending order of their ids, each once');
  const parties = at(keys, 0).core.publicShares.length;
  for (const [k, { core }] of keys.entries()) {
    const wrong = publicInconsistency(core);
    if (wrong !== null) throw new InvalidArgument(`keys.${k}.core`, wrong);
    if (core.vssSetup === null) throw new InvalidArgument(`keys.${k}.core`, 'must be a key with a threshold');
    if (core.publicShares.length !== parties) throw new InvalidArgument(`keys.${k}.core`, 'is shared among other parties');
    if (core.vssSetup.minSigners !== dealers.length) throw new InvalidArgument('dealers', 'must be as many as each key needs to sign');
  }
  if (new Set(dealers).size !== dealers.length) throw new InvalidArgument('dealers', 'must be distinct');
  if (dealers.some((i) => i >= parties)) throw new InvalidArgument('dealers', `each must be an integer from 0 to ${parties - 1}`);
}

function dealtKey({ keyId, core }: NamedKey, dealers: readonly number[]): DealtKey {
  const indices = core.vssSetup?.indices ?? [];
  const lambda = lagrange(dealers.map((i) => at(indices, i)), 0n);
  return { keyId, core, lambda, constants: dealers.map((i, k) => multiplyPublic(at(core.publicShares, i), at(lambda, k))) };
}

function keyEncoding({ keyId, core }: NamedKey): Encoding {
  const { sharedPublicKey, publicShares, vssSetup, chainCode } = core;
  return struct({
    key_id: text(keyId),
    X: point(sharedPublicKey),
    X_j: list(publicShares.map(point)),
    t: integer(vssSetup?.minSigners ?? 0),
    I: list((vssSetup?.indices ?? []).map(scalar)),
    chain_code: option(chainCode === null ? null : leaf(chainCode)),
  });
}

function runEncoding({ executionId: sid, keys, dealers, parties, threshold }: ReshareSetting): Encoding {
  const setting = {
    sid: executionId(sid),
    keys: list(keys.map(keyEncoding)),
    dealers: list(dealers.map(integer)),
    parties: integer(parties),
    threshold: integer(threshold),
  };
  return leaf(digest(struct(setting, `${TAG}run`)));
}

/** @throws InvalidArgument when no run can have this setting, or when the public shares of a key are not of it */
export function reshareContext(setting: ReshareSetting): ReshareContext {
  const { keys, dealers, parties, threshold } = setting;
  checkKeys(keys, dealers);
  if (threshold > parties) throw new InvalidArgument('threshold', `must be an integer from 2 to the number of parties, ${parties}`);
  if (keys.length * (parties + threshold) + parties > MAX_ELEMENTS) {
    throw new InvalidArgument('keys', `too many for one run: with K keys, K (n' + t') + n' must be at most ${MAX_ELEMENTS}`);
  }
  return {
    run: runEncoding(setting),
    keys: keys.map((key) => dealtKey(key, dealers)),
    dealers: dealers.length,
    receivers: parties,
    threshold,
  };
}

/** A dealer's place in the run, and its share of each key. */
export interface OwnShares {
  readonly dealer: number;
  readonly shares: readonly Secret<Scalar>[];
}

/** @throws InvalidArgument when a share is not of its key, or of another party than the others */
export function ownShares(keys: readonly NamedKey<CoreKeyShare>[], dealers: readonly number[]): OwnShares {
  checkArgument('keys', NamedSharesShape, keys);
  const { index } = at(keys, 0).core;
  const dealer = dealers.indexOf(index);
  if (dealer < 0) throw new InvalidArgument('dealers', 'we are not among them');
  for (const [k, { core }] of keys.entries()) {
    if (core.index !== index) throw new InvalidArgument(`keys.${k}.core`, 'is of another party than the first one');
    const isOurs = multiply(G, core.secretShare.reveal()).equals(at(core.publicShares, index));
    if (!isOurs) throw new InvalidArgument(`keys.${k}.core`, 'the share does not match publicShares');
  }
  return { dealer, shares: keys.map(({ core }) => core.secretShare) };
}

/** The place of receiver j's share on the polynomials. */
export function receiverPoint(j: number): Scalar {
  return toScalar(BigInt(j + 1));
}
