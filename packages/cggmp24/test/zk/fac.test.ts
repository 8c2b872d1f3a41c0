import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generatePrimeSync } from 'node:crypto';
import { z } from 'zod';
import { facContext } from '../../src/zk/context.js';
import { mod } from '../../src/math/integer.js';
import { randomBelow } from '../../src/math/random.js';
import { RingPedersen } from '../../src/paillier/ring_pedersen.js';
import { SECURITY_128, SMALL_FOR_TESTS as params } from '../../src/params.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { IntegerJson } from '../../src/wire/json.js';
import * as fac from '../../src/zk/fac.js';
import { hostileIntegers } from '../util/hostile.js';
import { alterations, failedCheck, replaceAt, replaceFields, toJson } from '../util/proofs.js';
import { key_i, nonUnits, otherAux, ownAux, publicAux, smallPrime } from '../util/small.js';
import { loadVectors } from '../util/vectors.js';
import { Aux, expectSeed, HexBytes, Invalid, Seed, Session, SignedHex } from '../util/zk_vectors.js';

const P_OPENS = 's^z1 t^w1 = A P^e mod N-hat';
const Q_OPENS = 's^z2 t^w2 = B Q^e mod N-hat';
const PRODUCT = 'Q^z1 t^v = T s^(N e) mod N-hat';
const P_IN_RANGE = '|z1| <= 2^(ell+epsilon) sqrt(N) / 2';
const Q_IN_RANGE = '|z2| <= 2^(ell+epsilon) sqrt(N) / 2';
const V_IN_RANGE = '|v| <= 2^(ell+epsilon) N N-hat';

/** The check that refuses a proof in which one field alone was altered. Whatever is hashed changes e. */
const ALTERED: Record<string, string> = {
  '/commitment/p': P_OPENS,
  '/commitment/q': P_OPENS,
  '/commitment/a': P_OPENS,
  '/commitment/b': P_OPENS,
  '/commitment/t': P_OPENS,
  '/proof/z1': P_OPENS,
  '/proof/z2': Q_OPENS,
  '/proof/w1': P_OPENS,
  '/proof/w2': Q_OPENS,
  '/proof/v': PRODUCT,
};

const {
  aux: recordedAux,
  data: recordedData,
  private: factors,
  cases,
} = loadVectors(
  'unit_zk_fac',
  z.object({
    aux: Aux,
    data: z.object({ n: IntegerJson }),
    private: z.object({ p: IntegerJson, q: IntegerJson }),
    cases: z.array(
      z.object({
        shared_state: z.object({ ...Session, rho: HexBytes }),
        private_commitment: z.object({
          alpha: IntegerJson,
          beta: IntegerJson,
          mu: IntegerJson,
          nu: IntegerJson,
          r: IntegerJson,
          x: IntegerJson,
          y: IntegerJson,
        }),
        seed: Seed,
        challenge: SignedHex,
        ni_proof: z.json(),
        invalid: Invalid,
      }),
    ),
  }),
);

describe('Π^fac, recorded from the Rust crate', () => {
  it.each(cases)('case %#: transcript, challenge and proof are the same; altered ones are refused', (recorded) => {
    const { ni_proof, invalid, private_commitment: nonces } = recorded;
    const { eid: sid, prover, rho, encoding } = recorded.shared_state;
    const context = facContext({ sid, prover }, rho);
    expect(bytesToHex(context)).toBe(encoding);
    const proof = fac.ProofJson.parse(ni_proof);
    expectSeed(fac.seed(context, SECURITY_128, recordedAux, recordedData, proof.commitment), recorded.seed);
    expect(fac.challenge(context, SECURITY_128, recordedAux, recordedData, proof.commitment)).toBe(recorded.challenge);
    const ours = fac.proveWith(context, SECURITY_128, recordedAux, recordedData, factors, nonces);
    expect(toJson(fac.ProofJson, ours)).toEqual(ni_proof);
    expect(failedCheck(fac.verify, context, SECURITY_128, recordedAux, recordedData, proof)).toBe('accepted');
    expect(invalid.map(({ add_one_at }) => add_one_at)).toEqual(Object.keys(ALTERED));
    for (const { add_one_at, value } of invalid) {
      const altered = fac.ProofJson.parse(replaceAt(ni_proof, add_one_at, value));
      expect(failedCheck(fac.verify, context, SECURITY_128, recordedAux, recordedData, altered)).toBe(ALTERED[add_one_at]);
    }
  });
});

