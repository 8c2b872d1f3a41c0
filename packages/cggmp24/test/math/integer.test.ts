import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as integer from '../../src/math/integer.js';
import { smallPrime } from '../util/small.js';

const signed = fc.oneof(fc.bigInt({ min: -300n, max: 300n }), fc.bigInt({ min: -(1n << 3100n), max: 1n << 3100n }));
const unsigned = signed.map(integer.abs);
const positive = unsigned.map((x) => x + 1n);
const small = fc.bigInt({ min: -60n, max: 60n });

describe('mod and abs', () => {
  it('mod gives the non-negative remainder', () => {
    fc.assert(
      fc.property(signed, positive, (a, n) => {
        const r = integer.mod(a, n);
        expect(r >= 0n && r < n).toBe(true);
        expect((a - r) % n).toBe(0n);
      }),
    );
  });

  it('abs drops the sign', () => {
    expect([-2n, -1n, 0n, 1n, 2n].map(integer.abs)).toEqual([2n, 1n, 0n, 1n, 2n]);
  });
});

describe('lengths and bytes', () => {
  it('bitLength counts the binary digits of the magnitude', () => {
    expect(integer.bitLength(0n)).toBe(0);
    fc.assert(
      fc.property(positive, (a) => {
        expect(integer.bitLength(a)).toBe(a.toString(2).length);
        expect(integer.bitLength(-a)).toBe(integer.bitLength(a));
      }),
    );
    for (let k = 1; k < 70; k++) {
      expect(integer.bitLength((1n << BigInt(k)) - 1n)).toBe(k);
      expect(integer.bitLength(1n << BigInt(k))).toBe(k + 1);
    }
  });

  it('toBytes is big-endian and shortest, and fromBytes undoes it', () => {
    expect(integer.toBytes(0n)).toEqual(new Uint8Array());
    expect(integer.toBytes(-0x100n)).toEqual(Uint8Array.of(1, 0));
    fc.assert(
      fc.property(unsigned, (a) => {
        const bytes = integer.toBytes(a);
        expect(bytes.length).toBe(Math.ceil(integer.bitLength(a) / 8));
        expect(integer.fromBytes(bytes)).toBe(a);
      }),
    );
  });

  it('fromBytes reads leading zeros, and views into a longer buffer', () => {
    const buffer = Uint8Array.of(9, 0, 1, 2, 9);
    expect(integer.fromBytes(buffer.subarray(1, 4))).toBe(0x0102n);
    expect(integer.fromBytes(new Uint8Array(5))).toBe(0n);
  });

  it('toBytesPadded fills up on the left, or refuses', () => {
    expect(integer.toBytesPadded(0x102n, 4)).toEqual(Uint8Array.of(0, 0, 1, 2));
    expect(integer.toBytesPadded(0x102n, 2)).toEqual(Uint8Array.of(1, 2));
    expect(integer.toBytesPadded(0n, 2)).toEqual(Uint8Array.of(0, 0));
    expect(() => integer.toBytesPadded(0x102n, 1)).toThrow(RangeError);
  });

  it('equalBytes compares length and content', () => {
    const a = Uint8Array.of(1, 2, 3);
    expect(integer.equalBytes(a, Uint8Array.of(1, 2, 3))).toBe(true);
    expect(integer.equalBytes(new Uint8Array(), new Uint8Array())).toBe(true);
    for (const b of [[1, 2], [1, 2, 3, 0], [0, 2, 3], [1, 2, 4], []]) expect(integer.equalBytes(a, Uint8Array.from(b))).toBe(false);
  });

  it('xorBytes joins any number of strings, changing none', () => {
    const strings = [Uint8Array.of(1, 2), Uint8Array.of(3, 255), Uint8Array.of(4, 1)];
    expect(integer.xorBytes(strings)).toEqual(Uint8Array.of(1 ^ 3 ^ 4, 2 ^ 255 ^ 1));
    expect(strings[0]).toEqual(Uint8Array.of(1, 2));
    expect(integer.xorBytes([])).toEqual(new Uint8Array());
  });
});

