import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decContext } from '../../src/zk/context.js';
import { G, INFINITY, multiply, toScalar } from '../../src/math/curve.js';
import { randomHalfRange } from '../../src/math/random.js';
import { EncryptionKey } from '../../src/paillier/encryption_key.js';
import { SECURITY_128, SMALL_FOR_TESTS } from '../../src/params.js';
import { at } from '../../src/base/at.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import * as dec from '../../src/zk/dec.js';
import { hostileIntegers } from '../util/hostile.js';
import { alterations, expectAllBitsDrawn, failedCheck, replaceAt, toJson, withBit, type Json } from '../util/proofs.js';
import { key_i, key_j, nonUnits, otherKey, smallPrime } from '../util/small.js';

const IN_CURVE = 'z_k G = C_k + e_k X';
const AT_BASE = 'w_k H = B_k + e_k S';
const ENCRYPTED = 'Enc(w_k; nu_k) K^-z_k = A_k D^e_k mod N^2';
const X_IN_RANGE = '|z_k| <= 2^(ell+epsilon) / 2';
const Y_IN_RANGE = '|w_k| <= N / 8';

/** Enough bits that no altered proof passes by luck, and not more. */
const params = { ...SMALL_FOR_TESTS, m: 16 };

/** The check that refuses a proof in which one field alone was altered. Whatever is hashed changes e. */
const ALTERED: Record<string, string> = { a: IN_CURVE, b: IN_CURVE, c: IN_CURVE, z: IN_CURVE, w: AT_BASE, nu: ENCRYPTED };

