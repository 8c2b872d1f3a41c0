import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { affGContext } from '../../src/zk/context.js';
import { G, INFINITY } from '../../src/math/curve.js';
import { randomHalfRange } from '../../src/math/random.js';
import { EncryptionKey } from '../../src/paillier/encryption_key.js';
import { RingPedersen } from '../../src/paillier/ring_pedersen.js';
import { SECURITY_128, SMALL_FOR_TESTS as params } from '../../src/params.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { IntegerJson, PointJson } from '../../src/wire/json.js';
import * as affG from '../../src/zk/aff_g.js';
import { affineStatement, type AffineStatement } from '../util/affine_statement.js';
import { hostileIntegers } from '../util/hostile.js';
import { alterations, failedCheck, replaceAt, replaceFields, toJson, type Json } from '../util/proofs.js';
import { key_i, key_j, nonUnits, otherAux, otherKey, ownAux, publicAux, smallPrime } from '../util/small.js';
import { loadVectors } from '../util/vectors.js';
import { Aux, expectSeed, Invalid, Seed, Session, SignedHex } from '../util/zk_vectors.js';

const IN_CURVE = 'z1 G = B_x + e X';
const AFFINE = 'C^z1 Enc_j(z2; w) = A D^e mod N_j^2';
const OWN = 'Enc_i(z2; w_y) = B_y Y^e mod N_i^2';
const X_IN_RANGE = '|z1| <= 2^(ell+epsilon) / 2';
const Y_IN_RANGE = "|z2| <= 2^(ell'+epsilon) / 2";

/** The check that refuses a proof in which one field alone was altered. Whatever is hashed changes e. */
const ALTERED: Record<string, string> = {
  '/commitment/a': IN_CURVE,
  '/commitment/b_x': IN_CURVE,
  '/commitment/b_y': IN_CURVE,
  '/commitment/e': IN_CURVE,
  '/commitment/s': IN_CURVE,
  '/commitment/f': IN_CURVE,
  '/commitment/t': IN_CURVE,
  '/proof/z1': IN_CURVE,
  '/proof/z2': 's^z2 t^z4 = F T^e mod N-hat',
  '/proof/z3': 's^z1 t^z3 = E S^e mod N-hat',
  '/proof/z4': 's^z2 t^z4 = F T^e mod N-hat',
  '/proof/w': AFFINE,
  '/proof/w_y': OWN,
};

const { aux: recordedAux, cases } = loadVectors(
  'unit_zk_aff_g',
  z.object({
    aux: Aux,
    cases: z.array(
      z.object({
        shared_state: z.object({ ...Session, hat: z.boolean() }),
        data: z.object({ key_j_N: IntegerJson, key_i_N: IntegerJson, c: IntegerJson, d: IntegerJson, y: IntegerJson, x: PointJson }),
        private: z.object({
          x: IntegerJson,
          y: IntegerJson,
          nonce: IntegerJson,
          nonce_y: IntegerJson,
          alpha: IntegerJson,
          beta: IntegerJson,
          r: IntegerJson,
          r_y: IntegerJson,
          gamma: IntegerJson,
          delta: IntegerJson,
          m: IntegerJson,
          mu: IntegerJson,
        }),
        seed: Seed,
        challenge: SignedHex,
        ni_proof: z.json(),
        invalid: Invalid,
      }),
    ),
  }),
);

