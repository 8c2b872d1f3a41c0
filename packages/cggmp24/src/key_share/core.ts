import { z } from 'zod';
import { G, multiply, PointShape, ScalarShape, type Point, type Scalar } from '../math/curve.js';
import { evaluateInExponent } from '../math/polynomial.js';
import { Bytes32, checkArgument, fields, instanceOf, integerBetween, listOf } from '../base/arguments.js';
import { at } from '../base/at.js';
import { Secret } from '../base/secret.js';
import { bytesHexJson, CompactPointJson, CompactScalarJson } from '../wire/json.js';
import { parseWith, refuse } from '../wire/parse.js';

/** How a key is shared when fewer signers than parties are enough. */
export interface VssSetup {
  /** t: how many shares sign. */
  readonly minSigners: number;
  /** I_j: where party j's share lies on the polynomial; distinct and not 0. */
  readonly indices: readonly Scalar[];
}

/** What all parties know of a key. */
export interface PublicCore {
  readonly sharedPublicKey: Point;
  /** X_j = x_j G for each party. */
  readonly publicShares: readonly Point[];
  /** null: all parties are needed, and the secret key is the sum of the shares. */
  readonly vssSetup: VssSetup | null;
  /** 32 bytes, for public derivation; null when the key has none. */
  readonly chainCode: Uint8Array | null;
}

/** A party's share of the key, before auxiliary info: the crate's IncompleteKeyShare. */
export interface CoreKeyShare extends PublicCore {
  /** i, from 0. */
  readonly index: number;
  /** x_i. */
  readonly secretShare: Secret<Scalar>;
}

const publicCoreShape = {
  sharedPublicKey: PointShape,
  publicShares: listOf(PointShape, 2),
  vssSetup: fields({ minSigners: integerBetween(2, 0xffff), indices: listOf(ScalarShape) }).nullable(),
  chainCode: Bytes32.nullable(),
};
export const PublicCoreShape = fields(publicCoreShape);
export const CoreKeyShareShape = fields({
  ...publicCoreShape,
  index: integerBetween(0, 0xffff),
  secretShare: instanceOf(Secret, 'a Secret'),
});

/** The number of signers that the key needs. @throws InvalidArgument */
export function minSigners(core: PublicCore): number {
  checkArgument('core', PublicCoreShape, core);
  const { vssSetup, publicShares } = core;
  return vssSetup?.minSigners ?? publicShares.length;
}

/** Does the share belong to the key, and is the key's sharing consistent? @returns the first problem, or null */
function inconsistency(share: CoreKeyShare): string | null {
  const { index, publicShares, secretShare } = share;
  if (publicShares.length < 2) return 'public_shares: fewer than two parties';
  if (index >= publicShares.length) return 'i: not below the number of parties';
  if (secretShare.reveal() === 0n) return 'x: zero';
  if (!multiply(G, secretShare.reveal()).equals(at(publicShares, index))) return 'x: does not match public_shares[i]';
  return sharingInconsistency(share);
}

/** Is the key's sharing consistent? @returns the first problem, or null @throws InvalidArgument for what is no sharing at all */
export function publicInconsistency(core: PublicCore): string | null {
  checkArgument('core', fields(publicCoreShape), core);
  return sharingInconsistency(core);
}

function sharingInconsistency(core: PublicCore): string | null {
  const { sharedPublicKey, publicShares, vssSetup } = core;
  const n = publicShares.length;
  if (n < 2) return 'public_shares: fewer than two parties';
  if (vssSetup === null) {
    return publicShares.reduce((sum, X) => sum.add(X)).equals(sharedPublicKey) ? null : 'shared_public_key: not the sum of public_shares';
  }
  const { minSigners: t, indices } = vssSetup;
  if (t < 2 || t > n) return 'vss_setup.min_signers: not from 2 to the number of parties';
  if (indices.length !== n) return 'vss_setup.I: not one for each party';
  if (indices.includes(0n)) return 'vss_setup.I: zero';
  if (new Set(indices).size !== n) return 'vss_setup.I: two equal';
  if (interpolates(indices, publicShares, t, sharedPublicKey)) return null;
  return 'public_shares: not on one polynomial of degree t-1 through shared_public_key';
}

