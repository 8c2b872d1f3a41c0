import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { gcd, mod } from '../../src/math/integer.js';
import { DecryptionKey } from '../../src/paillier/decryption_key.js';
import { EncryptionKey } from '../../src/paillier/encryption_key.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { key_i, nonUnits, smallPrime } from '../util/small.js';
import { loadVectors } from '../util/vectors.js';

function isCiphertext(key: EncryptionKey, c: bigint): boolean {
  try {
    key.checkCiphertexts({ c });
    return true;
  } catch {
    return false;
  }
}

const [p, q] = [smallPrime(0), smallPrime(1)];
const own = key_i.encryptionKey;
const plain = new EncryptionKey(own.n);
const { n, nn, halfN } = own;

const plaintext = fc.oneof(fc.bigInt({ min: -halfN, max: halfN }), fc.constantFrom(0n, 1n, -1n, halfN, -halfN, halfN - 1n, 1n - halfN));
const nonce = fc.oneof(fc.bigInt({ min: 1n, max: n - 1n }), fc.constantFrom(1n, 2n, n - 1n)).filter((r) => gcd(r, n) === 1n);
const factor = fc.oneof(
  fc.bigInt({ min: -n, max: n }),
  fc.bigInt({ min: -(1n << 1500n), max: 1n << 1500n }),
  fc.constantFrom(0n, 1n, -1n, n, -n),
);

/** The representative of x modulo n that decryption gives. */
function centered(x: bigint): bigint {
  const r = mod(x, n);
  return r > halfN ? r - n : r;
}

describe('against fast-paillier', () => {
  const hex = z.string().transform((s) => (s.startsWith('-') ? -BigInt(`0x${s.slice(1)}`) : BigInt(`0x${s}`)));
  const recorded = loadVectors(
    'unit_paillier',
    z.object({
      p: hex,
      q: hex,
      N: hex,
      half_N: hex,
      encrypt: z.array(z.object({ plaintext: hex, nonce: hex, ciphertext: hex })).min(6),
      homomorphic: z.object({ a: hex, b: hex, ca: hex, cb: hex, oadd: hex, oadd_plain: hex, scalar: hex, omul: hex, omul_plain: hex }),
    }),
  );
  const key = new DecryptionKey(recorded.p, recorded.q);
  const keys = { own: key.encryptionKey, plain: new EncryptionKey(recorded.N) };

  it('N and half of it', () => {
    for (const { n: N, halfN: half } of Object.values(keys)) expect([N, half]).toEqual([recorded.N, recorded.half_N]);
  });

  it.each(recorded.encrypt)('encrypts and decrypts $plaintext', ({ plaintext: x, nonce: r, ciphertext }) => {
    expect(keys.own.encryptWith(x, r)).toBe(ciphertext);
    expect(keys.plain.encryptWith(x, r)).toBe(ciphertext);
    expect(key.decrypt(ciphertext)).toBe(x);
  });

  it('adds and scales', () => {
    const { a, b, ca, cb, oadd, oadd_plain, scalar, omul, omul_plain } = recorded.homomorphic;
    expect([ca, cb, oadd, omul].map((c) => key.decrypt(c))).toEqual([a, b, oadd_plain, omul_plain]);
    expect([a + b, a * scalar]).toEqual([oadd_plain, omul_plain]);
    for (const encryptionKey of Object.values(keys)) {
      expect(encryptionKey.add(ca, cb)).toBe(oadd);
      expect(encryptionKey.scale(scalar, ca)).toBe(omul);
    }
  });
});

