import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { prmContext } from '../../src/zk/context.js';
import { mod } from '../../src/math/integer.js';
import { OwnRingPedersen } from '../../src/paillier/ring_pedersen.js';
import { SECURITY_128, SMALL_FOR_TESTS as params } from '../../src/params.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { IntegerJson } from '../../src/wire/json.js';
import * as prm from '../../src/zk/prm.js';
import { hostileIntegers } from '../util/hostile.js';
import { alterations, expectAllBitsDrawn, failedCheck, replaceAt, toJson, type Json } from '../util/proofs.js';
import { nonUnits, otherAux, ownAux, smallPrime } from '../util/small.js';
import { loadVectors } from '../util/vectors.js';
import { expectSeed, Seed, Session } from '../util/zk_vectors.js';

const EQUATION = 't^z_k = A_k s^e_k mod N-hat';

const recorded = loadVectors(
  'unit_zk_prm',
  z.object({
    shared_state: z.object(Session),
    data: z.object({ N: IntegerJson, s: IntegerJson, t: IntegerJson }),
    private: z.object({ p: IntegerJson, q: IntegerJson, lambda: IntegerJson, alphas: z.array(IntegerJson) }),
    seed: Seed,
    seed_first_256_bytes: z.string(),
    challenge_bits_first_to_last: z.string(),
    params_proof: z.json(),
  }),
);

describe('Π^prm, recorded in the form of the Rust crate', () => {
  const { eid: sid, prover, encoding } = recorded.shared_state;
  const context = prmContext({ sid, prover });
  const { N: nHat, s, t } = recorded.data;
  const { p: pHat, q: qHat, lambda, alphas } = recorded.private;
  const own = new OwnRingPedersen({ nHat, s, t }, { pHat, qHat, lambda });
  const proof = prm.proofJson(SECURITY_128).parse(recorded.params_proof);

  it('has the same transcript, challenge and proof', () => {
    expect(bytesToHex(context)).toBe(encoding);
    const seed = prm.seed(context, own, proof.commitment);
    expectSeed(seed, recorded.seed);
    expect(seed.subarray(0, 256)).toEqual(hexToBytes(recorded.seed_first_256_bytes));
    const bits = prm.challenge(context, SECURITY_128, own, proof.commitment, true);
    expect(bits.map(Number).join('')).toBe(recorded.challenge_bits_first_to_last);
    const ours = prm.proveWith(context, SECURITY_128, own, alphas, true);
    expect(toJson(prm.proofJson(SECURITY_128), ours)).toEqual(recorded.params_proof);
  });

  it('verifies by its first word alone, and never by all 128 bits', () => {
    expect(failedCheck(prm.verify, context, SECURITY_128, { nHat, s, t }, proof, true)).toBe('accepted');
    expect(failedCheck(prm.verify, context, SECURITY_128, { nHat, s, t }, proof, false)).toBe(EQUATION);
  });
});