describe('Π^dec', () => {
  const rng = seededRng('dec');
  const sid = rng(16);
  const context = decContext({ sid, prover: 1 }, false);
  const { encryptionKey: own } = key_i;
  const publicKey = new EncryptionKey(own.n);
  const { n } = own;
  const bounds = { alpha: 1n << BigInt(params.ell + params.epsilon - 1), beta: n / 8n };
  const ProofJson = dec.proofJson(params);

  /** K and D such that K^x D is an encryption of y. */
  function statement(x: bigint, y: bigint): { data: dec.Data; witness: dec.Witness } {
    const k = own.encrypt(randomHalfRange(1n << 256n, rng), rng).ciphertext;
    const { ciphertext, nonce } = own.encrypt(y, rng);
    const d = own.add(ciphertext, own.scale(-x, k));
    const h = multiply(G, toScalar(randomHalfRange(1n << 256n, rng)));
    return { data: { key: own, k, x: multiply(G, toScalar(x)), d, s: multiply(h, toScalar(y)), h }, witness: { x, y, nonce } };
  }

  const { data, witness } = statement(-randomHalfRange(1n << 256n, rng), randomHalfRange(1n << 800n, rng));
  const proof = dec.prove(context, params, data, witness, rng);
  const json = toJson(ProofJson, proof);
  const seen = { ...data, key: publicKey };

  const verdict = (of: dec.Data, made: dec.Proof): string =>
    failedCheck(dec.verify, context, params, { ...of, key: new EncryptionKey(of.key.n) }, made);

  it('verifies after the wire, with the factors or without', () => {
    const parsed = ProofJson.parse(json);
    expect(failedCheck(dec.verify, context, params, seen, parsed)).toBe('accepted');
    expect(failedCheck(dec.verify, context, params, data, parsed)).toBe('accepted');
    expect(toJson(ProofJson, parsed)).toEqual(json);
  });

  it('verifies for any x and y, whatever the bits', () => {
    const halfRange = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: -(1n << BigInt(bits - 1)), max: 1n << BigInt(bits - 1) });
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(0n, 1n, -1n), halfRange(params.ell)),
        fc.oneof(fc.constantFrom(0n, 1n, -1n), halfRange(params.ellPrime + params.epsilon)),
        (x, y) => {
          const { data: other, witness: secret } = statement(x, y);
          expect(verdict(other, dec.prove(context, params, other, secret, rng))).toBe('accepted');
        },
      ),
      { numRuns: 8 },
    );
  });

  it('refuses every altered field of the proof at the check that it belongs to', () => {
    const altered = alterations(json);
    expect(altered).toHaveLength(6 * params.m);
    for (const { path, altered: form } of altered) {
      expect([path, verdict(seen, ProofJson.parse(form))]).toEqual([path, ALTERED[path.split('/').at(-1) ?? '']]);
    }
  });

  it.each<[string, Partial<dec.Data>]>([
    ['key', { key: new EncryptionKey(otherKey.encryptionKey.n) }],
    ['K', { k: data.k + 1n }],
    ['X', { x: data.x.add(G) }],
    ['D', { d: data.d + 1n }],
    ['S', { s: data.s.add(G) }],
    ['H', { h: data.h.add(G) }],
  ])('is bound to %s', (_, change) => {
    const bits = (of: dec.Data): string => dec.challenge(context, params, of, proof.commitment).map(Number).join('');
    expect(bits({ ...seen, ...change })).not.toBe(bits(seen));
    expect(verdict({ ...seen, ...change }, proof)).toBe(IN_CURVE);
  });

  it.each([
    ['session', decContext({ sid: rng(16), prover: 1 }, false)],
    ['prover', decContext({ sid, prover: 0 }, false)],
    ['use (delta or chi)', decContext({ sid, prover: 1 }, true)],
  ])('is bound to the %s', (_, other) => {
    expect(failedCheck(dec.verify, other, params, seen, proof)).toBe(IN_CURVE);
  });

  it.each(['ell', 'epsilon'] as const)('is bound to %s', (name) => {
    expect(failedCheck(dec.verify, context, { ...params, [name]: params[name] + 1 }, seen, proof)).toBe(IN_CURVE);
  });

  it.each<[string, Partial<dec.Data>, string]>([
    ['X is not x G', { x: data.x.add(G) }, IN_CURVE],
    ['S is not y H', { s: data.s.add(data.h) }, AT_BASE],
    ['H is another base', { h: data.h.add(G) }, AT_BASE],
    ['D decrypts to another y', { d: own.add(data.d, 1n + n) }, ENCRYPTED],
    ['D has another nonce', { d: own.add(data.d, own.encryptWith(0n, 2n)) }, ENCRYPTED],
    ['K encrypts another k', { k: own.add(data.k, 1n + n) }, ENCRYPTED],
  ])('cannot be made when %s', (_, change, label) => {
    const wrong = { ...data, ...change };
    expect(verdict(wrong, dec.prove(context, params, wrong, witness, rng))).toBe(label);
  });

  it('cannot be made by one who guesses the bits, unless every bit is right', () => {
    const wrong = { ...data, s: data.s.add(data.h) };
    const nonces = dec.sampleNonces(params, wrong, rng);
    // For a bit guessed 1, the error goes into B_k.
    const attempt = (guess: readonly boolean[]): [readonly boolean[], dec.Proof] => {
      const honest = dec.proveWith(context, params, wrong, witness, nonces);
      const commitment = honest.commitment.map((of, k) => (guess[k] === true ? { ...of, b: of.b.subtract(data.h) } : of));
      const bits = dec.challenge(context, params, wrong, commitment);
      const response = nonces.map(({ alpha, beta, r }, k) =>
        bits[k] === true ? { z: alpha + witness.x, w: beta + witness.y, nu: (r * witness.nonce) % n } : { z: alpha, w: beta, nu: r },
      );
      return [bits, { commitment, response }];
    };
    let guess: readonly boolean[] = Array.from({ length: params.m }, () => false);
    for (let tries = 0; tries < 3; tries++) {
      const [bits, made] = attempt(guess);
      expect(bits).not.toEqual(guess);
      expect(verdict(wrong, made)).toBe(AT_BASE);
      guess = bits;
    }
  });

  it('draws every one of the m challenge bits (c-guess)', () => {
    const runs = Array.from({ length: 64 }, (_, k) => dec.challenge(context, SECURITY_128, data, [{ a: BigInt(k), b: G, c: G }]));
    expectAllBitsDrawn(runs, SECURITY_128.m);
  });

  describe.each([
    ['z', 'alpha', X_IN_RANGE],
    ['w', 'beta', Y_IN_RANGE],
  ] as const)('%s', (response, mask, label) => {
    it.each([
      ['at the bound', bounds[mask], 'accepted'],
      ['at minus the bound', -bounds[mask], 'accepted'],
      ['one above', bounds[mask] + 1n, label],
      ['one below', -bounds[mask] - 1n, label],
    ])('%s', (_, value, expected) => {
      const { data: zero, witness: secret } = statement(0n, 0n);
      for (const k of [0, params.m - 1]) {
        const nonces = dec.sampleNonces(params, zero, rng).map((nonce, j) => (j === k ? { ...nonce, [mask]: value } : nonce));
        const made = dec.proveWith(context, params, zero, secret, nonces);
        expect(made.response[k]?.[response]).toBe(value);
        expect(verdict(zero, made)).toBe(expected);
      }
    });
  });

  it.each([
    ['x is oversized', 4n * bounds.alpha, 5n, X_IN_RANGE],
    ['x is oversized and negative', -4n * bounds.alpha, 5n, X_IN_RANGE],
    ['y could wrap around N', 5n, 3n * bounds.beta, Y_IN_RANGE],
    ['y could wrap around N, and is negative', 5n, -3n * bounds.beta, Y_IN_RANGE],
  ])('is refused when %s', (_, x, y, label) => {
    const { data: big, witness: secret } = statement(x, y);
    expect(verdict(big, dec.prove(context, params, big, secret, rng))).toBe(label);
  });

  it.each([...nonUnits(n, smallPrime(0), smallPrime(1), 5n)])('names the element outside its group that is %s', (_, bad) => {
    expect(verdict({ ...seen, k: bad }, proof)).toBe('K in Z*_N^2');
    expect(verdict({ ...seen, d: bad }, proof)).toBe('D in Z*_N^2');
    for (const k of [0, 7, params.m - 1]) {
      expect(verdict(seen, withBit(proof, k, { a: bad }))).toBe(`A_${k} in Z*_N^2`);
      expect(verdict(seen, withBit(proof, k, { nu: bad }))).toBe(`nu_${k} in Z*_N`);
    }
  });

  it('refuses an element that is not reduced', () => {
    const { a } = at(proof.commitment, 3);
    const { nu } = at(proof.response, 3);
    expect(verdict(seen, withBit(proof, 3, { a: a + n * n }))).toBe('A_3 in Z*_N^2');
    expect(verdict(seen, withBit(proof, 3, { nu: nu + n }))).toBe('nu_3 in Z*_N');
    expect(verdict({ ...seen, k: data.k + n * n }, proof)).toBe('K in Z*_N^2');
    expect(verdict({ ...seen, d: data.d + n * n }, proof)).toBe('D in Z*_N^2');
  });

  it('refuses the identity as H, under which S would say nothing, and in place of another point', () => {
    const trivial = { ...data, h: INFINITY, s: INFINITY };
    expect(verdict(trivial, dec.prove(context, params, trivial, witness, rng))).toBe('H is not the identity');
    for (const change of [{ x: INFINITY }, { s: INFINITY }]) expect(verdict({ ...seen, ...change }, proof)).toBe(IN_CURVE);
    expect(verdict(seen, withBit(proof, 2, { c: INFINITY }))).toBe(IN_CURVE);
  });

  it.each([
    ['even', n + 1n, 'N is odd'],
    ['too short', (n >> 3n) | 1n, 'N has at least 2 primeBits - 1 bits'],
    ['zero', 0n, 'N is odd'],
    ['negative', -n, 'N has at least 2 primeBits - 1 bits'],
  ])('refuses a modulus that is %s', (_, bad, label) => {
    expect(verdict({ ...seen, key: new EncryptionKey(bad) }, proof)).toBe(label);
  });

  it.each([
    ['fewer', proof.commitment.slice(1), proof.response.slice(1)],
    ['more', [...proof.commitment, at(proof.commitment, 0)], [...proof.response, at(proof.response, 0)]],
    ['no', [], []],
    ['fewer answered', proof.commitment, proof.response.slice(1)],
    ['fewer committed', proof.commitment.slice(1), proof.response],
  ])('refuses %s repetitions', (_, commitment, response) => {
    expect(verdict(seen, { commitment, response })).toBe('m commitments and m responses');
    const open = dec.proofJson({ ...params, m: commitment.length });
    const same = commitment.length === response.length ? toJson(open, { commitment, response }) : { ...(json as object), proof: [] };
    expect(ProofJson.safeParse(same).success).toBe(false);
  });

  it('turns no hostile value into any other error than InvalidProof', () => {
    const integers = hostileIntegers([n, n * n, smallPrime(0), bounds.alpha, bounds.beta]);
    const inProof = fc.record(Object.fromEntries(['a', 'z', 'w', 'nu'].map((name) => [name, integers])), { requiredKeys: [] });
    const inStatement = fc.record({ k: integers, d: integers }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.nat(params.m - 1), inProof, inStatement, (k, changed, statementChanged) => {
        const honest: Record<string, unknown> = { ...at(proof.commitment, k), ...at(proof.response, k), ...{ k: data.k, d: data.d } };
        const { k: K = data.k, d = data.d } = statementChanged;
        const untouched = K === data.k && d === data.d && Object.entries(changed).every(([name, value]) => honest[name] === value);
        expect(verdict({ ...seen, k: K, d }, withBit(proof, k, changed)) === 'accepted').toBe(untouched);
      }),
      { numRuns: 100 },
    );
  });

  it.each<[string, Json]>([
    ...['/commitment/3/a', '/proof/3/nu'].map((path): [string, Json] => [
      `a negative ${path}`,
      replaceAt(json, path, { radix: 16, value: '-1' }),
    ]),
    ['a hole', replaceAt(json, '/proof/3', null)],
  ])('does not parse %s', (_, form) => {
    expect(ProofJson.safeParse(form).success).toBe(false);
  });

  it('the nonce that the key finds makes the same ciphertext', () => {
    const { ciphertext, nonce } = key_j.encryptionKey.encrypt(-12345n, rng);
    expect([key_j.decrypt(ciphertext), key_j.nonceOf(ciphertext)]).toEqual([-12345n, nonce]);
    const sum = key_j.encryptionKey.add(ciphertext, ciphertext);
    expect(key_j.encryptionKey.encryptWith(key_j.decrypt(sum), key_j.nonceOf(sum))).toBe(sum);
  });
});
