import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as libsecp256k1 from 'tiny-secp256k1';
import * as inBundles from '../../src/math/noble_secp256k1.js';
import { toBytesPadded } from '../../src/math/integer.js';
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

it('and has the same types', () => {
  const used: Pick<typeof libsecp256k1, keyof typeof inBundles> = inBundles;
  expect(Object.keys(used).sort()).toEqual(['pointFromScalar', 'pointMultiply']);
});