describe('Π^prm', () => {
  const rng = seededRng('prm');
  const sid = rng(16);
  const context = prmContext({ sid, prover: 1 });
  const data = { nHat: ownAux.nHat, s: ownAux.s, t: ownAux.t };
  const { nHat } = data;
  const ProofJson = prm.proofJson(params);
  const proof = prm.prove(context, params, ownAux, rng, false);
  const json = toJson(ProofJson, proof);

  const verdict = (of: prm.Data, made: prm.Proof): string => failedCheck(prm.verify, context, params, of, made, false);

  it('verifies after the wire', () => {
    expect(verdict(data, ProofJson.parse(json))).toBe('accepted');
  });

  it('in the form of the crate verifies in that form alone', () => {
    const asCrate = prm.prove(context, params, ownAux, rng, true);
    expect(failedCheck(prm.verify, context, params, data, asCrate, true)).toBe('accepted');
    expect(failedCheck(prm.verify, context, params, data, asCrate, false)).toBe(EQUATION);
    expect(failedCheck(prm.verify, context, params, data, proof, true)).toBe(EQUATION);
  });

  it('refuses every altered field of the proof at the equation', () => {
    const altered = alterations(json);
    expect(altered).toHaveLength(2 * params.m);
    for (const { path, altered: form } of altered) {
      expect([path, verdict(data, ProofJson.parse(form))]).toEqual([path, EQUATION]);
    }
  });

  it.each([
    ['N-hat', { ...data, nHat: otherAux.nHat }],
    ['s', { ...data, s: data.s + 1n }],
    ['t', { ...data, t: data.t + 1n }],
    ['s, negated', { ...data, s: nHat - data.s }],
  ])('is bound to %s: the challenge is another (forgeries by an unbound statement)', (_, other) => {
    const bits = (of: prm.Data): string => prm.challenge(context, params, of, proof.commitment, false).map(Number).join('');
    expect(bits(other)).not.toBe(bits(data));
    expect(verdict(other, proof)).toBe(EQUATION);
  });

  it.each([
    ['session', prmContext({ sid: rng(16), prover: 1 })],
    ['prover', prmContext({ sid, prover: 0 })],
  ])('is bound to the %s', (_, other) => {
    expect(failedCheck(prm.verify, other, params, data, proof, false)).toBe(EQUATION);
  });

  it('draws every one of the m challenge bits (c-guess)', () => {
    const runs = Array.from({ length: 64 }, (_, k) => prm.challenge(context, SECURITY_128, data, [BigInt(k)], false));
    expectAllBitsDrawn(runs, SECURITY_128.m);
    const words = runs.map((bits) => [0, 32, 64, 96].map((k) => bits.slice(k, k + 32).map(Number).join('')));
    expect(new Set(words.flat()).size).toBe(4 * runs.length);
  });

  it('with the first word only: no later bit is ever 1', () => {
    for (let k = 0; k < 64; k++) {
      const bits = prm.challenge(context, SECURITY_128, data, [BigInt(k)], true);
      expect(bits.slice(0, 32)).toEqual(prm.challenge(context, SECURITY_128, data, [BigInt(k)], false).slice(0, 32));
      expect(bits.slice(32)).toEqual(Array.from({ length: 96 }, () => false));
    }
  });

  it('does not confuse commitments whose bytes concatenate to the same string (alpha-shuffle)', () => {
    const seeds = [
      [0x0102n, 0x03n],
      [0x01n, 0x0203n],
      [0x010203n],
      [0x010203n, 0n],
    ].map((commitment) => bytesToHex(prm.seed(context, data, commitment)));
    expect(new Set(seeds).size).toBe(seeds.length);
  });

  describe('parameters with s outside the group of t', () => {
    const { pHat, qHat, lambda = 0n } = ownAux.trapdoor();
    // t is a square and -1 is none modulo Blum primes, so -t^lambda is no power of t, though its square is (c-split).
    const forged = new OwnRingPedersen({ nHat, s: nHat - data.s, t: data.t }, { pHat, qHat, lambda });

    it('are refused from a prover who follows the figure', () => {
      expect(verdict(forged, prm.prove(context, params, forged, rng, false))).toBe(EQUATION);
    });

    it('are refused from one who guesses the challenge, unless every bit is right', () => {
      const order = (pHat - 1n) * (qHat - 1n);
      const alphas = prm.sampleNonces(params, forged, rng);
      // For a bit guessed 1, the sign goes into A_k.
      const attempt = (guess: readonly boolean[]): [readonly boolean[], prm.Proof] => {
        const commitment = alphas.map((alpha, k) => (guess[k] === true ? nHat - ownAux.commit(0n, alpha) : ownAux.commit(0n, alpha)));
        const bits = prm.challenge(context, params, forged, commitment, false);
        return [bits, { commitment, response: alphas.map((alpha, k) => mod(alpha + (bits[k] === true ? lambda : 0n), order)) }];
      };
      let guess: readonly boolean[] = Array.from({ length: params.m }, () => false);
      for (let tries = 0; tries < 20; tries++) {
        const [bits, made] = attempt(guess);
        expect(bits).not.toEqual(guess);
        expect(verdict(forged, made)).toBe(EQUATION);
        guess = bits;
      }
    });

    it('would pass in the form of the crate once 32 guesses are right: nothing is checked beyond', () => {
      // Four bits guessed instead of 32, so that the search is short: the rest of the challenge is known beforehand.
      const tiny = { ...params, m: 4 };
      const order = (pHat - 1n) * (qHat - 1n);
      for (let tries = 0; tries < 400; tries++) {
        const alphas = prm.sampleNonces(tiny, forged, rng);
        const commitment = alphas.map((alpha) => ownAux.commit(0n, alpha));
        const bits = prm.challenge(context, tiny, forged, commitment, true);
        if (bits.some((bit) => bit)) continue;
        const made = { commitment, response: alphas.map((alpha) => mod(alpha, order)) };
        expect(failedCheck(prm.verify, context, tiny, forged, made, true)).toBe('accepted');
        return;
      }
      throw new Error('no luck in 400 tries');
    });
  });

  it.each([...nonUnits(nHat, smallPrime(4), smallPrime(5), data.s), ['not reduced', data.s + nHat]] as [string, bigint][])(
    'names the element outside Z*_N-hat that is %s',
    (_, bad) => {
      expect(verdict({ ...data, s: bad }, proof)).toBe('s in Z*_N-hat');
      expect(verdict({ ...data, t: bad }, proof)).toBe('t in Z*_N-hat');
      const withA = (k: number): prm.Proof => ({ ...proof, commitment: proof.commitment.with(k, bad) });
      expect([0, 17, params.m - 1].map((k) => verdict(data, withA(k)))).toEqual(['A_0', 'A_17', 'A_63'].map((A) => `${A} in Z*_N-hat`));
    },
  );

  it('bounds every z_k to [0, N-hat)', () => {
    const withZ = (k: number, z_k: bigint): string => verdict(data, { ...proof, response: proof.response.with(k, z_k) });
    for (const k of [0, params.m - 1]) {
      const honest = proof.response[k] ?? 0n;
      expect([-1n, nHat, honest - nHat, honest + nHat].map((z_k) => withZ(k, z_k))).toEqual(
        Array.from({ length: 4 }, () => '0 <= z_k < N-hat'),
      );
      expect([0n, 1n, nHat - 1n].map((z_k) => withZ(k, z_k))).toEqual([EQUATION, EQUATION, EQUATION]);
    }
  });

  it.each([
    ['fewer', proof.commitment.slice(1), proof.response.slice(1)],
    ['more', [...proof.commitment, 1n], [...proof.response, 0n]],
    ['no', [], []],
    ['fewer answered', proof.commitment, proof.response.slice(1)],
    ['fewer committed', proof.commitment.slice(1), proof.response],
    ['more committed', [...proof.commitment, 1n], proof.response],
  ])('refuses %s repetitions', (_, commitment, response) => {
    expect(verdict(data, { commitment, response })).toBe('m commitments and m responses');
    expect(
      ProofJson.safeParse(
        toJson(z.object({ commitment: z.array(IntegerJson), zs: z.array(IntegerJson) }), {
          commitment: [...commitment],
          zs: [...response],
        }),
      ).success,
    ).toBe(false);
  });

  it.each([
    ['even', nHat + 1n, 'N-hat is odd'],
    ['too short', (nHat >> 3n) | 1n, 'N-hat has at least 2 primeBits - 1 bits'],
    ['zero', 0n, 'N-hat is odd'],
    ['negative', -nHat, 'N-hat has at least 2 primeBits - 1 bits'],
  ])('refuses a modulus that is %s', (_, bad, label) => {
    expect(verdict({ ...data, nHat: bad }, proof)).toBe(label);
  });

  it('turns no hostile value into any other error than InvalidProof', () => {
    const integers = hostileIntegers([nHat, smallPrime(4), smallPrime(5)]);
    const fields = fc.record({ nHat: integers, s: integers, t: integers }, { requiredKeys: [] });
    fc.assert(
      fc.property(fields, fc.nat(params.m - 1), integers, integers, fc.boolean(), (changed, k, A_k, z_k, inProof) => {
        const spoiled = inProof ? { commitment: proof.commitment.with(k, A_k), response: proof.response.with(k, z_k) } : proof;
        const untouched = !inProof && Object.entries(changed).every(([name, value]) => data[name as 's'] === value);
        expect(verdict({ ...data, ...changed }, spoiled) === 'accepted').toBe(untouched);
      }),
      { numRuns: 100 },
    );
  });

  it.each<[string, Json]>([
    ['a negative commitment', replaceAt(json, '/commitment/3', { radix: 16, value: '-1' })],
    ['a negative response', replaceAt(json, '/zs/3', { radix: 16, value: '-1' })],
    ['a hole', replaceAt(json, '/zs/3', null)],
  ])('does not parse %s', (_, form) => {
    expect(ProofJson.safeParse(form).success).toBe(false);
  });

  it('cannot be made without lambda, and says so', () => {
    const { pHat, qHat } = ownAux.trapdoor();
    const withoutLambda = new OwnRingPedersen(data, { pHat, qHat });
    expect(() => prm.prove(context, params, withoutLambda, rng, false)).toThrow(InvalidArgument);
  });
});
