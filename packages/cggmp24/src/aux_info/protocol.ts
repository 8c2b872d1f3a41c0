/**
 * Auxiliary info (figure 7 of the paper, without the refresh of the key): everybody's Paillier modulus N_j and
 * ring-Pedersen parameters (N-hat_j, s_j, t_j), committed to, opened and proven well-formed. Messages and transcripts are
 * those of the Rust crate cggmp24.
 */
import { facContext, modContext, prmContext } from '../zk/context.js';
import type { AuxInfo } from '../key_share/aux_info.js';
import type { Rng } from '../math/random.js';
import { DecryptionKey } from '../paillier/decryption_key.js';
import { EncryptionKey } from '../paillier/encryption_key.js';
import { generateRingPedersen, RingPedersen } from '../paillier/ring_pedersen.js';
import { at } from '../base/at.js';
import { broadcast, pause, peersOf, receive, sendTo, verifyPeers, type Protocol } from '../runtime/protocol.js';
import { checkReliability } from '../runtime/reliable_broadcast.js';
import * as fac from '../zk/fac.js';
import * as mod from '../zk/mod.js';
import * as prm from '../zk/prm.js';
import {
  checkDistinctModuli, checkFactors, checkModuli, checkOpening, checkPaillierModulus, checkRingPedersen, jointRho,
  type AuxInfoAbortCode, type PublicAuxInfoContext,
} from './checks.js';
import { commitmentTo, echo, round1, rounds, type Round2 } from './messages.js';
import type { PregeneratedPrimes } from './primes.js';

export interface AuxInfoContext extends PublicAuxInfoContext {
  /** i: one's own index, from 0. */
  readonly index: number;
  readonly primes: PregeneratedPrimes;
  readonly rng: Rng;
}

export function* auxInfoGeneration(ctx: AuxInfoContext): Protocol<AuxInfo> {
  const { params, sid, index: i, parties: n, rng, prmFirstWordOnly } = ctx;
  const peers = peersOf(i, n);
  const { round2, round3 } = rounds(params);

  // Round 1
  const { p, q, pHat, qHat } = ctx.primes.reveal();
  const decryptionKey = new DecryptionKey(p, q);
  const ownPedersen = generateRingPedersen(pHat, qHat, rng);
  yield* pause('Round1: proving the ring-Pedersen parameters');
  const own: Round2 = {
    N: decryptionKey.encryptionKey.n,
    hat_N: ownPedersen.nHat,
    s: ownPedersen.s,
    t: ownPedersen.t,
    params_proof: prm.prove(prmContext({ sid, prover: i }), params, ownPedersen, rng, prmFirstWordOnly),
    rho_bytes: rng(params.kappaBytes),
    decommit: rng(params.kappaBytes),
  };
  const V_i = { commitment: commitmentTo(sid, i, own) };
  yield* broadcast(round1, V_i);
  const commitments = yield* receive(round1);

  if (ctx.reliableBroadcast) {
    yield* checkReliability(commitments.withOwn(i, V_i).map((message) => echo(sid, message)), peers);
  }

  // Round 2
  yield* broadcast(round2, own);
  const decommitments = yield* receive(round2);
  yield* verifyPeers<AuxInfoAbortCode>(peers, [
    { code: 'invalid_decommitment', round: round2, verify: (j) => { checkOpening(ctx, j, commitments.of(j), decommitments.of(j)); } },
    { code: 'invalid_modulus', round: round2, verify: (j) => { checkModuli(ctx, decommitments.of(j)); } },
    { code: 'invalid_ring_pedersen_parameters', round: round2, verify: (j) => { checkRingPedersen(ctx, j, decommitments.of(j)); } },
  ]);

  // Round 3
  const everyone = decommitments.withOwn(i, own);
  const rho = jointRho(everyone);
  const ringPedersen = everyone.map(({ hat_N: nHat, s, t }, j) => (j === i ? ownPedersen : new RingPedersen({ nHat, s, t })));
  yield* pause('Round3: proving the Paillier modulus');
  const mod_proof = mod.prove(modContext({ sid, prover: i }, rho), params, { n: own.N }, { decryptionKey }, rng);
  for (const j of peers) {
    yield* pause(`Round3: proving to party ${j} that no factor is small`);
    const fac_proof = fac.prove(facContext({ sid, prover: i }, rho), params, at(ringPedersen, j), { n: own.N }, { p, q }, rng);
    yield* sendTo(j, round3, { mod_proof, fac_proof });
  }
  const proofs = yield* receive(round3);
  const verifyModulus = (j: number): void => {
    checkPaillierModulus(ctx, j, rho, decommitments.of(j), proofs.of(j));
  };
  const verifyFactors = (j: number): void => {
    checkFactors(ctx, j, ownPedersen, rho, decommitments.of(j), proofs.of(j));
  };
  yield* verifyPeers<AuxInfoAbortCode>(
    peers,
    [
      { code: 'invalid_modulus_proof', round: round3, verify: verifyModulus },
      { code: 'invalid_factor_proof', round: round3, verify: verifyFactors },
    ],
    { attributable: ctx.reliableBroadcast },
  );

  const verifyDistinct = checkDistinctModuli(everyone.map(({ N }) => N));
  yield* verifyPeers<AuxInfoAbortCode>(peers, [{ code: 'invalid_modulus', round: round2, verify: verifyDistinct }]);

  // Output
  const encryptionKeys = everyone.map(({ N }, j) => (j === i ? decryptionKey.encryptionKey : new EncryptionKey(N)));
  return { params, decryptionKey, encryptionKeys, ringPedersen, prmFirstWordOnly };
}
