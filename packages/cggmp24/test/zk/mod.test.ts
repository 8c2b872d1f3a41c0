import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generatePrimeSync } from 'node:crypto';
import { z } from 'zod';
import { modContext } from '../../src/zk/context.js';
import { gcd, invert, jacobi, mod } from '../../src/math/integer.js';
import { modulus } from '../../src/math/modular.js';
import { randomUnit } from '../../src/math/random.js';
import { DecryptionKey } from '../../src/paillier/decryption_key.js';
import { SECURITY_128, SMALL_FOR_TESTS as params } from '../../src/params.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { IntegerJson } from '../../src/wire/json.js';
import * as piMod from '../../src/zk/mod.js';
import { hostileIntegers } from '../util/hostile.js';
import { alterations, failedCheck, replaceAt, toJson, type Json } from '../util/proofs.js';
import { key_i, nonUnits, otherKey, smallPrime } from '../util/small.js';
import { loadVectors } from '../util/vectors.js';
import { expectSeed, HexBytes, Invalid, Seed, Session } from '../util/zk_vectors.js';

const NTH_ROOT = 'z_k^N = y_k mod N';
const FOURTH_ROOT = 'x_k^4 = (-1)^a_k w^b_k y_k mod N';
const SYMBOL = '(w / N) = -1';

const recorded = loadVectors(
  'unit_zk_mod',
  z.object({
    shared_state: z.object({ ...Session, rho: HexBytes }),
    data: z.object({ n: IntegerJson }),
    private: z.object({ p: IntegerJson, q: IntegerJson }),
    seed: Seed,
    challenge_ys: z.array(z.string().transform((hex) => BigInt(`0x${hex}`))),
    ni_proof: z.json(),
    invalid: Invalid,
  }),
);

describe('Π^mod, recorded from the Rust crate', () => {
  const { eid: sid, prover, rho, encoding } = recorded.shared_state;
  const context = modContext({ sid, prover }, rho);
  const { data, ni_proof, invalid } = recorded;
  const ProofJson = piMod.proofJson(SECURITY_128);
  const proof = ProofJson.parse(ni_proof);

  it('has the same transcript, challenge and proof', () => {
    expect(bytesToHex(context)).toBe(encoding);
    expectSeed(piMod.seed(context, data, proof.commitment), recorded.seed);
    expect(piMod.challenge(context, SECURITY_128, data, proof.commitment)).toEqual(recorded.challenge_ys);
    const decryptionKey = new DecryptionKey(recorded.private.p, recorded.private.q);
    const ours = piMod.proveWith(context, SECURITY_128, data, { decryptionKey }, proof.commitment);
    expect(toJson(ProofJson, ours)).toEqual(ni_proof);
  });

  it('verifies', () => {
    expect(failedCheck(piMod.verify, context, SECURITY_128, data, proof)).toBe('accepted');
  });

  it('refuses altered fields', () => {
    const refused = Object.fromEntries(
      invalid.map(({ add_one_at, value }) => {
        const altered = ProofJson.parse(replaceAt(ni_proof, add_one_at, value));
        return [add_one_at, failedCheck(piMod.verify, context, SECURITY_128, data, altered)];
      }),
    );
    expect(refused).toEqual({
      '/commitment/w': jacobi(proof.commitment.w + 1n, data.n) === -1 ? FOURTH_ROOT : SYMBOL,
      '/proof/points/0/x': FOURTH_ROOT,
      '/proof/points/5/z': NTH_ROOT,
      '/proof/points/7/a': FOURTH_ROOT,
      '/proof/points/9/b': FOURTH_ROOT,
    });
  });
});

