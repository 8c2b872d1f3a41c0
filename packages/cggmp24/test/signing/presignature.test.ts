import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { encodePoint, G, GROUP_ORDER, INFINITY, invertScalar, multiply, toScalar, type Point, type Scalar } from '../../src/math/curve.js';
import { hashMessage, MESSAGE_HASHES, verify, verifyDigest, type Signature } from '../../src/ecdsa.js';
import { at } from '../../src/base/at.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { ProtocolAborted } from '../../src/runtime/abort.js';
import { combine, isPartialSignature, messageToScalar, Presignature } from '../../src/signing/presignature.js';
import type { PartialSignature, PresignaturePublicData } from '../../src/signing/presignature_data.js';
import { abortOfCall, blamed } from '../util/blame.js';
import { acceptedByNoble } from '../util/signing_suite.js';

const scalar = fc.bigInt({ min: 1n, max: GROUP_ORDER - 1n });
const message = utf8ToBytes('one message');

interface Made {
  readonly key: Point;
  readonly publicData: PresignaturePublicData;
  readonly presignatures: readonly Presignature[];
}

/** Splits a secret into three that add up to it. */
function split(secret: Scalar, a: Scalar, b: Scalar): Scalar[] {
  return [a, b, toScalar(secret - a - b)];
}

/** What presigning ends with, made by someone who knows the key x and the nonce k. */
function presignatureOf(x: Scalar, k: Scalar, masks: readonly Scalar[]): Made {
  const Gamma = multiply(G, invertScalar(k));
  const tildeK = split(k, at(masks, 0), at(masks, 1));
  const tildeChi = split(toScalar(k * x), at(masks, 2), at(masks, 3));
  const commitments = tildeK.map((k_j, j) => ({ tildeDelta: multiply(Gamma, k_j), tildeS: multiply(Gamma, at(tildeChi, j)) }));
  const publicData = { Gamma, commitments };
  const presignatures = tildeK.map((k_j, j) => new Presignature(publicData, { tildeK: k_j, tildeChi: at(tildeChi, j) }));
  return { key: multiply(G, x), publicData, presignatures };
}

const made = (k = 12_345n): Made => presignatureOf(0xdeadbeefn, k, [1n, 2n, 3n, 4n]);
const partialsOf = ({ presignatures }: Made, signed = message): PartialSignature[] =>
  presignatures.map((presignature) => presignature.issuePartialSignature(signed));
const combined = (one: Made, partials = partialsOf(one)): Signature => combine(partials, one.publicData, one.key, message);

