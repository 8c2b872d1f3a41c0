/** Re-randomised signatures, on presignatures made by someone who knows the key and the nonce, and on the crate's. */
import { describe, expect, it } from '@jest/globals';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import * as noble from '@noble/secp256k1';
import fc from 'fast-check';
import { z } from 'zod';
import { at } from '../../src/base/at.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { signatureForms, verifyDigest, type Signature } from '../../src/ecdsa.js';
import {
  decodePoint, encodePoint, G, GROUP_ORDER, invertScalar, multiply, sumPoints, toScalar,
  type Point, type Scalar,
} from '../../src/math/curve.js';
import { fromBytes, toBytesPadded } from '../../src/math/integer.js';
import { derive } from '../../src/signing/derivation.js';
import { Presignature } from '../../src/signing/presignature.js';
import { xCoordinate, type PresignaturePublicData, type PresignatureSecrets } from '../../src/signing/presignature_data.js';
import { randomizer, RandomizedSigning, type PresignedRequest, type RandomizedPartialSignature } from '../../src/signing/randomized.js';
import { PointJson, ScalarJson } from '../../src/wire/json.js';
import { abortOfCall, blamed } from '../util/blame.js';
import { loadVectors } from '../util/vectors.js';

const X_SECRET = 0xdeadbeefn;
const chainCode = sha256(utf8ToBytes('a chain code'));
const root = { publicKey: multiply(G, X_SECRET), chainCode };
const digest = sha256(utf8ToBytes('one message'));
const request: PresignedRequest = {
  presignatureId: 'presignature-1',
  keyId: 'default',
  epoch: 3,
  signers: [0, 1, 3],
  requestId: 'req_1700000000_0011',
  path: [44, 60, 0, 0, 7],
  digest,
  nonce: sha256(utf8ToBytes('a nonce')),
};

interface Made {
  readonly publicData: PresignaturePublicData;
  readonly secrets: readonly PresignatureSecrets[];
}

const split = (secret: Scalar, a: Scalar, b: Scalar): Scalar[] => [a, b, toScalar(secret - a - b)];

/** What presigning ends with, made by someone who knows the key and the nonce k. */
function presignatureOf(k = 12_345n, masks: readonly Scalar[] = [1n, 2n, 3n, 4n]): Made {
  const Gamma = multiply(G, invertScalar(k));
  const tildeK = split(k, at(masks, 0), at(masks, 1));
  const tildeChi = split(toScalar(k * X_SECRET), at(masks, 2), at(masks, 3));
  const secrets = tildeK.map((k_j, j) => ({ tildeK: k_j, tildeChi: at(tildeChi, j) }));
  const commitments = secrets.map((half) => ({ tildeDelta: multiply(Gamma, half.tildeK), tildeS: multiply(Gamma, half.tildeChi) }));
  return { publicData: { Gamma, commitments }, secrets };
}

function partialsOf({ publicData, secrets }: Made, signing: RandomizedSigning): RandomizedPartialSignature[] {
  return secrets.map((half) => new Presignature(publicData, half).issueRandomized(signing));
}

function signingOf({ publicData }: Made, change: Partial<PresignedRequest> = {}): RandomizedSigning {
  return new RandomizedSigning(publicData, root, { ...request, ...change });
}