/** Do the first t shares give the key, and do they predict all the others? */
function interpolates(indices: readonly Scalar[], publicShares: readonly Point[], t: number, key: Point): boolean {
  const [xs, Xs] = [indices.slice(0, t), publicShares.slice(0, t)];
  return (
    evaluateInExponent(xs, Xs, 0n).equals(key) &&
    publicShares.slice(t).every((X, k) => evaluateInExponent(xs, Xs, at(indices, t + k)).equals(X))
  );
}

/** The fields of the crate's JSON that are public. */
const publicCoreFields = {
  shared_public_key: CompactPointJson,
  public_shares: z.array(CompactPointJson).max(0xffff),
  vss_setup: z.object({ min_signers: z.int(), I: z.array(CompactScalarJson) }).nullish(),
  chain_code: bytesHexJson(32).nullish(),
};
export const PublicCoreFields = z.object(publicCoreFields);
type PublicFields = z.output<typeof PublicCoreFields>;

export function publicFromFields({ shared_public_key, public_shares, vss_setup, chain_code }: PublicFields): PublicCore {
  return {
    sharedPublicKey: shared_public_key,
    publicShares: public_shares,
    vssSetup: vss_setup == null ? null : { minSigners: vss_setup.min_signers, indices: vss_setup.I },
    chainCode: chain_code ?? null,
  };
}

export function publicFields({ sharedPublicKey, publicShares, vssSetup, chainCode }: PublicCore): z.output<typeof PublicCoreFields> {
  return {
    shared_public_key: sharedPublicKey,
    public_shares: [...publicShares],
    ...(vssSetup === null ? {} : { vss_setup: { min_signers: vssSetup.minSigners, I: [...vssSetup.indices] } }),
    ...(chainCode === null ? {} : { chain_code: chainCode }),
  };
}

/** The public part of the crate's JSON of a key share; parsing is validating. */
export const PublicCoreJson = z.codec(PublicCoreFields, z.custom<PublicCore>(), {
  decode: (json, ctx): PublicCore => {
    const core = publicFromFields(json);
    const wrong = sharingInconsistency(core);
    return wrong === null ? core : refuse(ctx, wrong);
  },
  encode: publicFields,
});

/** The crate's JSON of an incomplete key share; parsing is validating. */
export const CoreKeyShareJson = z.codec(
  z.object({
    curve: z.literal('secp256k1'),
    i: z.int().min(0).max(0xffff),
    ...publicCoreFields,
    x: CompactScalarJson,
  }),
  z.custom<CoreKeyShare>(),
  {
    decode: (json, ctx): CoreKeyShare => {
      const share = { index: json.i, ...publicFromFields(json), secretShare: new Secret(json.x) };
      const wrong = inconsistency(share);
      return wrong === null ? share : refuse(ctx, wrong);
    },
    encode: (share) => ({ curve: 'secp256k1' as const, i: share.index, ...publicFields(share), x: share.secretShare.reveal() }),
  },
);

/**
 * Reads a core key share from its JSON text and validates it.
 * @throws InvalidArgument naming the field; no value of the file is in the message
 */
export function parseCoreKeyShare(text: string): CoreKeyShare {
  return parseWith(CoreKeyShareJson, text, 'core key share');
}

/** JSON text with the secret share in clear: for encrypted or access-controlled storage only. @throws InvalidArgument */
export function serializeCoreKeyShare(share: CoreKeyShare): string {
  checkArgument('share', CoreKeyShareShape, share);
  return JSON.stringify(z.encode(CoreKeyShareJson, share));
}