describe('a key', () => {
  it('decrypts what is encrypted, up to both ends of the range', () => {
    fc.assert(
      fc.property(plaintext, nonce, (x, r) => {
        expect(key_i.decrypt(own.encryptWith(x, r))).toBe(x);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses plaintexts just outside the range', () => {
    for (const key of [own, plain]) {
      expect(() => key.encryptWith(halfN + 1n, 1n)).toThrow(RangeError);
      expect(() => key.encryptWith(-halfN - 1n, 1n)).toThrow(RangeError);
    }
  });

  it('encrypts as the definition says, (1 + N)^x r^N mod N^2', () => {
    const power = (base: bigint, exponent: bigint): bigint => {
      let [result, square] = [1n, mod(base, nn)];
      for (let e = exponent; e > 0n; e >>= 1n) {
        if ((e & 1n) === 1n) result = (result * square) % nn;
        square = (square * square) % nn;
      }
      return result;
    };
    const r = 0x123456789abcdefn;
    for (const x of [0n, 1n, 77n, halfN]) {
      expect(own.encryptWith(x, r)).toBe((power(1n + n, x) * power(r, n)) % nn);
      expect((own.encryptWith(-x, r) * power(1n + n, x)) % nn).toBe(power(r, n));
    }
  });

  it('adds plaintexts by multiplying ciphertexts', () => {
    fc.assert(
      fc.property(plaintext, nonce, plaintext, nonce, (x, r, y, s) => {
        const sum = own.add(own.encryptWith(x, r), own.encryptWith(y, s));
        expect(key_i.decrypt(sum)).toBe(centered(x + y));
        expect(sum).toBe(own.encryptWith(centered(x + y), (r * s) % n));
      }),
      { numRuns: 40 },
    );
  });

  it('scales plaintexts by factors of either sign and any size', () => {
    fc.assert(
      fc.property(plaintext, nonce, factor, (x, r, k) => {
        expect(key_i.decrypt(own.scale(k, own.encryptWith(x, r)))).toBe(centered(k * x));
      }),
      { numRuns: 40 },
    );
  });

  it('makes fresh encryptions with the nonce they are made of', () => {
    const rng = seededRng('fresh');
    const made = Array.from({ length: 20 }, () => own.encrypt(5n, rng));
    for (const { ciphertext, nonce: r } of made) {
      expect(ciphertext).toBe(plain.encryptWith(5n, r));
      expect(gcd(r, n)).toBe(1n);
    }
    expect(new Set(made.map(({ ciphertext }) => ciphertext)).size).toBe(20);
  });
});

describe('nonces that the owner samples', () => {
  /** Every nonce that draws of exponents below p - 1 and q - 1 lead to, once each. */
  function everyNonce(key: DecryptionKey, p1: number, q1: number): { nonce: bigint; power: bigint }[] {
    const byte = (x: number, below: number): number => x << (8 - (below - 1).toString(2).length);
    return Array.from({ length: (p1 - 1) * (q1 - 1) }, (_, k) => {
      const draws = [byte(k % (p1 - 1), p1 - 1), byte(Math.floor(k / (p1 - 1)), q1 - 1)];
      return key.encryptionKey.sampleNonce(() => Uint8Array.of(draws.shift() ?? -1));
    });
  }

  it.each([
    [11, 47],
    [23, 59],
  ])('are each unit modulo %s x %s for exactly one pair of exponents', (p1, q1) => {
    const small = new DecryptionKey(BigInt(p1), BigInt(q1));
    const N = BigInt(p1 * q1);
    const made = everyNonce(small, p1, q1);
    const units = Array.from({ length: p1 * q1 }, (_, x) => BigInt(x)).filter((x) => gcd(x, N) === 1n);
    expect(made.map(({ nonce: r }) => r).sort((a, b) => Number(a - b))).toEqual(units);
    for (const { nonce: r, power } of made) expect(power).toBe(r ** N % N ** 2n);
  });

  it('come with their N-th power, before and after tables are built', () => {
    const rng = seededRng('with power');
    const key = new DecryptionKey(p, q);
    for (let k = 0; k < 30; k++) {
      const { nonce: r, power } = key.encryptionKey.sampleNonce(rng);
      expect(power).toBe(plain.modNN.pow(r, n));
      expect(r > 0n && r < n).toBe(true);
    }
  });

  it('are drawn without a generator when the primes are not safe', () => {
    // The least non-residues, 3 modulo 41 and 2 modulo 43, are no generators.
    const key = new DecryptionKey(41n, 43n).encryptionKey;
    const rng = seededRng('not safe');
    const nonces = Array.from({ length: 1000 }, () => key.sampleNonce(rng));
    for (const { nonce: r, power } of nonces) expect(power).toBe(r ** 1763n % 1763n ** 2n);
    const residues = (prime: bigint): number => new Set(nonces.map(({ nonce: r }) => r % prime)).size;
    expect([residues(41n), residues(43n)]).toEqual([40, 42]);
  });
});

describe('with and without the factors everything is the same', () => {
  const anyCiphertext = fc.bigInt({ min: 1n, max: nn - 1n }).filter((c) => gcd(c, n) === 1n);

  it('encryption, non-units as nonces included', () => {
    fc.assert(
      fc.property(plaintext, fc.oneof(nonce, fc.constantFrom(0n, p, q, 3n * p, n - q)), (x, r) => {
        expect(own.encryptWith(x, r)).toBe(plain.encryptWith(x, r));
      }),
      { numRuns: 40 },
    );
  });

  it('scaling, with the inverse at hand or not', () => {
    fc.assert(
      fc.property(anyCiphertext, factor, (c, k) => {
        const scaled = plain.scale(k, c);
        expect(own.scale(k, c)).toBe(scaled);
        expect(own.scaleWith(k, c, own.inverse(c))).toBe(scaled);
        expect((own.scale(-k, c) * scaled) % nn).toBe(1n);
      }),
      { numRuns: 40 },
    );
  });

  it.each([7n, -7n])('scaling by %s makes an inverse: the sign shows neither in the time nor in what is refused', (k) => {
    for (const key of [own, plain]) expect(() => key.scale(k, p)).toThrow('not invertible');
  });

  it('powers modulo N and N^2, of non-units too', () => {
    const base = fc.oneof(fc.bigInt({ min: 0n, max: nn }), fc.constantFrom(0n, p, q, p * p, p * q, n));
    fc.assert(
      fc.property(base, factor.filter((e) => e >= 0n), (b, e) => {
        expect(own.modN.pow(b, e)).toBe(plain.modN.pow(b, e));
        expect(own.modNN.pow(b, e)).toBe(plain.modNN.pow(b, e));
      }),
      { numRuns: 40 },
    );
  });
});

describe('membership', () => {
  it.each(nonUnits(nn, p, q, 5n))('%s is no ciphertext', (_, c) => {
    for (const key of [own, plain]) expect(isCiphertext(key, c)).toBe(false);
  });

  it.each(nonUnits(n, p, q, 5n))('%s is no nonce', (_, r) => {
    for (const key of [own, plain]) {
      expect(() => {
        key.checkNonces({ fine: 2n, r });
      }).toThrow('r in Z*_N');
    }
  });

  it.each(nonUnits(nn, p, q, 5n))('%s is named among ciphertexts', (_, c) => {
    expect(() => {
      own.checkCiphertexts({ fine: 2n, C: c, D: 1n });
    }).toThrow('C in Z*_N^2');
  });

  it('units are ciphertexts, above N too', () => {
    for (const c of [1n, 2n, n - 1n, n + 1n, nn - 1n]) expect(isCiphertext(own, c)).toBe(true);
    expect(isCiphertext(own, nn + 1n)).toBe(false);
    expect(isCiphertext(own, n * 5n)).toBe(false);
    own.checkCiphertexts({ a: n + 1n, b: nn - 1n });
    own.checkNonces({ a: 1n, b: n - 1n });
  });
});

it('one prime twice is no key', () => {
  expect(() => new DecryptionKey(p, p)).toThrow(RangeError);
});