describe('a re-randomised signature', () => {
  const scalar = fc.bigInt({ min: 1n, max: GROUP_ORDER - 1n });
  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const path = fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { maxLength: 4 });

  it('is one of the digest under the derived key, and recovers to it', () => {
    fc.assert(
      fc.property(scalar, fc.array(scalar, { minLength: 4, maxLength: 4 }), bytes32, bytes32, path, (k, masks, signed, nonce, below) => {
        const made = presignatureOf(k, masks);
        const signing = signingOf(made, { digest: signed, nonce, path: below });
        const partials = partialsOf(made, signing);
        for (const [j, partial] of partials.entries()) expect(signing.isPartialSignature(partial, j)).toBe(true);
        const child = derive(root, below).publicKey;
        expect(signing.publicKey.equals(child)).toBe(true);
        const { compact, recoveryId } = signatureForms(signing.combine(partials), child, signed);
        const recovered = noble.recoverPublicKey(Uint8Array.of(recoveryId, ...hexToBytes(compact)), signed, { prehash: false });
        expect(bytesToHex(recovered)).toBe(bytesToHex(encodePoint(child, true)));
      }),
      { numRuns: 12 },
    );
  });

  it('needs no chain code for the key itself', () => {
    const made = presignatureOf();
    const { publicKey } = root;
    const key = { publicKey: encodePoint(publicKey, false), chainCode: null };
    const signing = new RandomizedSigning(made.publicData, key, { ...request, path: [] });
    expect(verifyDigest(signing.combine(partialsOf(made, signing)), publicKey, digest)).toBe(true);
    expect(() => new RandomizedSigning(made.publicData, key, request)).toThrow('path: the key has no chain code');
  });

  it('has another r for each thing that w is bound to', () => {
    const [made, other] = [presignatureOf(), presignatureOf(54_321n)];
    const changes: Partial<PresignedRequest>[] = [
      {}, { presignatureId: 'presignature-2' }, { keyId: 'key_2' }, { epoch: 4 }, { signers: [0, 1, 2] }, { signers: [1, 0, 3] },
      { requestId: 'req_1700000000_0012' }, { path: [44, 60, 0, 0, 8] }, { path: [] }, { digest: sha256(digest) },
      { nonce: sha256(digest) },
    ];
    const all = changes.map((change) => signingOf(made, change).r);
    expect(new Set([...all, signingOf(other).r, xCoordinate(made.publicData.Gamma)]).size).toBe(changes.length + 2);
    // The digest modulo q is the same, the request is not: parts for the one are of no use for the other.
    const above = toBytesPadded(GROUP_ORDER + 5n, 32);
    expect(signingOf(made, { digest: above }).r).not.toBe(signingOf(made, { digest: toBytesPadded(5n, 32) }).r);
  });

  it('has the w that a program in Python, which knows only the encoding, has computed', () => {
    const { publicData } = presignatureOf();
    const w = randomizer(publicData.Gamma, root.publicKey, derive(root, request.path).publicKey, request);
    expect(w.toString(16)).toBe('b586bf53fbcb30d7f4a1279c8fee18010588f873b3ce9a1c80f2fbce66df7033');
  });
});

const Recorded = z.object({
  presignatures: z.array(z.object({ tilde_k: ScalarJson, tilde_chi: ScalarJson })),
  presignature_public_data: z.object({
    Gamma: PointJson,
    commitments: z.array(z.object({ tilde_Delta: PointJson, tilde_S: PointJson })),
  }),
});

describe('presignatures of the crate', () => {
  it.each(['presign_012_norb', 'presign_012_rb', 'presign_023_rb', 'presign_2of3_02_rb', 'presign_301_unsorted_rb'])('%s', (name) => {
    const { presignatures, presignature_public_data } = loadVectors(name, Recorded);
    const { Gamma } = presignature_public_data;
    const commitments = presignature_public_data.commitments.map((c) => ({ tildeDelta: c.tilde_Delta, tildeS: c.tilde_S }));
    const secrets = presignatures.map(({ tilde_k, tilde_chi }) => ({ tildeK: tilde_k, tildeChi: tilde_chi }));
    const made = { publicData: { Gamma, commitments }, secrets };
    const key = { publicKey: sumPoints(commitments.map(({ tildeS }) => tildeS)), chainCode };
    const signing = new RandomizedSigning(made.publicData, key, { ...request, signers: secrets.map((_, j) => j) });
    const signature = signing.combine(partialsOf(made, signing));
    expect(verifyDigest(signature, derive(key, request.path).publicKey, digest)).toBe(true);
  });
});

