import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { elogContext } from '../../src/zk/context.js';
import { G, INFINITY, multiply, toScalar } from '../../src/math/curve.js';
import { randomScalar } from '../../src/math/random.js';
import { CompactScalarJson, PointJson, ScalarJson } from '../../src/wire/json.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import * as elog from '../../src/zk/elog.js';
import { alterations, failedCheck, replaceAt, toJson, type Json } from '../util/proofs.js';
import { loadVectors } from '../util/vectors.js';
import { expectSeed, Invalid, Seed, Session } from '../util/zk_vectors.js';

/** The check that refuses a proof in which one field alone was altered. Whatever is hashed changes e. */
const ALTERED: Record<string, string> = {
  '/commitment/a': 'z G = A + e L',
  '/commitment/n': 'z G = A + e L',
  '/commitment/b': 'z G = A + e L',
  '/proof/z': 'z G = A + e L',
  '/proof/u': 'u G + z X = N + e M',
};

const { cases } = loadVectors(
  'unit_zk_elog',
  z.object({
    cases: z.array(
      z.object({
        shared_state: z.object({ ...Session, prime: z.boolean() }),
        data: z.object({ l: PointJson, m: PointJson, x: PointJson, y: PointJson, h: PointJson }),
        private: z.object({ y: ScalarJson, lambda: ScalarJson, alpha: ScalarJson, m: ScalarJson }),
        seed: Seed,
        challenge: CompactScalarJson,
        ni_proof: z.json(),
        invalid: Invalid,
      }),
    ),
  }),
);

describe('Π^elog, recorded from the Rust crate', () => {
  it.each(cases)('case %#: transcript, challenge and proof are the same; altered ones are refused', (recorded) => {
    const { data, ni_proof, invalid, private: secrets } = recorded;
    const { eid: sid, prover, prime, encoding } = recorded.shared_state;
    const context = elogContext({ sid, prover }, prime);
    expect(bytesToHex(context)).toBe(encoding);
    const proof = elog.ProofJson.parse(ni_proof);
    expectSeed(elog.seed(context, data, proof.commitment), recorded.seed);
    expect(elog.challenge(context, data, proof.commitment)).toBe(recorded.challenge);
    const ours = elog.proveWith(context, data, secrets, secrets);
    expect(toJson(elog.ProofJson, ours)).toEqual(ni_proof);
    expect(failedCheck(elog.verify, context, data, proof)).toBe('accepted');
    expect(invalid.map(({ add_one_at }) => add_one_at)).toEqual(Object.keys(ALTERED));
    for (const { add_one_at, value } of invalid) {
      const altered = elog.ProofJson.parse(replaceAt(ni_proof, add_one_at, value));
      expect(failedCheck(elog.verify, context, data, altered)).toBe(ALTERED[add_one_at]);
    }
  });
});

