import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { encElgContext } from '../../src/zk/context.js';
import { G, INFINITY, multiply, toScalar, type Point } from '../../src/math/curve.js';
import { randomScalar } from '../../src/math/random.js';
import { DecryptionKey } from '../../src/paillier/decryption_key.js';
import { EncryptionKey } from '../../src/paillier/encryption_key.js';
import { RingPedersen } from '../../src/paillier/ring_pedersen.js';
import { SECURITY_128, SMALL_FOR_TESTS as params } from '../../src/params.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { IntegerJson, PointJson, ScalarJson } from '../../src/wire/json.js';
import * as encElg from '../../src/zk/enc_elg.js';
import { hostileIntegers } from '../util/hostile.js';
import { alterations, failedCheck, replaceAt, replaceFields, toJson, type Json } from '../util/proofs.js';
import { key_i, nonUnits, otherAux, otherKey, ownAux, publicAux, smallPrime } from '../util/small.js';
import { loadVectors } from '../util/vectors.js';
import { Aux, expectSeed, Invalid, Seed, Session, SignedHex } from '../util/zk_vectors.js';

const IN_CURVE = 'z1 G + w A = Y + e X';
const IN_RANGE = '|z1| <= 2^(ell+epsilon) / 2';

/** The check that refuses a proof in which one field alone was altered. Whatever is hashed changes e. */
const ALTERED: Record<string, string> = {
  '/commitment/s': IN_CURVE,
  '/commitment/t': IN_CURVE,
  '/commitment/d': IN_CURVE,
  '/commitment/y': IN_CURVE,
  '/commitment/z': IN_CURVE,
  '/proof/z1': IN_CURVE,
  '/proof/z2': 'Enc(z1; z2) = d C^e mod N^2',
  '/proof/z3': 's^z1 t^z3 = T S^e mod N-hat',
  '/proof/w': IN_CURVE,
};

const { aux: recordedAux, prover_p, prover_q, cases } = loadVectors(
  'unit_zk_enc_elg',
  z.object({
    aux: Aux,
    prover_p: IntegerJson,
    prover_q: IntegerJson,
    cases: z.array(
      z.object({
        shared_state: z.object({ ...Session, num: z.literal([0, 1]) }),
        data: z.object({ key_N: IntegerJson, ciphertext: IntegerJson, a: PointJson, b: PointJson, x: PointJson }),
        private: z.object({
          plaintext: IntegerJson,
          nonce: IntegerJson,
          b: ScalarJson,
          alpha: IntegerJson,
          mu: IntegerJson,
          r: IntegerJson,
          beta: ScalarJson,
          gamma: IntegerJson,
        }),
        seed: Seed,
        challenge: SignedHex,
        ni_proof: z.json(),
        invalid: Invalid,
      }),
    ),
  }),
);

describe('Π^enc-elg, recorded from the Rust crate', () => {
  const dk = new DecryptionKey(prover_p, prover_q);

  it.each(cases)('case %#: transcript, challenge and proof are the same; altered ones are refused', (recorded) => {
    const { ni_proof, invalid, private: secrets } = recorded;
    const { eid: sid, prover, num, encoding } = recorded.shared_state;
    const data = { ...recorded.data, key: new EncryptionKey(recorded.data.key_N) };
    const context = encElgContext({ sid, prover }, num);
    expect(bytesToHex(context)).toBe(encoding);
    const proof = encElg.ProofJson.parse(ni_proof);
    expectSeed(encElg.seed(context, SECURITY_128, recordedAux, data, proof.commitment), recorded.seed);
    expect(encElg.challenge(context, SECURITY_128, recordedAux, data, proof.commitment)).toBe(recorded.challenge);
    const own = { ...data, key: dk.encryptionKey };
    const ours = encElg.proveWith(context, SECURITY_128, recordedAux, own, secrets, secrets);
    expect(toJson(encElg.ProofJson, ours)).toEqual(ni_proof);
    expect(failedCheck(encElg.verify, context, SECURITY_128, recordedAux, data, proof)).toBe('accepted');
    expect(invalid.map(({ add_one_at }) => add_one_at)).toEqual(Object.keys(ALTERED));
    for (const { add_one_at, value } of invalid) {
      const altered = encElg.ProofJson.parse(replaceAt(ni_proof, add_one_at, value));
      expect(failedCheck(encElg.verify, context, SECURITY_128, recordedAux, data, altered)).toBe(ALTERED[add_one_at]);
    }
  });
});

