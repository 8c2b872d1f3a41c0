import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { affGContext, affGStarContext } from '../../src/zk/context.js';
import { G, INFINITY } from '../../src/math/curve.js';
import { abs, invert } from '../../src/math/integer.js';
import { modulus } from '../../src/math/modular.js';
import { randomHalfRange } from '../../src/math/random.js';
import { EncryptionKey } from '../../src/paillier/encryption_key.js';
import { SECURITY_128, SMALL_FOR_TESTS } from '../../src/params.js';
import { at } from '../../src/base/at.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import * as affG from '../../src/zk/aff_g.js';
import * as affGStar from '../../src/zk/aff_g_star.js';
import { affineStatement, type AffineStatement } from '../util/affine_statement.js';
import { hostileIntegers } from '../util/hostile.js';
import { alterations, expectAllBitsDrawn, failedCheck, replaceAt, toJson, withBit, type Json } from '../util/proofs.js';
import { key_i, key_j, nonUnits, otherKey, ownAux, smallPrime } from '../util/small.js';

const IN_CURVE = 'z_k G = R_k + e_k X';
const AFFINE = "C^z_k Enc_j(z'_k; w_k) = A_k D^e_k mod N_j^2";
const OWN = "Enc_i(z'_k; lambda_k) = B_k Y^e_k mod N_i^2";
const X_IN_RANGE = '|z_k| <= 2^(ell+epsilon) / 2';
const Y_IN_RANGE = "|z'_k| <= 2^(ell'+epsilon) / 2";

/** Enough bits that no altered proof passes by luck, and not more. */
type OutsideGroup = [group: string, n: bigint, bound: bigint, primes: [number, number], Record<string, string>, Record<string, string>];

const params = { ...SMALL_FOR_TESTS, m: 16 };

/** The check that refuses a proof in which one field alone was altered. Whatever is hashed changes e. */
const ALTERED: Record<string, string> = { a: IN_CURVE, r: IN_CURVE, b: IN_CURVE, z: IN_CURVE, z_prime: OWN, w: AFFINE, lambda: OWN };