describe('divisors', () => {
  it('gcd ignores signs', () => {
    fc.assert(
      fc.property(signed, signed, (a, b) => {
        const divisor = integer.gcd(integer.abs(a), integer.abs(b));
        for (const [x, y] of [[a, b], [-a, b], [a, -b], [-a, -b]] as const) expect(integer.gcd(x, y)).toBe(divisor);
      }),
    );
  });

  it('invert takes any representative, or throws where there is no inverse', () => {
    fc.assert(
      fc.property(signed, positive, (a, n) => {
        if (integer.gcd(a, n) === 1n) {
          const inverse = integer.invert(a, n);
          expect(inverse >= 0n && inverse < n).toBe(true);
          expect(integer.mod(a * inverse, n)).toBe(1n % n);
        } else expect(() => integer.invert(a, n)).toThrow(RangeError);
      }),
    );
  });

  it('invert refuses 0, and multiples of a factor', () => {
    const [p, q] = [smallPrime(0), smallPrime(1)];
    for (const a of [0n, p, -q, 3n * p, p * q, p * q * 5n]) expect(() => integer.invert(a, p * q)).toThrow(RangeError);
  });

  it('isUnit wants the canonical form', () => {
    const [p, q] = [smallPrime(0), smallPrime(1)];
    const n = p * q;
    for (const x of [1n, 2n, n - 1n, p + 1n]) expect(integer.isUnit(x, n)).toBe(true);
    for (const x of [0n, -1n, n, n + 1n, 2n * n - 1n, p, 5n * q]) expect(integer.isUnit(x, n)).toBe(false);
  });
});

describe('squares', () => {
  it('sqrtFloor is the floor', () => {
    for (let a = 0; a < 200; a++) expect(integer.sqrtFloor(BigInt(a))).toBe(BigInt(Math.floor(Math.sqrt(a))));
    fc.assert(
      fc.property(unsigned, (a) => {
        const root = integer.sqrtFloor(a);
        expect(root * root <= a && (root + 1n) * (root + 1n) > a).toBe(true);
        expect(integer.sqrtFloor(a * a)).toBe(a);
        if (a > 0n) expect(integer.sqrtFloor(a * a - 1n)).toBe(a - 1n);
      }),
    );
  });

  it('jacobi agrees with the definition by squares, prime factor by prime factor', () => {
    const legendre = (a: bigint, p: bigint): number => {
      if (integer.mod(a, p) === 0n) return 0;
      for (let x = 1n; x < p; x++) if ((x * x - a) % p === 0n) return 1;
      return -1;
    };
    for (const factors of [[], [3n], [5n], [7n], [3n, 3n], [3n, 5n], [3n, 7n, 11n], [13n, 17n], [5n, 5n, 5n]]) {
      const n = factors.reduce((product, p) => product * p, 1n);
      for (let a = -40n; a <= 40n; a++) expect(integer.jacobi(a, n)).toBe(factors.reduce((sign, p) => sign * legendre(a, p), 1) + 0);
    }
  });

  it('jacobi is what Euler says for large primes, and multiplicative', () => {
    const [p, q] = [smallPrime(0), smallPrime(1)];
    const euler = (a: bigint, prime: bigint): number => {
      let [power, base, exponent] = [1n, integer.mod(a, prime), (prime - 1n) / 2n];
      for (; exponent > 0n; exponent >>= 1n) {
        if ((exponent & 1n) === 1n) power = (power * base) % prime;
        base = (base * base) % prime;
      }
      return power === prime - 1n ? -1 : Number(power);
    };
    fc.assert(
      fc.property(fc.oneof(small, signed), (a) => {
        expect(integer.jacobi(a, p)).toBe(euler(a, p));
        expect(integer.jacobi(a, p * q)).toBe(euler(a, p) * euler(a, q) + 0);
      }),
      { numRuns: 40 },
    );
    expect(integer.jacobi(3n * p, p * q)).toBe(0);
  });
});