describe('a wrong part', () => {
  const wrong = (cheats: readonly number[], alter: (sigma: Scalar) => Scalar): (() => Signature) => {
    const made = presignatureOf();
    const signing = signingOf(made);
    const altered = (sigma: Scalar, j: number): Scalar => (cheats.includes(j) ? toScalar(alter(sigma)) : sigma);
    const partials = partialsOf(made, signing).map(({ sigma, r }, j) => ({ r, sigma: altered(sigma, j) }));
    for (const [j, partial] of partials.entries()) expect(signing.isPartialSignature(partial, j)).toBe(!cheats.includes(j));
    return () => signing.combine(partials);
  };

  it.each([[[0]], [[1]], [[2]], [[0, 2]], [[0, 1, 2]]])('names its makers: %j', (cheats) => {
    const abort = abortOfCall(wrong(cheats, (sigma) => sigma + 1n));
    expect(blamed(abort)).toBe(`invalid_partial_signature:${cheats.join()}`);
    expect(abort.blame.map(({ reason }) => reason)).toEqual(cheats.map(() => "sigma_j Gamma' = (m + r' e) Delta~_j + r' S~_j"));
  });

  it('names the maker of one with w = 1, of one without the shift, and of another signer’s', () => {
    const made = presignatureOf();
    const signing = signingOf(made);
    const right = partialsOf(made, signing);
    const { tildeK, tildeChi } = at(made.secrets, 1);
    const w = randomizer(made.publicData.Gamma, root.publicKey, signing.publicKey, request);
    const m = fromBytes(digest);
    const { shift } = derive(root, request.path);
    const ours = toScalar(invertScalar(w) * (tildeK * (m + signing.r * shift) + signing.r * tildeChi));
    expect(at(right, 1).sigma).toBe(ours);
    for (const sigma of [toScalar(ours * w), toScalar(invertScalar(w) * (tildeK * m + signing.r * tildeChi)), at(right, 0).sigma, 0n]) {
      const parts = right.map((partial, j) => (j === 1 ? { sigma, r: signing.r } : partial));
      expect(blamed(abortOfCall(() => signing.combine(parts)))).toBe('invalid_partial_signature:1');
    }
  });

  it('is not attributed where nobody has compared the first messages', () => {
    const made = presignatureOf();
    const signing = signingOf(made);
    const parts = partialsOf(made, signing).map(({ sigma, r }) => ({ r, sigma: toScalar(sigma + 1n) }));
    expect(blamed(abortOfCall(() => signing.combine(parts, false)))).toBe('invalid_partial_signature:');
  });

  it('for another request is nobody’s fault', () => {
    const made = presignatureOf();
    const [signing, another] = [signingOf(made), signingOf(made, { nonce: sha256(digest) })];
    const parts = [signing, another, signing].map((each, j) => at(partialsOf(made, each), j));
    const [first, second, third] = parts as [RandomizedPartialSignature, RandomizedPartialSignature, RandomizedPartialSignature];
    expect(signing.isPartialSignature(second, 1)).toBe(false);
    expect(signing.isPartialSignature({ ...first, r: second.r }, 0)).toBe(false);
    expect(() => signing.combine([first, second, third])).toThrow(InvalidArgument);
    expect(() => signing.combine([first, second, third])).toThrow('partials: one is of another request');
    expect(() => signing.combine([first, third])).toThrow('partials: must be one of each of the 3 signers');
  });
});