describe('Π^elog', () => {
  const rng = seededRng('elog');
  const sid = rng(16);
  const context = elogContext({ sid, prover: 2 }, false);
  const witness = { y: randomScalar(rng), lambda: randomScalar(rng) };
  const [x, h] = [multiply(G, randomScalar(rng)), multiply(G, randomScalar(rng))];

  function statement({ y, lambda }: elog.Witness, X = x, base = h): elog.Data {
    return { l: multiply(G, lambda), m: multiply(G, y).add(multiply(X, lambda)), x: X, y: multiply(base, y), h: base };
  }

  const data = statement(witness);
  const proof = elog.prove(context, data, witness, rng);
  const json = toJson(elog.ProofJson, proof);

  it('verifies after the wire', () => {
    expect(failedCheck(elog.verify, context, data, elog.ProofJson.parse(json))).toBe('accepted');
  });

  it.each(alterations(json))('refuses another $path', ({ path, altered }) => {
    expect(failedCheck(elog.verify, context, data, elog.ProofJson.parse(altered))).toBe(ALTERED[path]);
  });

  it.each(['l', 'm', 'x', 'y', 'h'] as const)('is bound to %s', (field) => {
    const other = { ...data, [field]: data[field].add(G) };
    expect(elog.challenge(context, other, proof.commitment)).not.toBe(elog.challenge(context, data, proof.commitment));
    expect(failedCheck(elog.verify, context, other, proof)).toBe('z G = A + e L');
  });

  it.each([
    ['session', elogContext({ sid: rng(16), prover: 2 }, false)],
    ['prover', elogContext({ sid, prover: 1 }, false)],
    ['place in the protocol', elogContext({ sid, prover: 2 }, true)],
  ])('is bound to the %s', (_, other) => {
    expect(failedCheck(elog.verify, other, data, proof)).toBe('z G = A + e L');
  });

  it.each<[string, elog.Data, string]>([
    ['L is not lambda G', { ...data, l: data.l.add(G) }, 'z G = A + e L'],
    ['(L, M) commits to another value', { ...data, m: data.m.add(G) }, 'u G + z X = N + e M'],
    ['Y has another logarithm', { ...data, y: data.y.add(G) }, 'u h = B + e Y'],
  ])('cannot be made when %s', (_, wrong, label) => {
    const forged = elog.prove(context, wrong, witness, rng);
    expect(failedCheck(elog.verify, context, wrong, forged)).toBe(label);
  });

  it.each<[string, elog.Data, string]>([
    ['X', statement(witness, INFINITY), 'X is not the identity'],
    ['h', statement(witness, x, INFINITY), 'h is not the identity'],
  ])('refuses the identity as the base %s, under which it would prove nothing', (_, degenerate, label) => {
    const vacuous = elog.prove(context, degenerate, witness, rng);
    expect(failedCheck(elog.verify, context, degenerate, vacuous)).toBe(label);
  });

  it('refuses the identity in place of a commitment', () => {
    for (const field of ['a', 'n', 'b'] as const) {
      const spoiled = { ...proof, commitment: { ...proof.commitment, [field]: INFINITY } };
      expect(failedCheck(elog.verify, context, data, spoiled)).toBe('z G = A + e L');
    }
  });

  it('proves a zero logarithm like any other', () => {
    const zero = { y: 0n, lambda: witness.lambda };
    const of0 = statement(zero);
    expect(failedCheck(elog.verify, context, of0, elog.prove(context, of0, zero, rng))).toBe('accepted');
  });

  it('is the same proof when the prover knows the logarithm of X', () => {
    const logX = randomScalar(rng);
    const known = statement(witness, multiply(G, logX));
    const nonces = elog.sampleNonces(rng);
    const made = elog.proveWith(context, known, { ...witness, logX }, nonces);
    expect(toJson(elog.ProofJson, made)).toEqual(toJson(elog.ProofJson, elog.proveWith(context, known, witness, nonces)));
    expect(failedCheck(elog.verify, context, known, made)).toBe('accepted');
    const wrong = elog.proveWith(context, known, { ...witness, logX: logX + 1n }, nonces);
    expect(failedCheck(elog.verify, context, known, wrong)).toBe('u G + z X = N + e M');
  });

  it('uses fresh nonces each time: two proofs share no commitment, and the witness is not in the open', () => {
    const again = elog.prove(context, data, witness, rng);
    expect(again.commitment.a.equals(proof.commitment.a)).toBe(false);
    expect(again.commitment.n.equals(proof.commitment.n)).toBe(false);
    const e = elog.challenge(context, data, proof.commitment);
    expect(proof.response.u).not.toBe(toScalar(e * witness.y));
  });

  it.each<[string, (form: Json) => Json]>([
    ['a missing field', (form) => replaceAt(form, '/proof', { z: toJson(ScalarJson, 1n) })],
    ['a scalar not below q', (form) => replaceAt(form, '/proof/u', { curve: 'secp256k1', scalar: 'f'.repeat(64) })],
    ['a point off the curve', (form) => replaceAt(form, '/commitment/a', { curve: 'secp256k1', point: `04${'1'.repeat(128)}` })],
    ['a compressed point', (form) => replaceAt(form, '/commitment/a', { curve: 'secp256k1', point: bytesToHex(G.toBytes(true)) })],
    ['another curve', (form) => replaceAt(form, '/proof/z', { curve: 'p256', scalar: '0'.repeat(64) })],
  ])('does not parse %s', (_, spoil) => {
    expect(elog.ProofJson.safeParse(spoil(json)).success).toBe(false);
  });
});