describe('Π^mod', () => {
  const rng = seededRng('mod');
  const [sid, rho] = [rng(16), rng(32)];
  const context = modContext({ sid, prover: 1 }, rho);
  const witness = { decryptionKey: key_i };
  const [p, q] = [smallPrime(0), smallPrime(1)];
  const data = { n: p * q };
  const { n } = data;
  const ProofJson = piMod.proofJson(params);
  const proof = piMod.prove(context, params, data, witness, rng);
  const json = toJson(ProofJson, proof);

  const verdict = (of: piMod.Data, made: piMod.Proof): string => failedCheck(piMod.verify, context, params, of, made);

  function withPoint(k: number, change: Partial<piMod.Roots>): piMod.Proof {
    const points = proof.response.points.map((roots, i) => (i === k ? { ...roots, ...change } : roots));
    return { ...proof, response: { points } };
  }

  it('verifies after the wire', () => {
    expect(verdict(data, ProofJson.parse(json))).toBe('accepted');
  });

  it('uses each of the four forms of a residue', () => {
    const forms = proof.response.points.map(({ a, b }) => `${a} ${b}`);
    expect(new Set(forms).size).toBe(4);
  });

  it('is made for primes 3 and 7 mod 8 in any combination', () => {
    // (-1)^exponent of the fourth root differs between these.
    const of = (rem: bigint): bigint => generatePrimeSync(512, { bigint: true, add: 8n, rem });
    for (const [r1, r2] of [[3n, 3n], [3n, 7n], [7n, 3n], [7n, 7n]] as const) {
      const decryptionKey = new DecryptionKey(of(r1), of(r2));
      const blum = { n: decryptionKey.encryptionKey.n };
      const made = piMod.prove(context, params, blum, { decryptionKey }, rng);
      expect(verdict(blum, made)).toBe('accepted');
      // Of the four roots it is always the one that is a square itself, as the crate's are: x tells nothing more.
      const { p: at1, q: at2 } = decryptionKey.primes;
      expect(made.response.points.every(({ x }) => jacobi(x, at1.prime) === 1 && jacobi(x, at2.prime) === 1)).toBe(true);
    }
  });

  it('refuses every altered field of the proof at its own equation', () => {
    const few = { ...params, m: 16 };
    const FewJson = piMod.proofJson(few);
    const altered = alterations(toJson(FewJson, piMod.prove(context, few, data, witness, rng)));
    expect(altered).toHaveLength(1 + 4 * few.m);
    for (const { path, altered: form } of altered.slice(1)) {
      const label = path.endsWith('/z') ? NTH_ROOT : FOURTH_ROOT;
      expect([path, failedCheck(piMod.verify, context, few, data, FewJson.parse(form))]).toEqual([path, label]);
    }
  });

  it('refuses another w, of either symbol', () => {
    const other = (symbol: -1 | 1): bigint => {
      for (;;) {
        const w = randomUnit(n, rng);
        if (jacobi(w, n) === symbol) return w;
      }
    };
    expect(verdict(data, { ...proof, commitment: { w: other(-1) } })).toBe(FOURTH_ROOT);
    expect(verdict(data, { ...proof, commitment: { w: other(1) } })).toBe(SYMBOL);
    expect(verdict(data, piMod.proveWith(context, params, data, witness, { w: other(1) }))).toBe(SYMBOL);
    expect(verdict(data, piMod.proveWith(context, params, data, witness, { w: 1n }))).toBe(SYMBOL);
  });

  it('is bound to N', () => {
    const first = piMod.challenge(context, params, data, proof.commitment)[0];
    expect(piMod.challenge(context, params, otherKey.encryptionKey, proof.commitment)[0]).not.toBe(first);
    const w = [proof.commitment.w, proof.commitment.w + 1n, 2n, 3n, 5n, 7n].find((x) => jacobi(x, otherKey.encryptionKey.n) === -1) ?? 0n;
    expect(verdict({ n: otherKey.encryptionKey.n }, { ...proof, commitment: { w } })).toBe(FOURTH_ROOT);
  });

  it.each([
    ['session', modContext({ sid: rng(16), prover: 1 }, rho)],
    ['prover', modContext({ sid, prover: 0 }, rho)],
    ['joint randomness', modContext({ sid, prover: 1 }, rng(32))],
  ])('is bound to the %s', (_, other) => {
    expect(failedCheck(piMod.verify, other, params, data, proof)).toBe(FOURTH_ROOT);
  });

  it('draws m different challenges, all of them units (one repeated m times proves nothing)', () => {
    const ys = piMod.challenge(context, SECURITY_128, data, proof.commitment);
    expect(ys).toHaveLength(128);
    expect(new Set(ys).size).toBe(128);
    expect(ys.every((y) => y > 0n && y < n && gcd(y, n) === 1n)).toBe(true);
  });

  it('refuses roots of one challenge in place of another', () => {
    const [first] = proof.response.points;
    expect(verdict(data, withPoint(1, first ?? {}))).toBe(FOURTH_ROOT);
    expect(verdict(data, withPoint(1, { z: first?.z ?? 0n }))).toBe(NTH_ROOT);
  });

  describe('a modulus of another form', () => {
    /** Its top bit alone is set, so a product of k of them may have k - 1 bits less than their sum. */
    const prime = (bits: number, rem = 3n): bigint => generatePrimeSync(bits, { bigint: true, add: 4n, rem });

    /**
     * Somebody who knows the factors and does what can be done: roots wherever they exist, 1 elsewhere. A fourth root
     * is a power in the subgroup of odd order, which is all squares modulo p = 3 mod 4 and a part of them otherwise.
     */
    function attack(factors: readonly (readonly [prime: bigint, power: bigint])[]): [piMod.Data, piMod.Proof] {
      const N = factors.reduce((product, [f, k]) => product * f ** k, 1n);
      const phi = factors.reduce((product, [f, k]) => product * f ** (k - 1n) * (f - 1n), 1n);
      const ring = modulus(N);
      let odd = phi;
      while ((odd & 1n) === 0n) odd >>= 1n;
      const fourth = mod(invert(4n, odd), odd);
      const nth = gcd(N, phi) === 1n ? invert(N, phi) : 1n;
      const [[first] = [0n]] = factors;
      let w = randomUnit(N, rng);
      // A square modulo one prime: the most that a w can do for a modulus p^2 q. For a square or a prime there is none.
      for (let tries = 0; tries < 100 && (jacobi(w, N) !== -1 || jacobi(w, first) !== 1); tries++) w = randomUnit(N, rng);
      for (let tries = 0; tries < 100 && jacobi(w, N) !== -1; tries++) w = randomUnit(N, rng);
      const points = piMod.challenge(context, params, { n: N }, { w }).map((y) => {
        const forms = [0, 1, 2, 3].map((form) => ({ a: (form & 1) === 1, b: (form & 2) === 2 }));
        const found = forms
          .map(({ a, b }) => ({ a, b, target: mod((a ? -y : y) * (b ? w : 1n), N) }))
          .map(({ a, b, target }) => ({ a, b, target, x: ring.pow(target, fourth) }))
          .find(({ x, target }) => ring.pow(x, 4n) === target);
        return { x: found?.x ?? 1n, a: found?.a ?? false, b: found?.b ?? false, z: ring.pow(y, nth) };
      });
      return [{ n: N }, { commitment: { w }, response: { points } }];
    }

    it('the attacker of these tests proves an honest modulus', () => {
      expect(verdict(...attack([[p, 1n], [q, 1n]]))).toBe('accepted');
    });

    it.each<[string, () => [bigint, bigint][], string]>([
      ['three primes', () => [[prime(342), 1n], [prime(342), 1n], [prime(342), 1n]], FOURTH_ROOT],
      ['four primes', () => [257, 257, 257, 257].map((bits) => [prime(bits), 1n]), FOURTH_ROOT],
      ['sixty small primes (BitForge)', () => Array.from({ length: 60 }, () => [prime(18), 1n]), FOURTH_ROOT],
      ['one prime 3 mod 4', () => [[prime(1024), 1n]], 'N is composite'],
      ['one prime 1 mod 4', () => [[prime(1024, 1n), 1n]], 'N is composite'],
      ['the square of a prime', () => [[p, 2n]], SYMBOL],
      ['p^2 q', () => [[prime(342), 2n], [prime(342), 1n]], NTH_ROOT],
      ['two primes 1 mod 4', () => [[prime(512, 1n), 1n], [prime(512, 1n), 1n]], FOURTH_ROOT],
      ['a prime 1 and one 3 mod 4', () => [[prime(512, 1n), 1n], [prime(512), 1n]], FOURTH_ROOT],
    ])('is refused: %s', (_, factors, label) => {
      expect(verdict(...attack(factors()))).toBe(label);
    });

    it('is refused when p divides q - 1, so that N-th roots do not exist', () => {
      const small = prime(500);
      let large = 2n * small + 1n;
      while ((large & 3n) !== 3n || modulus(large).pow(2n, large - 1n) !== 1n) large += 2n * small;
      expect(gcd(small * large, (small - 1n) * (large - 1n))).toBe(small);
      const [of, made] = attack([[small, 1n], [large, 1n]]);
      expect(verdict(of, made)).toBe(of.n.toString(2).length < 1023 ? 'N has at least 2 primeBits - 1 bits' : NTH_ROOT);
    });

    it('is not refused for one small prime alone: that is for Π^fac', () => {
      expect(verdict(...attack([[prime(64), 1n], [prime(962), 1n]]))).toBe('accepted');
    });

    it.each([
      ['even', n + 1n, 'N is odd'],
      ['too short', (n >> 3n) | 1n, 'N has at least 2 primeBits - 1 bits'],
      ['zero', 0n, 'N is odd'],
      ['negative', -n, 'N has at least 2 primeBits - 1 bits'],
    ])('is refused: %s', (_, bad, label) => {
      expect(verdict({ n: bad }, proof)).toBe(label);
    });
  });

  it.each([...nonUnits(n, p, q, proof.commitment.w), ['not reduced', proof.commitment.w + n]] as [string, bigint][])(
    'names the element outside Z*_N that is %s',
    (_, bad) => {
      expect(verdict(data, { ...proof, commitment: { w: bad } })).toBe('w in Z*_N');
      for (const k of [0, params.m - 1]) {
        expect(verdict(data, withPoint(k, { x: bad }))).toBe(`x_${k} in Z*_N`);
        expect(verdict(data, withPoint(k, { z: bad }))).toBe(`z_${k} in Z*_N`);
      }
    },
  );

  it('refuses 1 and -1 in place of the right roots', () => {
    for (const k of [0, params.m - 1]) {
      for (const unit of [1n, n - 1n]) {
        expect(verdict(data, withPoint(k, { x: unit }))).toBe(FOURTH_ROOT);
        expect(verdict(data, withPoint(k, { z: unit }))).toBe(NTH_ROOT);
      }
    }
  });

  it('accepts any of the fourth roots, and only one N-th root', () => {
    const [first] = proof.response.points;
    if (first === undefined) throw new Error('no points');
    expect(verdict(data, withPoint(0, { x: n - first.x }))).toBe('accepted');
    expect(verdict(data, withPoint(0, { z: n - first.z }))).toBe(NTH_ROOT);
  });

  it.each([
    ['none', []],
    ['one fewer', proof.response.points.slice(1)],
    ['one more', [...proof.response.points, ...proof.response.points.slice(0, 1)]],
  ])('refuses a number of responses other than m: %s', (_, points) => {
    expect(verdict(data, { ...proof, response: { points } })).toBe('m responses');
    const form = replaceAt(json, '/proof/points', (json as { proof: { points: Json[] } }).proof.points.slice(0, points.length));
    expect(ProofJson.safeParse(form).success).toBe(points.length > params.m);
  });

  it('turns no hostile value into any other error than InvalidProof', () => {
    const integers = hostileIntegers([n, p, q]);
    fc.assert(
      fc.property(
        integers,
        fc.nat(params.m - 1),
        fc.record({ x: integers, z: integers }, { requiredKeys: [] }),
        fc.boolean(),
        (N, k, roots, otherN) => {
          const untouched = Object.keys(roots).length === 0 && (!otherN || N === n);
          expect(verdict({ n: otherN ? N : n }, withPoint(k, roots)) === 'accepted').toBe(untouched);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each<[string, Json]>([
    ['a negative w', replaceAt(json, '/commitment/w', { radix: 16, value: '-1' })],
    ['a negative x', replaceAt(json, '/proof/points/1/x', { radix: 16, value: '-1' })],
    ['a negative z', replaceAt(json, '/proof/points/1/z', { radix: 16, value: '-1' })],
    ['a number for a bit', replaceAt(json, '/proof/points/1/a', 1)],
    ['a hole', replaceAt(json, '/proof/points/1', null)],
  ])('does not parse %s', (_, form) => {
    expect(ProofJson.safeParse(form).success).toBe(false);
  });
});
