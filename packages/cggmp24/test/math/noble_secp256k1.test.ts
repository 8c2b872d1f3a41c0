import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as libsecp256k1 from 'tiny-secp256k1';
import * as inBundles from '../../src/math/noble_secp256k1.js';
import { fromBytes, toBytesPadded } from '../../src/math/integer.js';
import { GROUP_ORDER } from '../../src/math/curve.js';

const scalar = fc
  .oneof(fc.constantFrom(1n, 2n, GROUP_ORDER - 1n, GROUP_ORDER / 2n), fc.bigInt({ min: 1n, max: GROUP_ORDER - 1n }))
  .map((x) => toBytesPadded(x, 32));

it('a bundle multiplies as libsecp256k1 does', () => {
  fc.assert(
    fc.property(scalar, scalar, fc.boolean(), (d, tweak, compressed) => {
      const P = libsecp256k1.pointFromScalar(d, compressed);
      expect(inBundles.pointFromScalar(d, compressed)).toEqual(P);
      if (P === null) throw new Error('no point');
      expect(inBundles.pointMultiply(P, tweak, false)).toEqual(libsecp256k1.pointMultiply(P, tweak, false));
      expect(inBundles.pointMultiply(P, tweak)).toEqual(libsecp256k1.pointMultiply(P, tweak));
    }),
    { numRuns: 50 },
  );
});

it('and verifies as it does, a high s or another digest too', () => {
  fc.assert(
    fc.property(scalar, scalar, fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.boolean(), (d, other, digest, high) => {
      const [Q, wrong] = [d, other].map((x) => libsecp256k1.pointFromScalar(x));
      if (Q == null || wrong == null) throw new Error('no point');
      const signature = libsecp256k1.sign(digest, d);
      if (high) signature.set(toBytesPadded(GROUP_ORDER - fromBytes(signature.subarray(32)), 32), 32);
      for (const [h, key, strict] of [[digest, Q, true], [digest, Q, false], [digest, wrong, true], [d, Q, true]] as const) {
        expect(inBundles.verify(h, key, signature, strict)).toBe(libsecp256k1.verify(h, key, signature, strict));
      }
      expect(inBundles.verify(digest, Q, signature, true)).toBe(!high);
    }),
    { numRuns: 30 },
  );
});

it('and knows a point when it sees one', () => {
  const P = libsecp256k1.pointFromScalar(toBytesPadded(7n, 32), false) ?? new Uint8Array(65);
  const altered = [64, 1, 0].map((k) => Uint8Array.from(P, (byte, at) => (at === k ? byte ^ 1 : byte)));
  for (const bytes of [P, ...altered, new Uint8Array(33), Uint8Array.of(2, ...new Uint8Array(32)), new Uint8Array()]) {
    expect(inBundles.isPoint(bytes)).toBe(libsecp256k1.isPoint(bytes));
  }
});

it('and has the same types', () => {
  const used: Pick<typeof libsecp256k1, keyof typeof inBundles> = inBundles;
  expect(Object.keys(used).sort()).toEqual(['isPoint', 'pointFromScalar', 'pointMultiply', 'verify']);
});
