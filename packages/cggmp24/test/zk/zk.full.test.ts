/** Every proof once at the real size, between keys of safe primes; the vectors and the forgers are in the quick tests. */
import { describe, expect, it } from '@jest/globals';
import { affGContext, encElgContext, facContext, modContext, prmContext } from '../../src/zk/context.js';
import { G, multiply, toScalar, toSigned } from '../../src/math/curve.js';
import { randomHalfRange, randomScalar } from '../../src/math/random.js';
import { DecryptionKey } from '../../src/paillier/decryption_key.js';
import { EncryptionKey } from '../../src/paillier/encryption_key.js';
import { generateRingPedersen, RingPedersen } from '../../src/paillier/ring_pedersen.js';
import { SECURITY_128 as params } from '../../src/params.js';
import { fullSafePrimes } from '../../src/testing/fixtures.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import * as affG from '../../src/zk/aff_g.js';
import * as encElg from '../../src/zk/enc_elg.js';
import * as fac from '../../src/zk/fac.js';
import * as piMod from '../../src/zk/mod.js';
import * as prm from '../../src/zk/prm.js';
import { failedCheck, toJson } from '../util/proofs.js';

const rng = seededRng('full size');
const prime = (k: number): bigint => BigInt(`0x${fullSafePrimes[k] ?? ''}`);
const [key_i, key_j] = [new DecryptionKey(prime(0), prime(1)), new DecryptionKey(prime(2), prime(3))];
const [n_i, n_j] = [key_i.encryptionKey.n, key_j.encryptionKey.n];
const ownAux = generateRingPedersen(prime(4), prime(5), rng);
const aux = new RingPedersen({ nHat: ownAux.nHat, s: ownAux.s, t: ownAux.t });
const prover = { sid: rng(32), prover: 3 };

describe('at security level 128', () => {
  it('Π^prm: all 128 bits, and in the form of the crate', () => {
    const context = prmContext(prover);
    for (const firstWordOnly of [false, true]) {
      const proof = prm.prove(context, params, ownAux, rng, firstWordOnly);
      const parsed = prm.proofJson(params).parse(toJson(prm.proofJson(params), proof));
      expect(failedCheck(prm.verify, context, params, aux, parsed, firstWordOnly)).toBe('accepted');
      expect(failedCheck(prm.verify, context, params, aux, parsed, !firstWordOnly)).toBe('t^z_k = A_k s^e_k mod N-hat');
    }
  });

  it('Π^mod', () => {
    const context = modContext(prover, rng(32));
    const proof = piMod.prove(context, params, { n: n_i }, { decryptionKey: key_i }, rng);
    const parsed = piMod.proofJson(params).parse(toJson(piMod.proofJson(params), proof));
    expect(failedCheck(piMod.verify, context, params, { n: n_i }, parsed)).toBe('accepted');
    expect(failedCheck(piMod.verify, modContext(prover, rng(32)), params, { n: n_i }, parsed)).toBe('x_k^4 = (-1)^a_k w^b_k y_k mod N');
  });

  it('Π^fac, and its refusal of a factor of 256 bits', () => {
    const context = facContext(prover, rng(32));
    const proof = fac.prove(context, params, aux, { n: n_i }, { p: prime(0), q: prime(1) }, rng);
    const parsed = fac.ProofJson.parse(toJson(fac.ProofJson, proof));
    expect(failedCheck(fac.verify, context, params, ownAux, { n: n_i }, parsed)).toBe('accepted');
    const [p, q] = [(1n << 255n) + 95n, prime(0) * (prime(1) >> 255n | 1n)];
    const unbalanced = fac.prove(context, params, aux, { n: p * q }, { p, q }, rng);
    expect(failedCheck(fac.verify, context, params, ownAux, { n: p * q }, unbalanced)).toBe('|z2| <= 2^(ell+epsilon) sqrt(N) / 2');
  });

  it('Π^enc-elg', () => {
    const context = encElgContext(prover, 1);
    const [k, b] = [randomScalar(rng), randomScalar(rng)];
    const a = multiply(G, randomScalar(rng));
    const { ciphertext, nonce } = key_i.encryptionKey.encrypt(toSigned(k), rng);
    const data = { key: key_i.encryptionKey, ciphertext, a, b: multiply(G, b), x: multiply(a, b).add(multiply(G, k)) };
    const proof = encElg.prove(context, params, aux, data, { plaintext: toSigned(k), nonce, b }, rng);
    const parsed = encElg.ProofJson.parse(toJson(encElg.ProofJson, proof));
    expect(failedCheck(encElg.verify, context, params, ownAux, { ...data, key: new EncryptionKey(n_i) }, parsed)).toBe('accepted');
  });

  it('Π^aff-g', () => {
    const context = affGContext(prover, true);
    const theirs = new EncryptionKey(n_j);
    const [x, y] = [toSigned(randomScalar(rng)), randomHalfRange(1n << 1280n, rng)];
    const { ciphertext: c } = key_j.encryptionKey.encrypt(randomHalfRange(1n << 256n, rng), rng);
    const [mask, Y] = [theirs.encrypt(y, rng), key_i.encryptionKey.encrypt(y, rng)];
    const d = theirs.add(theirs.scale(x, c), mask.ciphertext);
    const data = { key_j: theirs, key_i: key_i.encryptionKey, c, d, y: Y.ciphertext, x: multiply(G, toScalar(x)) };
    const proof = affG.prove(context, params, aux, data, { x, y, nonce: mask.nonce, nonce_y: Y.nonce }, rng);
    const parsed = affG.ProofJson.parse(toJson(affG.ProofJson, proof));
    const seen = { ...data, key_j: key_j.encryptionKey, key_i: new EncryptionKey(n_i) };
    expect(failedCheck(affG.verify, context, params, ownAux, seen, parsed)).toBe('accepted');
  });
});