describe('Π^enc-elg', () => {
  const rng = seededRng('enc_elg');
  const sid = rng(16);
  const context = encElgContext({ sid, prover: 1 }, 0);
  const key = key_i.encryptionKey;
  const n = key.n;
  const a = multiply(G, randomScalar(rng));

  function statement(plaintext: bigint, A: Point = a): { data: encElg.Data; witness: encElg.Witness } {
    const { ciphertext, nonce } = key.encrypt(plaintext, rng);
    const b = randomScalar(rng);
    const x = multiply(A, b).add(multiply(G, toScalar(plaintext)));
    return { data: { key, ciphertext, a: A, b: multiply(G, b), x }, witness: { plaintext, nonce, b } };
  }

  const { data, witness } = statement(randomScalar(rng) >> 1n);
  const proof = encElg.prove(context, params, publicAux, data, witness, rng);
  const json = toJson(encElg.ProofJson, proof);
  /** The verifier knows the prover's modulus, not its factors, and has its own trapdoor. */
  const seen = { ...data, key: new EncryptionKey(n) };

  function check(changed: Partial<encElg.Response & encElg.Commitment>, statementSeen: encElg.Data = seen): string {
    const altered = { commitment: replaceFields(proof.commitment, changed), response: replaceFields(proof.response, changed) };
    return failedCheck(encElg.verify, context, params, ownAux, statementSeen, altered);
  }

  it('verifies after the wire, with and without the trapdoor of the parameters', () => {
    for (const aux of [ownAux, publicAux]) {
      expect(failedCheck(encElg.verify, context, params, aux, seen, encElg.ProofJson.parse(json))).toBe('accepted');
    }
  });

  it('verifies for any scalar and either sign of the challenge', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(1n << 255n), max: 1n << 255n }), (plaintext) => {
        const { data: other, witness: secret } = statement(plaintext);
        const made = encElg.prove(context, params, publicAux, other, secret, rng);
        expect(failedCheck(encElg.verify, context, params, ownAux, other, made)).toBe('accepted');
      }),
      { numRuns: 20 },
    );
  });

  it('is the same proof when the prover knows the logarithm of A', () => {
    const logA = randomScalar(rng);
    const { data: known, witness: secret } = statement(-7n, multiply(G, logA));
    const nonces = encElg.sampleNonces(params, publicAux, known, rng);
    const made = encElg.proveWith(context, params, publicAux, known, { ...secret, logA }, nonces);
    expect(toJson(encElg.ProofJson, made)).toEqual(
      toJson(encElg.ProofJson, encElg.proveWith(context, params, publicAux, known, secret, nonces)),
    );
    expect(failedCheck(encElg.verify, context, params, ownAux, known, made)).toBe('accepted');
    const wrong = encElg.proveWith(context, params, publicAux, known, { ...secret, logA: logA + 1n }, nonces);
    expect(failedCheck(encElg.verify, context, params, ownAux, known, wrong)).toBe(IN_CURVE);
  });

  it.each(alterations(json))('refuses another $path', ({ path, altered }) => {
    expect(failedCheck(encElg.verify, context, params, ownAux, seen, encElg.ProofJson.parse(altered))).toBe(ALTERED[path]);
  });

  it.each<[string, Partial<encElg.Data>]>([
    ['key', { key: otherKey.encryptionKey }],
    ['ciphertext', { ciphertext: data.ciphertext + 1n }],
    ['a', { a: data.a.add(G) }],
    ['b', { b: data.b.add(G) }],
    ['x', { x: data.x.add(G) }],
  ])('is bound to %s', (_, change) => {
    const other = { ...seen, ...change };
    const e = encElg.challenge(context, params, publicAux, data, proof.commitment);
    expect(encElg.challenge(context, params, publicAux, other, proof.commitment)).not.toBe(e);
    expect(check({}, other)).toBe(IN_CURVE);
  });

  it.each([
    ['session', encElgContext({ sid: rng(16), prover: 1 }, 0)],
    ['prover', encElgContext({ sid, prover: 0 }, 0)],
    ['number', encElgContext({ sid, prover: 1 }, 1)],
  ])('is bound to the %s', (_, other) => {
    expect(failedCheck(encElg.verify, other, params, ownAux, seen, proof)).toBe(IN_CURVE);
  });

  it.each([
    ['N-hat', new RingPedersen({ nHat: otherAux.nHat, s: publicAux.s, t: publicAux.t })],
    ['s', new RingPedersen({ nHat: publicAux.nHat, s: publicAux.s + 1n, t: publicAux.t })],
    ['t', new RingPedersen({ nHat: publicAux.nHat, s: publicAux.s, t: publicAux.t + 1n })],
    ['verifier', otherAux],
  ])('is bound to the %s of the ring-Pedersen parameters', (_, aux) => {
    expect(failedCheck(encElg.verify, context, params, aux, seen, proof)).toBe(IN_CURVE);
  });

  it.each(['ell', 'epsilon'] as const)('is bound to %s', (name) => {
    const other = { ...params, [name]: params[name] + 1 };
    expect(failedCheck(encElg.verify, context, other, ownAux, seen, proof)).toBe(IN_CURVE);
  });

  it.each<[string, Partial<encElg.Data>, string]>([
    ['X commits to another plaintext', { x: data.x.add(G) }, IN_CURVE],
    ['B is not b G', { b: data.b.add(G) }, 'w G = Z + e B'],
    ['C encrypts another plaintext', { ciphertext: key.add(data.ciphertext, 1n + n) }, 'Enc(z1; z2) = d C^e mod N^2'],
  ])('cannot be made when %s', (_, change, label) => {
    const wrong = { ...data, ...change };
    const forged = encElg.prove(context, params, publicAux, wrong, witness, rng);
    expect(failedCheck(encElg.verify, context, params, ownAux, wrong, forged)).toBe(label);
  });

  it('refuses the identity as A, under which B hides nothing', () => {
    const { data: vacuous, witness: secret } = statement(5n, INFINITY);
    const made = encElg.prove(context, params, publicAux, vacuous, secret, rng);
    expect(failedCheck(encElg.verify, context, params, ownAux, vacuous, made)).toBe('A is not the identity');
  });

  const edge = 1n << BigInt(params.ell + params.epsilon - 1);
  it.each([
    ['at the bound', edge, 'accepted'],
    ['at minus the bound', -edge, 'accepted'],
    ['one above', edge + 1n, IN_RANGE],
    ['one below', -edge - 1n, IN_RANGE],
  ])('with z1 %s', (_, alpha, outcome) => {
    const { data: zero, witness: secret } = statement(0n);
    const nonces = { ...encElg.sampleNonces(params, publicAux, zero, rng), alpha };
    const made = encElg.proveWith(context, params, publicAux, zero, secret, nonces);
    expect(made.response.z1).toBe(alpha);
    expect(failedCheck(encElg.verify, context, params, ownAux, zero, made)).toBe(outcome);
  });

  it.each([
    ['just oversized', 2n * edge],
    ['just oversized and negative', -2n * edge],
    ['near N/2', key.halfN - 1n],
  ])('refuses a plaintext that is %s (Alpha-Rays)', (_, plaintext) => {
    const { data: big, witness: secret } = statement(plaintext);
    const made = encElg.prove(context, params, publicAux, big, secret, rng);
    expect(failedCheck(encElg.verify, context, params, ownAux, big, made)).toBe(IN_RANGE);
  });

  const [p, q] = [smallPrime(0), smallPrime(1)];
  it.each([...nonUnits(n, p, q, data.ciphertext), ['not reduced', data.ciphertext + n * n]] as [string, bigint][])(
    'names the element outside Z*_N^2 that is %s',
    (_, bad) => {
      expect(check({}, { ...seen, ciphertext: bad })).toBe('C in Z*_N^2');
      expect(check({ d: bad })).toBe('d in Z*_N^2');
    },
  );

  it.each([...nonUnits(n, p, q, proof.response.z2), ['not reduced', proof.response.z2 + n]] as [string, bigint][])(
    'refuses a z2 outside Z*_N that is %s',
    (_, bad) => {
      expect(check({ z2: bad })).toBe('z2 in Z*_N');
    },
  );

  const nHat = ownAux.nHat;
  it.each([...nonUnits(nHat, smallPrime(4), smallPrime(5), proof.commitment.s), ['not reduced', proof.commitment.s + nHat]] as [
    string,
    bigint,
  ][])('names the element outside Z*_N-hat that is %s', (_, bad) => {
    expect(check({ s: bad })).toBe('S in Z*_N-hat');
    expect(check({ t: bad })).toBe('T in Z*_N-hat');
  });

  it('refuses units of order 1 and 2 in place of the right ones', () => {
    expect([1n, n * n - 1n].map((d) => check({ d }))).toEqual([IN_CURVE, IN_CURVE]);
    expect([1n, n - 1n].map((z2) => check({ z2 }))).toEqual([ALTERED['/proof/z2'], ALTERED['/proof/z2']]);
    expect([1n, ownAux.nHat - 1n].map((s) => check({ s }))).toEqual([IN_CURVE, IN_CURVE]);
    // A sign is the c-split of a group of unknown order: -S and -T are never accepted for S and T.
    expect(check({ s: ownAux.nHat - proof.commitment.s, t: ownAux.nHat - proof.commitment.t })).toBe(IN_CURVE);
  });

  it('refuses the identity in place of a commitment', () => {
    expect([check({ y: INFINITY }), check({ z: INFINITY })]).toEqual([IN_CURVE, IN_CURVE]);
    expect([check({}, { ...seen, b: INFINITY }), check({}, { ...seen, x: INFINITY })]).toEqual([IN_CURVE, IN_CURVE]);
  });

  it.each([
    ['even', n + 1n, 'N is odd'],
    ['too short', n >> 3n | 1n, 'N has at least 2 primeBits - 1 bits'],
    ['zero', 0n, 'N is odd'],
    ['negative', -n, 'N has at least 2 primeBits - 1 bits'],
  ])('refuses a modulus that is %s', (_, bad, label) => {
    expect(check({}, { ...seen, key: new EncryptionKey(bad) })).toBe(label);
  });

  it('turns no hostile value into any other error than InvalidProof', () => {
    const integers = hostileIntegers([n, n * n, ownAux.nHat, smallPrime(0), edge]);
    const fields = fc.record(
      { s: integers, t: integers, d: integers, z1: integers, z2: integers, z3: integers, ciphertext: integers },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, ({ ciphertext = data.ciphertext, ...changed }) => {
        const untouched = Object.entries({ ciphertext, ...changed }).every(
          ([name, value]) => ({ ...data, ...proof.commitment, ...proof.response } as Record<string, unknown>)[name] === value,
        );
        expect(check(changed, { ...seen, ciphertext }) === 'accepted').toBe(untouched);
      }),
      { numRuns: 150 },
    );
  });

  it.each<[string, (form: Json) => Json]>([
    ['a negative group element', (form) => replaceAt(form, '/commitment/d', { radix: 16, value: '-1' })],
    ['a number instead of an integer', (form) => replaceAt(form, '/proof/z1', 5)],
    ['digits that are none', (form) => replaceAt(form, '/proof/z1', { radix: 16, value: '0x12' })],
    ['an integer of absurd length', (form) => replaceAt(form, '/proof/z3', { radix: 16, value: 'f'.repeat(5000) })],
    ['no response', (form) => ({ commitment: (form as { commitment: Json }).commitment })],
  ])('does not parse %s', (_, spoil) => {
    expect(encElg.ProofJson.safeParse(spoil(json)).success).toBe(false);
  });

  it('reads other radixes and unknown keys, as the crate does', () => {
    const decimal = replaceAt(json, '/proof/z1', { radix: 10, value: proof.response.z1.toString() }) as Record<string, Json>;
    expect(encElg.ProofJson.parse({ ...decimal, extra: true })).toEqual(encElg.ProofJson.parse(json));
  });
});