describe('a presignature that is re-randomised', () => {
  it('signs once', () => {
    const made = presignatureOf();
    const signing = signingOf(made);
    const one = new Presignature(made.publicData, at(made.secrets, 0));
    const another = presignatureOf(54_321n);
    expect(() => one.issueRandomized(signingOf(another))).toThrow('signing: is of another presignature');
    const forged: unknown = { r: 1n, isOf: () => true };
    expect(() => one.issueRandomized(forged as RandomizedSigning)).toThrow('signing: must be a RandomizedSigning');
    expect(one.issueRandomized(signing)).toEqual(at(partialsOf(made, signing), 0));
    expect(() => one.issueRandomized(signing)).toThrow(/^presignature: was used already$/);
    expect(() => one.issuePartialSignature(digest)).toThrow(/^presignature: was used already$/);
    const plain = new Presignature(made.publicData, at(made.secrets, 0));
    plain.issuePartialSignature(digest);
    expect(() => plain.issueRandomized(signing)).toThrow(/^presignature: was used already$/);
  });

  it.each<[string, Partial<PresignedRequest>, string]>([
    ['a digest of zero', { digest: new Uint8Array(32) }, 'request.digest: must not be zero modulo the group order'],
    ['a digest of q', { digest: toBytesPadded(GROUP_ORDER, 32) }, 'request.digest: must not be zero modulo the group order'],
    ['a digest of 31 bytes', { digest: digest.subarray(1) }, 'request.digest: must be 32 bytes'],
    ['no nonce', { nonce: new Uint8Array() }, 'request.nonce: must be 32 bytes'],
    ['a hardened path', { path: [2 ** 31] }, 'path: each index must be'],
    ['a path that is too long', { path: Array<number>(11).fill(0) }, 'path: must have at most 10'],
    ['other signers', { signers: [0, 1] }, 'request.signers: must be the 3 that made the presignature'],
    ['no key id', { keyId: '' }, 'request.keyId: must not be empty'],
    ['an epoch below 0', { epoch: -1 }, 'request.epoch: must be an integer'],
  ])('is not for %s', (_, change, reason) => {
    expect(() => signingOf(presignatureOf(), change)).toThrow(InvalidArgument);
    expect(() => signingOf(presignatureOf(), change)).toThrow(reason);
  });

  it('is not for another key', () => {
    const { publicData } = presignatureOf();
    expect(() => new RandomizedSigning(publicData, { ...root, publicKey: G }, request)).toThrow('publicKey: is not the key');
    expect(() => new RandomizedSigning({ ...publicData, commitments: [] }, root, request)).toThrow('publicData.commitments');
  });

  it('is not for the one nonce whose r is 0', () => {
    const made = presignatureOf();
    const child = derive(root, request.path).publicKey;
    const w = randomizer(made.publicData.Gamma, root.publicKey, child, request);
    const atOrder = decodePoint(Uint8Array.of(2, ...toBytesPadded(GROUP_ORDER, 32)));
    const aimed = multiply(atOrder, invertScalar(w));
    // Nobody can make such a Gamma: it hashes as one point and multiplies as another.
    const Gamma = Object.create(made.publicData.Gamma, {
      toBytes: { value: (compressed: boolean) => (compressed ? made.publicData.Gamma : aimed).toBytes(compressed) },
    }) as Point;
    expect(() => new RandomizedSigning({ ...made.publicData, Gamma }, root, request)).toThrow('request: gives r = 0');
  });
});

describe('the attack of Groth and Shoup', () => {
  /** A digest to have signed, so that its signature is one of `target` below another path: solved for, with a Gamma that is known. */
  const solve = (Gamma: Point, e: Scalar, target: Scalar, eTarget: Scalar, c: Scalar): { r: Scalar; rTarget: Scalar; h: Scalar } => {
    const [r, rTarget] = [xCoordinate(Gamma), xCoordinate(multiply(Gamma, c))];
    return { r, rTarget, h: toScalar(r * (target * invertScalar(rTarget) + eTarget - e)) };
  };

  it('forges from a presignature that is used as it is, and not from a re-randomised one', () => {
    const c = 987_654_321n;
    const target = sha256(utf8ToBytes('pay everything to the attacker'));
    const [e, eTarget] = [derive(root, request.path).shift, derive(root, [666]).shift];
    const victim = derive(root, [666]).publicKey;
    const made = presignatureOf();
    const { r, rTarget, h } = solve(made.publicData.Gamma, e, fromBytes(target), eTarget, c);
    const forge = (s: Scalar, over: Scalar): Signature => {
      const forged = toScalar(s * rTarget * invertScalar(toScalar(over * c)));
      return { r: rTarget, s: forged > GROUP_ORDER / 2n ? GROUP_ORDER - forged : forged };
    };
    // What a signer without re-randomisation would issue for the digest h.
    const plain = made.secrets.reduce((sum, { tildeK, tildeChi }) => toScalar(sum + tildeK * (h + r * e) + r * tildeChi), 0n);
    expect(verifyDigest(forge(plain, r), victim, target)).toBe(true);

    const signing = signingOf(made, { digest: toBytesPadded(h, 32) });
    const { s } = signing.combine(partialsOf(made, signing));
    const w = randomizer(made.publicData.Gamma, root.publicKey, signing.publicKey, { ...request, digest: toBytesPadded(h, 32) });
    for (const over of [r, signing.r]) {
      for (const factor of [1n, w, invertScalar(w)]) expect(verifyDigest(forge(toScalar(s * factor), over), victim, target)).toBe(false);
    }
  });
});