describe('Π^aff-g, recorded from the Rust crate', () => {
  it.each(cases)('case %#: transcript, challenge and proof are the same; altered ones are refused', (recorded) => {
    const { ni_proof, invalid, private: secrets } = recorded;
    const { eid: sid, prover, hat, encoding } = recorded.shared_state;
    const { key_j_N, key_i_N, ...rest } = recorded.data;
    const data = { ...rest, key_j: new EncryptionKey(key_j_N), key_i: new EncryptionKey(key_i_N) };
    const context = affGContext({ sid, prover }, hat);
    expect(bytesToHex(context)).toBe(encoding);
    const proof = affG.ProofJson.parse(ni_proof);
    expectSeed(affG.seed(context, SECURITY_128, recordedAux, data, proof.commitment), recorded.seed);
    expect(affG.challenge(context, SECURITY_128, recordedAux, data, proof.commitment)).toBe(recorded.challenge);
    const ours = affG.proveWith(context, SECURITY_128, recordedAux, data, secrets, secrets);
    expect(toJson(affG.ProofJson, ours)).toEqual(ni_proof);
    expect(failedCheck(affG.verify, context, SECURITY_128, recordedAux, data, proof)).toBe('accepted');
    expect(invalid.map(({ add_one_at }) => add_one_at)).toEqual(Object.keys(ALTERED));
    for (const { add_one_at, value } of invalid) {
      const altered = affG.ProofJson.parse(replaceAt(ni_proof, add_one_at, value));
      expect(failedCheck(affG.verify, context, SECURITY_128, recordedAux, data, altered)).toBe(ALTERED[add_one_at]);
    }
  });
});

