import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bigintBackend } from '../../src/math/bigint_backend.js';
import { gcd, invert, jacobi } from '../../src/math/integer.js';
import { generateRingPedersen, OwnRingPedersen, RingPedersen } from '../../src/paillier/ring_pedersen.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { nonUnits, ownAux, publicAux, smallPrime } from '../util/small.js';

const [pHat, qHat] = [smallPrime(4), smallPrime(5)];
const { nHat, s, t } = publicAux;
const withoutLambda = new OwnRingPedersen({ nHat, s, t }, { pHat, qHat });

const exponent = fc.oneof(
  fc.bigInt({ min: -(1n << 700n), max: 1n << 700n }),
  fc.bigInt({ min: -(1n << 3000n), max: 1n << 3000n }),
  fc.constantFrom(0n, 1n, -1n, (pHat - 1n) * (qHat - 1n), 1n - pHat, nHat, -nHat),
);

function naivePower(base: bigint, e: bigint): bigint {
  return e < 0n ? invert(bigintBackend.modulus(nHat).pow(base, -e), nHat) : bigintBackend.modulus(nHat).pow(base, e);
}

describe('a commitment', () => {
  it('is s^x t^y to everyone: to strangers, to the owner, and to the owner who forgot lambda', () => {
    fc.assert(
      fc.property(exponent, exponent, (x, y) => {
        const expected = (naivePower(s, x) * naivePower(t, y)) % nHat;
        expect(publicAux.commit(x, y)).toBe(expected);
        expect(ownAux.commit(x, y)).toBe(expected);
        expect(withoutLambda.commit(x, y)).toBe(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('has powers beside it that stay what they are when the owner begins to use the factors', () => {
    const own = new OwnRingPedersen({ nHat, s, t }, { pHat, qHat });
    const e = (1n << 255n) + 12345n;
    const moduli = Array.from({ length: 1100 }, () => own.modulus);
    const [first, last] = [moduli[0], moduli[1099]];
    expect(last).not.toBe(first);
    for (const base of [s, t, pHat, 0n, nHat - 1n]) {
      for (const modulus of [first, last]) expect(modulus?.pow(base, e)).toBe(bigintBackend.modulus(nHat).pow(base, e));
    }
  });

  it('is 1 for nothing', () => {
    for (const params of [publicAux, ownAux, withoutLambda]) expect(params.commit(0n, 0n)).toBe(1n);
  });

  it('needs units', () => {
    expect(() => new RingPedersen({ nHat, s: pHat, t }).commit(1n, 1n)).toThrow(RangeError);
    expect(() => new RingPedersen({ nHat, s, t: qHat }).commit(1n, 1n)).toThrow(RangeError);
  });
});

describe('generated parameters', () => {
  const all = Array.from({ length: 10 }, (_, k) => generateRingPedersen(pHat, qHat, seededRng(`params ${k}`)));

  it('have t a square of a unit, and s = t^lambda', () => {
    for (const params of all) {
      const { lambda = -1n, ...primes } = params.trapdoor();
      expect(primes).toEqual({ pHat, qHat });
      expect(params.nHat).toBe(pHat * qHat);
      expect([jacobi(params.t, pHat), jacobi(params.t, qHat)]).toEqual([1, 1]);
      expect(gcd(params.s, nHat)).toBe(1n);
      expect(lambda >= 0n && lambda < ((pHat - 1n) * (qHat - 1n)) / 4n).toBe(true);
      expect(params.s).toBe(naivePower(params.t, lambda));
    }
  });

  it('differ, and depend on the generator alone', () => {
    expect(new Set(all.map((params) => params.t)).size).toBe(10);
    expect(new Set(all.map((params) => params.trapdoor().lambda)).size).toBe(10);
    const again = generateRingPedersen(pHat, qHat, seededRng('params 3'));
    expect([again.s, again.t]).toEqual([all[3]?.s, all[3]?.t]);
  });
});

describe('elements', () => {
  it.each(nonUnits(nHat, pHat, qHat, 5n))('%s is none of Z*_N-hat', (_, x) => {
    for (const params of [publicAux, ownAux]) {
      expect(() => {
        params.checkElements({ S: 1n, T: x });
      }).toThrow('T in Z*_N-hat');
    }
  });

  it('units are', () => {
    publicAux.checkElements({ S: 1n, T: nHat - 1n });
  });
});