describe('Π^aff-g*', () => {
  const rng = seededRng('aff_g_star');
  const sid = rng(16);
  const context = affGStarContext({ sid, prover: 1 }, false);
  /** The prover knows its own factors, everybody else none. */
  const proverKeys = { key_j: new EncryptionKey(key_j.encryptionKey.n), key_i: key_i.encryptionKey };
  const publicKeys = { key_j: proverKeys.key_j, key_i: new EncryptionKey(key_i.encryptionKey.n) };
  const [n_j, n_i] = [publicKeys.key_j.n, publicKeys.key_i.n];
  const bounds = { alpha: 1n << BigInt(params.ell + params.epsilon - 1), beta: 1n << BigInt(params.ellPrime + params.epsilon - 1) };
  const ProofJson = affGStar.proofJson(params);

  const statement = (x: bigint, y: bigint): AffineStatement => affineStatement(proverKeys, x, y, rng);
  const { data, witness } = statement(-randomHalfRange(1n << 256n, rng), randomHalfRange(1n << BigInt(params.ellPrime), rng));
  const proof = affGStar.prove(context, params, data, witness, rng);
  const json = toJson(ProofJson, proof);
  const seen = { ...data, ...publicKeys };

  const verdict = (of: affGStar.Data, made: affGStar.Proof): string => failedCheck(affGStar.verify, context, params, of, made);
  const outcome = (of: affGStar.Data, made: affGStar.Proof): string => verdict({ ...of, ...publicKeys }, made);

  it('verifies after the wire, with the factors of either key or without', () => {
    const parsed = ProofJson.parse(json);
    for (const keys of [publicKeys, proverKeys, { ...publicKeys, key_j: key_j.encryptionKey }])
      expect(verdict({ ...seen, ...keys }, parsed)).toBe('accepted');
    expect(toJson(ProofJson, parsed)).toEqual(json);
  });

  it('verifies for any x and y, whatever the bits', () => {
    const halfRange = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: -(1n << BigInt(bits - 1)), max: 1n << BigInt(bits - 1) });
    fc.assert(
      fc.property(
        fc.oneof(fc.constantFrom(0n, 1n, -1n), halfRange(params.ell)),
        fc.oneof(fc.constantFrom(0n, 1n, -1n), halfRange(params.ellPrime)),
        (x, y) => {
          const { data: other, witness: secret } = statement(x, y);
          expect(outcome(other, affGStar.prove(context, params, other, secret, rng))).toBe('accepted');
        },
      ),
      { numRuns: 6 },
    );
  });

  it('refuses every altered field of the proof at the check that it belongs to', () => {
    const altered = alterations(json);
    expect(altered).toHaveLength(7 * params.m);
    for (const { path, altered: form } of altered) {
      expect([path, verdict(seen, ProofJson.parse(form))]).toEqual([path, ALTERED[path.split('/').at(-1) ?? '']]);
    }
  });

  it.each<[string, Partial<affGStar.Data>]>([
    ['key_j', { key_j: otherKey.encryptionKey }],
    ['key_i', { key_i: otherKey.encryptionKey }],
    ['c', { c: data.c + 1n }],
    ['d', { d: data.d + 1n }],
    ['y', { y: data.y + 1n }],
    ['x', { x: data.x.add(G) }],
  ])('is bound to %s', (_, change) => {
    const bits = (of: affGStar.Data): string => affGStar.challenge(context, params, of, proof.commitment).map(Number).join('');
    expect(bits({ ...seen, ...change })).not.toBe(bits(seen));
    expect(verdict({ ...seen, ...change }, proof)).toBe(IN_CURVE);
  });

  it.each([
    ['session', affGStarContext({ sid: rng(16), prover: 1 }, false)],
    ['prover', affGStarContext({ sid, prover: 0 }, false)],
    ['use (gamma or key share)', affGStarContext({ sid, prover: 1 }, true)],
    ['proof, which is not Π^aff-g', affGContext({ sid, prover: 1 }, false)],
  ])('is bound to the %s', (_, other) => {
    expect(failedCheck(affGStar.verify, other, params, seen, proof)).toBe(IN_CURVE);
  });

  it.each(['ell', 'ellPrime', 'epsilon'] as const)('is bound to %s', (name) => {
    expect(failedCheck(affGStar.verify, context, { ...params, [name]: params[name] + 1 }, seen, proof)).toBe(IN_CURVE);
  });

  it.each<[string, Partial<affGStar.Data>, string]>([
    ['X is not x G', { x: data.x.add(G) }, IN_CURVE],
    ['D has another x', { d: proverKeys.key_j.add(data.d, data.c) }, AFFINE],
    ['D has another y', { d: proverKeys.key_j.add(data.d, 1n + n_j) }, AFFINE],
    ['Y encrypts another y', { y: proverKeys.key_i.add(data.y, 1n + n_i) }, OWN],
    ['C is another ciphertext', { c: proverKeys.key_j.add(data.c, 1n + n_j) }, AFFINE],
  ])('cannot be made when %s', (_, change, label) => {
    const wrong = { ...data, ...change };
    expect(outcome(wrong, affGStar.prove(context, params, wrong, witness, rng))).toBe(label);
  });

  it('refuses what passes as Π^aff-g when the owner of the ring-Pedersen parameters helps the prover', () => {
    // The mask is 1/2, which is another number modulo q under each of the two keys. s^(1/2) takes the factors of N-hat.
    const halfOf = (n: bigint): bigint => (n + 1n) / 2n;
    const { pHat, qHat } = ownAux.trapdoor();
    const root = ownAux.modulus.pow(ownAux.s, halfOf(((pHat - 1n) / 2n) * ((qHat - 1n) / 2n)));
    expect((root * root) % ownAux.nHat).toBe(ownAux.s);
    const { data: whole, witness: secret } = statement(5n, 0n);
    const halves = {
      ...whole,
      d: proverKeys.key_j.add(whole.d, 1n + halfOf(n_j) * n_j),
      y: proverKeys.key_i.add(whole.y, 1n + halfOf(n_i) * n_i),
    };
    const used = affGContext({ sid, prover: 1 }, false);
    const forge = (): affG.Proof => {
      const nonces = affG.sampleNonces(params, ownAux, halves, rng);
      const honest = affG.proveWith(used, params, ownAux, halves, secret, nonces);
      const commitment = { ...honest.commitment, t: (root * ownAux.commit(0n, nonces.mu)) % ownAux.nHat };
      const e = affG.challenge(used, params, ownAux, halves, commitment);
      const power = (nonce: bigint, n: bigint): bigint => modulus(n).pow(e < 0n ? invert(nonce, n) : nonce, abs(e));
      const response = {
        z1: nonces.alpha + e * secret.x,
        z2: nonces.beta + e / 2n,
        z3: nonces.gamma + e * nonces.m,
        z4: nonces.delta + e * nonces.mu,
        w: (nonces.r * power(secret.nonce, n_j)) % n_j,
        w_y: (nonces.r_y * power(secret.nonce_y, n_i)) % n_i,
      };
      return e % 2n === 0n ? { commitment, response } : forge();
    };
    expect(failedCheck(affG.verify, used, params, ownAux, { ...halves, ...publicKeys }, forge())).toBe('accepted');
    expect(outcome(halves, affGStar.prove(context, params, halves, secret, rng))).toBe(OWN);
    expect(outcome(halves, affGStar.prove(context, params, halves, { ...secret, y: halfOf(n_i) }, rng))).toBe(Y_IN_RANGE);
  });

  it('draws every one of the m challenge bits (c-guess)', () => {
    const runs = Array.from({ length: 64 }, (_, k) => affGStar.challenge(context, SECURITY_128, data, [{ a: BigInt(k), r: G, b: 1n }]));
    expectAllBitsDrawn(runs, SECURITY_128.m);
  });

  describe.each([
    ['z', 'alpha', X_IN_RANGE],
    ['z_prime', 'beta', Y_IN_RANGE],
  ] as const)('%s', (response, mask, label) => {
    it.each([
      ['at the bound', bounds[mask], 'accepted'],
      ['at minus the bound', -bounds[mask], 'accepted'],
      ['one above', bounds[mask] + 1n, label],
      ['one below', -bounds[mask] - 1n, label],
    ])('%s', (_, value, expected) => {
      const { data: zero, witness: secret } = statement(0n, 0n);
      for (const k of [0, params.m - 1]) {
        const nonces = affGStar.sampleNonces(params, zero, rng).map((nonce, j) => (j === k ? { ...nonce, [mask]: value } : nonce));
        const made = affGStar.proveWith(context, params, zero, secret, nonces);
        expect(made.response[k]?.[response]).toBe(value);
        expect(outcome(zero, made)).toBe(expected);
      }
    });
  });

  it.each([
    ['x is oversized', 4n * bounds.alpha, 5n, X_IN_RANGE],
    ['x is oversized and negative', -4n * bounds.alpha, 5n, X_IN_RANGE],
    ['y is oversized', 5n, 4n * bounds.beta, Y_IN_RANGE],
    ['y is near N/2', 5n, -proverKeys.key_i.halfN / 2n, Y_IN_RANGE],
  ])('is refused when %s (Alpha-Rays)', (_, x, y, label) => {
    const { data: big, witness: secret } = statement(x, y);
    expect(outcome(big, affGStar.prove(context, params, big, secret, rng))).toBe(label);
  });

  describe.each([
    ['Z*_N^2', n_j, n_j * n_j, [2, 3], { C: 'c', D: 'd' }, { A: 'a' }],
    ['Z*_N^2', n_i, n_i * n_i, [0, 1], { Y: 'y' }, { B: 'b' }],
    ['Z*_N', n_j, n_j, [2, 3], {}, { w: 'w' }],
    ['Z*_N', n_i, n_i, [0, 1], {}, { lambda: 'lambda' }],
  ] as OutsideGroup[])('outside %s', (group, n, bound, [p, q], statements, proofs) => {
    it.each([...nonUnits(n, smallPrime(p), smallPrime(q), 5n), ['not reduced', bound + 1n]] as [string, bigint][])('%s', (_, bad) => {
      for (const [label, field] of Object.entries(statements))
        expect(verdict({ ...seen, [field]: bad }, proof)).toBe(`${label} in ${group}`);
      for (const [label, field] of Object.entries(proofs)) {
        for (const k of [0, 7, params.m - 1]) expect(verdict(seen, withBit(proof, k, { [field]: bad }))).toBe(`${label}_${k} in ${group}`);
      }
    });
  });

  it('refuses the identity in place of a point', () => {
    expect([verdict(seen, withBit(proof, 3, { r: INFINITY })), verdict({ ...seen, x: INFINITY }, proof)]).toEqual([IN_CURVE, IN_CURVE]);
  });

  it.each([
    ['even', (n: bigint) => n + 1n, 'is odd'],
    ['too short', (n: bigint) => (n >> 3n) | 1n, 'has at least 2 primeBits - 1 bits'],
    ['zero', () => 0n, 'is odd'],
    ['negative', (n: bigint) => -n, 'has at least 2 primeBits - 1 bits'],
  ])('refuses a modulus that is %s', (_, spoil, label) => {
    expect(verdict({ ...seen, key_j: new EncryptionKey(spoil(n_j)) }, proof)).toBe(`N_j ${label}`);
    expect(verdict({ ...seen, key_i: new EncryptionKey(spoil(n_i)) }, proof)).toBe(`N_i ${label}`);
  });

  it.each([
    ['fewer', proof.commitment.slice(1), proof.response.slice(1)],
    ['more', [...proof.commitment, at(proof.commitment, 0)], [...proof.response, at(proof.response, 0)]],
    ['no', [], []],
    ['fewer answered', proof.commitment, proof.response.slice(1)],
    ['fewer committed', proof.commitment.slice(1), proof.response],
  ])('refuses %s repetitions', (_, commitment, response) => {
    expect(verdict(seen, { commitment, response })).toBe('m commitments and m responses');
  });

  it('turns no hostile value into any other error than InvalidProof', () => {
    const integers = hostileIntegers([n_j, n_i, n_j * n_j, smallPrime(2), bounds.alpha, bounds.beta]);
    const inProof = fc.record(Object.fromEntries(['a', 'b', 'z', 'z_prime', 'w', 'lambda'].map((name) => [name, integers])), {
      requiredKeys: [],
    });
    const inStatement = fc.record({ c: integers, d: integers, y: integers }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.nat(params.m - 1), inProof, inStatement, (k, changed, statementChanged) => {
        const honest: Record<string, unknown> = { ...at(proof.commitment, k), ...at(proof.response, k) };
        const untouched =
          Object.entries(changed).every(([name, value]) => honest[name] === value) &&
          Object.entries(statementChanged).every(([name, value]) => seen[name as 'c'] === value);
        expect(verdict({ ...seen, ...statementChanged }, withBit(proof, k, changed)) === 'accepted').toBe(untouched);
      }),
      { numRuns: 100 },
    );
  });

  it.each<[string, Json]>([
    ...['/commitment/3/a', '/commitment/3/b', '/proof/3/w', '/proof/3/lambda'].map((path): [string, Json] => [
      `a negative ${path}`,
      replaceAt(json, path, { radix: 16, value: '-1' }),
    ]),
    ['a hole', replaceAt(json, '/commitment/3', null)],
    ['fewer repetitions', { ...(json as object), proof: [] }],
  ])('does not parse %s', (_, form) => {
    expect(ProofJson.safeParse(form).success).toBe(false);
  });
});