describe('Π^fac', () => {
  const rng = seededRng('fac');
  const [sid, rho] = [rng(16), rng(32)];
  const context = facContext({ sid, prover: 1 }, rho);
  const { n } = key_i.encryptionKey;
  const data = { n };
  const witness = { p: smallPrime(0), q: smallPrime(1) };
  const proof = fac.prove(context, params, publicAux, data, witness, rng);
  const json = toJson(fac.ProofJson, proof);
  const { nHat } = ownAux;

  function check(changed: Partial<fac.Response & fac.Commitment>): string {
    const altered = { commitment: replaceFields(proof.commitment, changed), response: replaceFields(proof.response, changed) };
    return failedCheck(fac.verify, context, params, ownAux, data, altered);
  }

  /** What `prove` makes of a modulus with these factors, as an attacker who follows the figure would. */
  function outcome(p: bigint, q: bigint, of = p * q): string {
    const made = fac.prove(context, params, publicAux, { n: of }, { p, q }, rng);
    return failedCheck(fac.verify, context, params, ownAux, { n: of }, made);
  }

  it('verifies after the wire, with and without the trapdoor of the parameters', () => {
    const parsed = fac.ProofJson.parse(json);
    expect([ownAux, publicAux].map((aux) => failedCheck(fac.verify, context, params, aux, data, parsed))).toEqual(['accepted', 'accepted']);
  });

  it('verifies every time, with either sign of the challenge', () => {
    expect(Array.from({ length: 20 }, () => outcome(witness.p, witness.q))).toEqual(Array.from({ length: 20 }, () => 'accepted'));
  });

  it.each(alterations(json))('refuses another $path', ({ path, altered }) => {
    expect(failedCheck(fac.verify, context, params, ownAux, data, fac.ProofJson.parse(altered))).toBe(ALTERED[path]);
  });

  it('is bound to N', () => {
    const other = { n: n + 2n };
    expect(fac.challenge(context, params, publicAux, other, proof.commitment)).not.toBe(
      fac.challenge(context, params, publicAux, data, proof.commitment),
    );
    expect(failedCheck(fac.verify, context, params, ownAux, other, proof)).toBe(P_OPENS);
  });

  it.each([
    ['session', facContext({ sid: rng(16), prover: 1 }, rho)],
    ['prover', facContext({ sid, prover: 0 }, rho)],
    ['joint randomness', facContext({ sid, prover: 1 }, rng(32))],
  ])('is bound to the %s', (_, other) => {
    expect(failedCheck(fac.verify, other, params, ownAux, data, proof)).toBe(P_OPENS);
  });

  it.each([
    ['N-hat', new RingPedersen({ nHat: otherAux.nHat, s: publicAux.s, t: publicAux.t })],
    ['s', new RingPedersen({ nHat, s: publicAux.s + 1n, t: publicAux.t })],
    ['t', new RingPedersen({ nHat, s: publicAux.s, t: publicAux.t + 1n })],
    ['verifier', otherAux],
  ])('is bound to the %s of the ring-Pedersen parameters', (_, aux) => {
    expect(failedCheck(fac.verify, context, params, aux, data, proof)).toBe(P_OPENS);
  });

  it.each(['ell', 'epsilon'] as const)('is bound to %s', (name) => {
    const other = { ...params, [name]: params[name] + 1 };
    expect(failedCheck(fac.verify, context, other, ownAux, data, proof)).toBe(P_OPENS);
  });

  describe('small factors (BitForge)', () => {
    const small = generatePrimeSync(64, { bigint: true });
    const large = generatePrimeSync(960, { bigint: true });

    it('refuses a modulus with a factor of 64 bits, whichever is called p', () => {
      expect(outcome(small, large)).toBe(Q_IN_RANGE);
      expect(outcome(large, small)).toBe(P_IN_RANGE);
    });

    it('refuses N = 1 N', () => {
      expect(outcome(1n, n)).toBe(Q_IN_RANGE);
    });

    it('does not see the primes in two balanced factors: a product of many is for Π^mod to refuse', () => {
      const smooth = (): bigint =>
        Array.from({ length: 33 }, () => generatePrimeSync(16, { bigint: true })).reduce((all, prime) => all * prime);
      expect(outcome(smooth(), smooth())).toBe('accepted');
    });

    it('refuses factors in range of which N is not the product', () => {
      expect(outcome(witness.p, witness.q, small * large)).toBe(PRODUCT);
      expect(outcome(witness.p + 2n, witness.q, n)).toBe(PRODUCT);
    });
  });

  describe('ranges', () => {
    const { pHat, qHat, lambda = 0n } = ownAux.trapdoor();
    const order = (pHat - 1n) * (qHat - 1n);

    /** With the verifier's trapdoor every commitment opens to anything: responses of any size satisfy all equations. */
    function simulate(z1: bigint, z2: bigint, multiple: bigint): fac.Proof {
      const [p, q, a, b, t] = [0, 1, 2, 3, 4].map(() => randomBelow(order, rng)) as [bigint, bigint, bigint, bigint, bigint];
      const power = (x: bigint): bigint => ownAux.commit(0n, x);
      const commitment = { p: power(p), q: power(q), a: power(a), b: power(b), t: power(t) };
      const e = fac.challenge(context, params, ownAux, data, commitment);
      const w1 = mod(a + e * p - lambda * z1, order);
      const w2 = mod(b + e * q - lambda * z2, order);
      const v = mod(t + lambda * n * e - q * z1, order) + multiple * order;
      return { commitment, response: { z1, z2, w1, w2, v } };
    }

    const verdict = (made: fac.Proof): string => failedCheck(fac.verify, context, params, ownAux, data, made);
    // floor(sqrt(N)) 2^(ell+epsilon) / 2, found by search so as not to repeat the code.
    let root = 1n << 512n;
    for (let bit = 511n; bit >= 0n; bit--) if ((root - (1n << bit)) ** 2n > n) root -= 1n << bit;
    while (root * root > n) root--;
    const edge = root << BigInt(params.ell + params.epsilon - 1);

    it.each([
      ['at the bounds', edge, -edge, 'accepted'],
      ['at the other bounds', -edge, edge, 'accepted'],
      ['z1 one above', edge + 1n, 0n, P_IN_RANGE],
      ['z1 one below', -edge - 1n, 0n, P_IN_RANGE],
      ['z2 one above', 0n, edge + 1n, Q_IN_RANGE],
      ['z2 one below', 0n, -edge - 1n, Q_IN_RANGE],
    ])('%s', (_, z1, z2, expected) => {
      expect(verdict(simulate(z1, z2, 0n))).toBe(expected);
    });

    it('bounds v: what exceeds it is refused even where all equations hold', () => {
      const bound = (n * nHat) << BigInt(params.ell + params.epsilon);
      const most = bound / order;
      expect([most - 1n, -most].map((multiple) => verdict(simulate(1n, 1n, multiple)))).toEqual(['accepted', 'accepted']);
      expect([most + 1n, -most - 2n].map((multiple) => verdict(simulate(1n, 1n, multiple)))).toEqual([V_IN_RANGE, V_IN_RANGE]);
      expect([bound, -bound].map((v) => check({ v }))).toEqual([PRODUCT, PRODUCT]);
      expect([bound + 1n, -bound - 1n].map((v) => check({ v }))).toEqual([V_IN_RANGE, V_IN_RANGE]);
    });

    it('leaves an honest v far inside its bound, at the extremes of its nonces too', () => {
      const half = (range: bigint): bigint => range / 2n;
      const nonces = {
        ...fac.sampleNonces(params, publicAux, data, rng),
        nu: half(nHat << BigInt(params.ell)),
        r: half((n * nHat) << BigInt(params.ell + params.epsilon)),
      };
      for (const sign of [1n, -1n]) {
        const made = fac.proveWith(context, params, publicAux, data, witness, { ...nonces, r: sign * nonces.r });
        expect(verdict(made)).toBe('accepted');
      }
    });
  });

  it.each([...nonUnits(nHat, smallPrime(4), smallPrime(5), proof.commitment.p), ['not reduced', nHat + 1n]] as [string, bigint][])(
    'names the element outside Z*_N-hat that is %s',
    (_, bad) => {
      for (const [label, field] of Object.entries({ P: 'p', Q: 'q', A: 'a', B: 'b', T: 't' })) {
        expect(check({ [field]: bad })).toBe(`${label} in Z*_N-hat`);
      }
    },
  );

  it('refuses 1 and -1 in place of the right elements', () => {
    for (const unit of [1n, nHat - 1n]) {
      expect(['p', 'q', 'a', 'b', 't'].map((field) => check({ [field]: unit }))).toEqual(Array.from({ length: 5 }, () => P_OPENS));
    }
  });

  it.each([
    ['even', n + 1n, 'N is odd'],
    ['too short', (n >> 3n) | 1n, 'N has at least 2 primeBits - 1 bits'],
    ['zero', 0n, 'N is odd'],
    ['negative', -n, 'N has at least 2 primeBits - 1 bits'],
  ])('refuses a modulus that is %s', (_, bad, label) => {
    expect(failedCheck(fac.verify, context, params, ownAux, { n: bad }, proof)).toBe(label);
  });

  it('turns no hostile value into any other error than InvalidProof', () => {
    const integers = hostileIntegers([n, nHat, n * nHat, smallPrime(4)]);
    const names = ['p', 'q', 'a', 'b', 't', 'z1', 'z2', 'w1', 'w2', 'v'];
    const fields = fc.record(Object.fromEntries(names.map((name) => [name, integers])), { requiredKeys: [] });
    fc.assert(
      fc.property(fields, (changed) => {
        const original: Record<string, unknown> = { ...proof.commitment, ...proof.response };
        const untouched = Object.entries(changed).every(([name, value]) => original[name] === value);
        expect(check(changed) === 'accepted').toBe(untouched);
      }),
      { numRuns: 150 },
    );
  });

  it.each(['p', 'q', 'a', 'b', 't'])('does not parse a negative /commitment/%s', (name) => {
    expect(fac.ProofJson.safeParse(replaceAt(json, `/commitment/${name}`, { radix: 16, value: '-1' })).success).toBe(false);
  });
});