describe('Π^aff-g', () => {
  const rng = seededRng('aff_g');
  const sid = rng(16);
  const context = affGContext({ sid, prover: 1 }, false);
  /** What the prover computes with: its own factors, the verifier's public key. */
  const proverKeys = { key_j: new EncryptionKey(key_j.encryptionKey.n), key_i: key_i.encryptionKey };
  /** And the verifier: the other way round. */
  const verifierKeys = { key_j: key_j.encryptionKey, key_i: new EncryptionKey(key_i.encryptionKey.n) };
  const [n_j, n_i] = [verifierKeys.key_j.n, verifierKeys.key_i.n];

  const statement = (x: bigint, y: bigint): AffineStatement => affineStatement(proverKeys, x, y, rng);
  const { data, witness } = statement(-randomHalfRange(1n << 256n, rng), randomHalfRange(1n << BigInt(params.ellPrime), rng));
  const proof = affG.prove(context, params, publicAux, data, witness, rng);
  const json = toJson(affG.ProofJson, proof);
  const seen = { ...data, ...verifierKeys };

  function check(changed: Partial<affG.Response & affG.Commitment>, statementSeen: affG.Data = seen): string {
    const altered = { commitment: replaceFields(proof.commitment, changed), response: replaceFields(proof.response, changed) };
    return failedCheck(affG.verify, context, params, ownAux, statementSeen, altered);
  }

  function outcome(of: affG.Data, made: affG.Proof): string {
    return failedCheck(affG.verify, context, params, ownAux, { ...of, ...verifierKeys }, made);
  }

  it('verifies after the wire, with the factors of either key or without', () => {
    const parsed = affG.ProofJson.parse(json);
    expect(failedCheck(affG.verify, context, params, ownAux, seen, parsed)).toBe('accepted');
    expect(failedCheck(affG.verify, context, params, publicAux, data, parsed)).toBe('accepted');
  });

  it('verifies for any x and y, and either sign of the challenge', () => {
    const halfRange = (bits: number): fc.Arbitrary<bigint> => {
      const half = 1n << BigInt(bits - 1);
      return fc.bigInt({ min: -half, max: half });
    };
    fc.assert(
      // k = 0 and k = -1 have edge forms of their own in D = C^x Enc(y).
      fc.property(fc.oneof(fc.constantFrom(0n, 1n, -1n), halfRange(params.ell)), halfRange(params.ellPrime), (x, y) => {
        const { data: other, witness: secret } = statement(x, y);
        expect(outcome(other, affG.prove(context, params, publicAux, other, secret, rng))).toBe('accepted');
      }),
      { numRuns: 20 },
    );
  });

  it.each(alterations(json))('refuses another $path', ({ path, altered }) => {
    expect(failedCheck(affG.verify, context, params, ownAux, seen, affG.ProofJson.parse(altered))).toBe(ALTERED[path]);
  });

  it.each<[string, Partial<affG.Data>]>([
    ['key_j', { key_j: otherKey.encryptionKey }],
    ['key_i', { key_i: otherKey.encryptionKey }],
    ['c', { c: data.c + 1n }],
    ['d', { d: data.d + 1n }],
    ['y', { y: data.y + 1n }],
    ['x', { x: data.x.add(G) }],
  ])('is bound to %s', (_, change) => {
    const other = { ...seen, ...change };
    const e = affG.challenge(context, params, publicAux, data, proof.commitment);
    expect(affG.challenge(context, params, publicAux, other, proof.commitment)).not.toBe(e);
    expect(check({}, other)).toBe(IN_CURVE);
  });

  it.each([
    ['session', affGContext({ sid: rng(16), prover: 1 }, false)],
    ['prover', affGContext({ sid, prover: 0 }, false)],
    ['use (gamma or key share)', affGContext({ sid, prover: 1 }, true)],
  ])('is bound to the %s', (_, other) => {
    expect(failedCheck(affG.verify, other, params, ownAux, seen, proof)).toBe(IN_CURVE);
  });

  it.each([
    ['N-hat', new RingPedersen({ nHat: otherAux.nHat, s: publicAux.s, t: publicAux.t })],
    ['s', new RingPedersen({ nHat: publicAux.nHat, s: publicAux.s + 1n, t: publicAux.t })],
    ['t', new RingPedersen({ nHat: publicAux.nHat, s: publicAux.s, t: publicAux.t + 1n })],
    ['verifier', otherAux],
  ])('is bound to the %s of the ring-Pedersen parameters', (_, aux) => {
    expect(failedCheck(affG.verify, context, params, aux, seen, proof)).toBe(IN_CURVE);
  });

  it.each(['ell', 'ellPrime', 'epsilon'] as const)('is bound to %s', (name) => {
    const other = { ...params, [name]: params[name] + 1 };
    expect(failedCheck(affG.verify, context, other, ownAux, seen, proof)).toBe(IN_CURVE);
  });

  it.each<[string, Partial<affG.Data>, string]>([
    ['X is not x G', { x: data.x.add(G) }, IN_CURVE],
    ['D has another x', { d: proverKeys.key_j.add(data.d, data.c) }, AFFINE],
    ['D has another y', { d: proverKeys.key_j.add(data.d, 1n + n_j) }, AFFINE],
    ['Y encrypts another y', { y: proverKeys.key_i.add(data.y, 1n + n_i) }, OWN],
    ['C is another ciphertext', { c: proverKeys.key_j.add(data.c, 1n + n_j) }, AFFINE],
  ])('cannot be made when %s', (_, change, label) => {
    const wrong = { ...data, ...change };
    expect(outcome(wrong, affG.prove(context, params, publicAux, wrong, witness, rng))).toBe(label);
  });

  const edges = { alpha: 1n << BigInt(params.ell + params.epsilon - 1), beta: 1n << BigInt(params.ellPrime + params.epsilon - 1) };
  describe.each([
    ['z1', 'alpha', X_IN_RANGE],
    ['z2', 'beta', Y_IN_RANGE],
  ] as const)('%s', (response, mask, label) => {
    it.each([
      ['at the bound', edges[mask], 'accepted'],
      ['at minus the bound', -edges[mask], 'accepted'],
      ['one above', edges[mask] + 1n, label],
      ['one below', -edges[mask] - 1n, label],
    ])('%s', (_, value, expected) => {
      const { data: zero, witness: secret } = statement(0n, 0n);
      const nonces = { ...affG.sampleNonces(params, publicAux, zero, rng), [mask]: value };
      const made = affG.proveWith(context, params, publicAux, zero, secret, nonces);
      expect(made.response[response]).toBe(value);
      expect(outcome(zero, made)).toBe(expected);
    });
  });

  it.each([
    ['x is just oversized', 2n * edges.alpha, 5n, X_IN_RANGE],
    ['x is just oversized and negative', -2n * edges.alpha, 5n, X_IN_RANGE],
    ['y is just oversized', 5n, 2n * edges.beta, Y_IN_RANGE],
    ['y is near N/2', 5n, -proverKeys.key_i.halfN, Y_IN_RANGE],
  ])('is refused when %s (Alpha-Rays)', (_, x, y, label) => {
    const { data: big, witness: secret } = statement(x, y);
    expect(outcome(big, affG.prove(context, params, publicAux, big, secret, rng))).toBe(label);
  });

  describe.each([
    ['Z*_N^2', n_j, n_j * n_j, [2, 3], { C: 'c', D: 'd' }, { A: 'a' }],
    ['Z*_N^2', n_i, n_i * n_i, [0, 1], { Y: 'y' }, { B_y: 'b_y' }],
    ['Z*_N', n_j, n_j, [2, 3], {}, { w: 'w' }],
    ['Z*_N', n_i, n_i, [0, 1], {}, { w_y: 'w_y' }],
    ['Z*_N-hat', ownAux.nHat, ownAux.nHat, [4, 5], {}, { E: 'e', S: 's', F: 'f', T: 't' }],
  ] as [string, bigint, bigint, [number, number], Record<string, string>, Record<string, string>][])(
    'outside %s',
    (group, n, bound, [p, q], statements, proofs) => {
      it.each([...nonUnits(n, smallPrime(p), smallPrime(q), 5n), ['not reduced', bound + 1n]] as [string, bigint][])('%s', (_, bad) => {
        for (const [label, field] of Object.entries(statements)) {
          expect(check({}, { ...seen, [field]: bad })).toBe(`${label} in ${group}`);
        }
        for (const [label, field] of Object.entries(proofs)) expect(check({ [field]: bad })).toBe(`${label} in ${group}`);
      });
    },
  );

  it('refuses units of order 1 and 2 in place of the right ones', () => {
    for (const unit of [1n, n_j * n_j - 1n]) expect(check({ a: unit })).toBe(IN_CURVE);
    for (const w of [1n, n_j - 1n, n_j - proof.response.w]) expect(check({ w })).toBe(AFFINE);
    for (const w_y of [1n, n_i - 1n, n_i - proof.response.w_y]) expect(check({ w_y })).toBe(OWN);
  });

  it('refuses the identity in place of a point', () => {
    expect([check({ b_x: INFINITY }), check({}, { ...seen, x: INFINITY })]).toEqual([IN_CURVE, IN_CURVE]);
  });

  it.each([
    ['even', (n: bigint) => n + 1n, 'is odd'],
    ['too short', (n: bigint) => (n >> 3n) | 1n, 'has at least 2 primeBits - 1 bits'],
    ['zero', () => 0n, 'is odd'],
    ['negative', (n: bigint) => -n, 'has at least 2 primeBits - 1 bits'],
  ])('refuses a modulus that is %s', (_, spoil, label) => {
    expect(check({}, { ...seen, key_j: new EncryptionKey(spoil(n_j)) })).toBe(`N_j ${label}`);
    expect(check({}, { ...seen, key_i: new EncryptionKey(spoil(n_i)) })).toBe(`N_i ${label}`);
  });

  it('turns no hostile value into any other error than InvalidProof', () => {
    const integers = hostileIntegers([n_j, n_i, n_j * n_j, ownAux.nHat, smallPrime(2), edges.alpha, edges.beta]);
    const names = ['a', 'b_y', 'e', 's', 'f', 't', 'z1', 'z2', 'z3', 'z4', 'w', 'w_y'] as const;
    const inProof = fc.record(Object.fromEntries(names.map((name) => [name, integers])), { requiredKeys: [] });
    const inStatement = fc.record({ c: integers, d: integers, y: integers }, { requiredKeys: [] });
    fc.assert(
      fc.property(inProof, inStatement, (changed, changedStatement) => {
        const untouched =
          Object.entries(changed).every(
            ([name, value]) => (({ ...proof.commitment, ...proof.response }) as Record<string, unknown>)[name] === value,
          ) && Object.entries(changedStatement).every(([name, value]) => seen[name as 'c'] === value);
        expect(check(changed, { ...seen, ...changedStatement }) === 'accepted').toBe(untouched);
      }),
      { numRuns: 150 },
    );
  });

  it.each(['a', 'b_y', 'e', 's', 'f', 't'].map((name) => `/commitment/${name}`).concat(['/proof/w', '/proof/w_y']))(
    'does not parse a negative %s',
    (path) => {
      const negative: Json = { radix: 16, value: '-1' };
      expect(affG.ProofJson.safeParse(replaceAt(json, path, negative)).success).toBe(false);
    },
  );
});