describe('the hashes of messages', () => {
  // FIPS 180-4, Bitcoin and Ethereum: of "abc".
  it.each([
    ['sha256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['sha256d', '4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358'],
    ['keccak256', '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45'],
  ] as const)('%s', (hash, expected) => {
    expect(bytesToHex(hashMessage(utf8ToBytes('abc'), hash))).toBe(expected);
    const one = made();
    const partials = one.presignatures.map((presignature) => presignature.issuePartialSignature(message, hash));
    const signature = combine(partials, one.publicData, one.key, message, true, hash);
    expect(verifyDigest(signature, one.key, hashMessage(message, hash))).toBe(true);
    const others = MESSAGE_HASHES.filter((other) => other !== hash);
    for (const other of others) expect(() => combine(partials, one.publicData, one.key, message, true, other)).toThrow(ProtocolAborted);
  });
});

describe('combine', () => {
  it('makes a low-s signature that others accept, whatever the key, the nonce and the message', () => {
    fc.assert(
      fc.property(scalar, scalar, fc.array(scalar, { minLength: 4, maxLength: 4 }), fc.uint8Array(), (x, k, masks, signed) => {
        const one = presignatureOf(x, k, masks);
        const signature = combine(partialsOf(one, signed), one.publicData, one.key, signed);
        expect(signature.s <= GROUP_ORDER / 2n).toBe(true);
        expect(acceptedByNoble(signature, encodePoint(one.key, true), signed)).toBe(true);
        expect(verify({ ...signature, s: GROUP_ORDER - signature.s }, encodePoint(one.key, true), signed)).toBe(false);
      }),
      { numRuns: 12 },
    );
  });

  it.each([[[0]], [[1]], [[2]], [[0, 2]], [[0, 1, 2]]])('names the makers of wrong partial signatures: %j', (cheats) => {
    const one = made();
    const partials = partialsOf(one).map(({ sigma }, j) => ({ sigma: cheats.includes(j) ? toScalar(sigma + 1n) : sigma }));
    expect(blamed(abortOfCall(() => combined(one, partials)))).toBe(`invalid_partial_signature:${cheats.join()}`);
  });

  it.each([
    ['zero', 0n],
    ['negated', -1n],
  ])('names the maker of one that is %s', (_, factor) => {
    const one = made();
    const partials = partialsOf(one).map(({ sigma }, j) => ({ sigma: j === 1 ? toScalar(sigma * factor) : sigma }));
    expect(blamed(abortOfCall(() => combined(one, partials)))).toBe('invalid_partial_signature:1');
  });

  it('names the maker of one for another message, and of one from another presignature', () => {
    const one = made();
    const [first, second, third] = partialsOf(one) as [PartialSignature, PartialSignature, PartialSignature];
    const otherMessage = at(partialsOf(made(), utf8ToBytes('another message')), 1);
    const otherPresignature = at(partialsOf(made(54_321n)), 2);
    expect(blamed(abortOfCall(() => combined(one, [first, otherMessage, third])))).toBe('invalid_partial_signature:1');
    expect(blamed(abortOfCall(() => combined(one, [first, second, otherPresignature])))).toBe('invalid_partial_signature:2');
  });

  it('takes them in the order of the signers', () => {
    const one = made();
    const [a, b, c] = partialsOf(one);
    if (a === undefined || b === undefined || c === undefined) throw new Error('three signers');
    // The sum does not depend on the order, so that a wrong order is harmless unless one has to be found.
    expect(combined(one, [b, a, c])).toEqual(combined(one, [a, b, c]));
    expect(blamed(abortOfCall(() => combined(one, [b, a, { sigma: 1n }])))).toBe('invalid_partial_signature:0,1,2');
  });

  it.each([[[]], [[0, 1]], [[0, 1, 2, 2]]])('wants one of each signer: %j', (chosen) => {
    const one = made();
    const partials = partialsOf(one);
    expect(() => combined(one, chosen.map((j) => at(partials, j)))).toThrow(InvalidArgument);
    expect(() => combined(one, chosen.map((j) => at(partials, j)))).toThrow('partials: must be one of each of the 3 signers');
  });

  it('attributes a partial signature by itself', () => {
    const one = made();
    const m = messageToScalar(message);
    for (const [j, { sigma }] of partialsOf(one).entries()) {
      expect(isPartialSignature(sigma, j, one.publicData, m)).toBe(true);
      expect(isPartialSignature(sigma, (j + 1) % 3, one.publicData, m)).toBe(false);
      expect(isPartialSignature(toScalar(sigma + 1n), j, one.publicData, m)).toBe(false);
      expect(isPartialSignature(sigma, j, one.publicData, toScalar(m + 1n))).toBe(false);
    }
    expect(isPartialSignature(0n, 0, { Gamma: G, commitments: [{ tildeDelta: INFINITY, tildeS: INFINITY }] }, m)).toBe(true);
  });
});

describe('a presignature signs once', () => {
  const used = /^presignature: was used already$/;

  it('and no second time, not even the same message', () => {
    const one = at(made().presignatures, 0);
    one.issuePartialSignature(message);
    expect(() => one.issuePartialSignature(message)).toThrow(InvalidArgument);
    expect(() => one.issuePartialSignature(message)).toThrow(used);
    expect(() => one.handOver()).toThrow(used);
  });

  it('not after it was handed over; whoever took it over signs once', () => {
    const reference = made();
    const one = at(made().presignatures, 0);
    const text = one.handOver();
    expect(() => one.issuePartialSignature(message)).toThrow(used);
    expect(() => one.handOver()).toThrow(used);
    const taken = Presignature.takeOver(text);
    expect(taken.issuePartialSignature(message)).toEqual(at(partialsOf(reference), 0));
    expect(() => taken.issuePartialSignature(message)).toThrow(used);
  });

  const takenAlready = /^presignature: was taken over already$/;

  it('also when its text is taken over twice', () => {
    const [one, two] = [0, 1].map((j) => at(made().presignatures, j).handOver());
    Presignature.takeOver(two ?? '');
    Presignature.takeOver(one ?? '');
    for (const text of [one, two]) {
      expect(() => Presignature.takeOver(text ?? '')).toThrow(InvalidArgument);
      expect(() => Presignature.takeOver(text ?? '')).toThrow(takenAlready);
    }
  });

  it('whatever came between: texts may overtake each other, and get lost', () => {
    const text = JSON.parse(at(made().presignatures, 0).handOver()) as object;
    const numbered = (serial: number): string => JSON.stringify({ ...text, token: { maker: 'a'.repeat(32), serial } });
    const take = (serial: number): Presignature => Presignature.takeOver(numbered(serial));
    // The text 0 is late, the text 7 is lost.
    const order = [...Array(1000).keys()].map((k) => (k < 6 ? 6 - k : k + 2));
    for (const serial of order) take(serial);
    take(0);
    for (const serial of [...order, 0]) expect(() => take(serial)).toThrow(takenAlready);
    // Long afterwards, nobody waits for the lost one any more, and none of the taken ones is forgotten.
    for (let serial = 2000; serial < 4000; serial++) take(serial);
    for (const serial of [0, 3, 7, 500, 2000, 3999]) expect(() => take(serial)).toThrow(takenAlready);
    expect(() => take(4000)).not.toThrow();
  });

  it('is gone even if signing fails', () => {
    const toAffine = (): never => {
      throw new TypeError('a defect');
    };
    const Gamma = Object.create(G, { toAffine: { value: toAffine } }) as Point;
    const one = new Presignature({ Gamma, commitments: [{ tildeDelta: G, tildeS: G }] }, { tildeK: 1n, tildeChi: 1n });
    expect(() => one.issuePartialSignature(message)).toThrow(TypeError);
    expect(() => one.issuePartialSignature(message)).toThrow(used);
  });

  it.each<[unknown]>([[null], ['a text'], [[1, 2, 3]], [new Uint16Array(2)]])('but not when the message is none: %p', (misuse) => {
    const reference = made();
    const one = at(made().presignatures, 0);
    expect(() => one.issuePartialSignature(misuse as Uint8Array)).toThrow(InvalidArgument);
    expect(one.issuePartialSignature(message)).toEqual(at(partialsOf(reference), 0));
  });

  it('hands over its public side as well', () => {
    const one = made();
    const { Gamma, commitments } = Presignature.takeOver(at(one.presignatures, 1).handOver()).publicData;
    expect(Gamma.equals(one.publicData.Gamma)).toBe(true);
    for (const [j, { tildeDelta, tildeS }] of commitments.entries()) {
      expect(tildeDelta.equals(at(one.publicData.commitments, j).tildeDelta)).toBe(true);
      expect(tildeS.equals(at(one.publicData.commitments, j).tildeS)).toBe(true);
    }
  });

  it.each(['', '{}', '[]', '{"Gamma":1}'])('takes over no %j', (text) => {
    expect(() => Presignature.takeOver(text)).toThrow(InvalidArgument);
  });

  it('does not print', () => {
    const one = at(made().presignatures, 0);
    expect(inspect(one)).toBe('[secret]');
    expect(JSON.stringify({ one })).toBe('{"one":"[secret]"}');
    expect(inspect({ one }, { depth: null, showHidden: true })).toBe('{ one: [secret] }');
  });
});
