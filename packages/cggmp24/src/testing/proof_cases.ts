/** The zero-knowledge proofs as a protocol makes and checks them: a party that has a factorisation uses it. */
import { leaf } from '../hash/encoding.js';
import { G, multiply, toScalar, toSigned } from '../math/curve.js';
import { randomHalfRange, randomScalar, systemRng as rng } from '../math/random.js';
import { DecryptionKey } from '../paillier/decryption_key.js';
import { EncryptionKey } from '../paillier/encryption_key.js';
import { generateRingPedersen, RingPedersen } from '../paillier/ring_pedersen.js';
import { SECURITY_128, type SecurityParams } from '../params.js';
import * as affG from '../zk/aff_g.js';
import { affGContext, elogContext, encElgContext, facContext, modContext, prmContext } from '../zk/context.js';
import * as elog from '../zk/elog.js';
import * as encElg from '../zk/enc_elg.js';
import * as fac from '../zk/fac.js';
import * as piMod from '../zk/mod.js';
import * as prm from '../zk/prm.js';
import * as sch from '../zk/sch.js';
import { fullSafePrimes, smallSafePrimes } from './fixtures.js';

/** A proof that can be made again and again, and its check. */
export interface ProofCase {
  readonly name: string;
  readonly prove: () => unknown;
  readonly verify: () => void;
}

function proofCase<Proof>(name: string, prove: () => Proof, verify: (proof: Proof) => void): ProofCase {
  let proof: Proof | undefined;
  return {
    name,
    prove,
    verify: () => {
      verify((proof ??= prove()));
    },
  };
}

/** Party i proves to party j, who has its own parameters with their factors. */
export function proofCases(params: SecurityParams): ProofCase[] {
  const primes = params.primeBits === SECURITY_128.primeBits ? fullSafePrimes : smallSafePrimes;
  const prime = (k: number): bigint => BigInt(`0x${primes[k] ?? ''}`);
  const [p, q] = [prime(0), prime(1)];
  const [ownKey_i, ownKey_j] = [new DecryptionKey(p, q), new DecryptionKey(prime(2), prime(3))];
  const [N_i, N_j] = [ownKey_i.encryptionKey, ownKey_j.encryptionKey];
  const [N_iSeenByJ, N_jSeenByI] = [new EncryptionKey(N_i.n), new EncryptionKey(N_j.n)];
  const ownAux_j = generateRingPedersen(prime(4), prime(5), rng);
  const aux_j = new RingPedersen({ nHat: ownAux_j.nHat, s: ownAux_j.s, t: ownAux_j.t });
  const prover = { sid: rng(32), prover: 0 };
  const rho = rng(32);
  return [schnorr(), prmCase(), modCase(), facCase(), encElgCase(), affGCase(), elogCase()];

  function schnorr(): ProofCase {
    const x = randomScalar(rng);
    const y = multiply(G, x);
    const seed = leaf(rng(32));
    const prove = () => {
      const { nonce, A } = sch.commit(rng);
      return { A, z: sch.respond(seed, nonce, x) };
    };
    return proofCase('Π^sch', prove, ({ A, z }) => {
      sch.verify(seed, { A, y }, z);
    });
  }

  function prmCase(): ProofCase {
    const context = prmContext(prover);
    return proofCase('Π^prm', () => prm.prove(context, params, ownAux_j, rng, false), (proof) => {
      prm.verify(context, params, aux_j, proof, false);
    });
  }

  function modCase(): ProofCase {
    const context = modContext(prover, rho);
    const data = { n: N_i.n };
    return proofCase('Π^mod', () => piMod.prove(context, params, data, { decryptionKey: ownKey_i }, rng), (proof) => {
      piMod.verify(context, params, data, proof);
    });
  }

  function facCase(): ProofCase {
    const context = facContext(prover, rho);
    const data = { n: N_i.n };
    return proofCase('Π^fac', () => fac.prove(context, params, aux_j, data, { p, q }, rng), (proof) => {
      fac.verify(context, params, ownAux_j, data, proof);
    });
  }

  function encElgCase(): ProofCase {
    const context = encElgContext(prover, 0);
    const [k, b, a] = [randomScalar(rng), randomScalar(rng), multiply(G, randomScalar(rng))];
    const { ciphertext, nonce } = N_i.encrypt(toSigned(k), rng);
    const data = { key: N_i, ciphertext, a, b: multiply(G, b), x: multiply(a, b).add(multiply(G, k)) };
    return proofCase('Π^enc-elg', () => encElg.prove(context, params, aux_j, data, { plaintext: toSigned(k), nonce, b }, rng), (proof) => {
      encElg.verify(context, params, ownAux_j, { ...data, key: N_iSeenByJ }, proof);
    });
  }

  function affGCase(): ProofCase {
    const context = affGContext(prover, false);
    const [x, y] = [toSigned(randomScalar(rng)), randomHalfRange(1n << BigInt(params.ellPrime), rng)];
    const { ciphertext: c } = N_j.encrypt(toSigned(randomScalar(rng)), rng);
    const [mask, Y] = [N_jSeenByI.encrypt(y, rng), N_i.encrypt(y, rng)];
    const d = N_jSeenByI.add(N_jSeenByI.scale(x, c), mask.ciphertext);
    const data = { key_j: N_jSeenByI, key_i: N_i, c, d, y: Y.ciphertext, x: multiply(G, toScalar(x)) };
    const witness = { x, y, nonce: mask.nonce, nonce_y: Y.nonce };
    return proofCase('Π^aff-g', () => affG.prove(context, params, aux_j, data, witness, rng), (proof) => {
      affG.verify(context, params, ownAux_j, { ...data, key_j: N_j, key_i: N_iSeenByJ }, proof);
    });
  }

  function elogCase(): ProofCase {
    const context = elogContext(prover, false);
    const [y, lambda, x] = [randomScalar(rng), randomScalar(rng), multiply(G, randomScalar(rng))];
    const data = { l: multiply(G, lambda), m: multiply(x, lambda).add(multiply(G, y)), x, y: multiply(G, y), h: G };
    return proofCase('Π^elog', () => elog.prove(context, data, { y, lambda }, rng), (proof) => {
      elog.verify(context, data, proof);
    });
  }
}
