/**
 * Auxiliary info (figure 7 of the paper, without the refresh of the key): everybody's Paillier modulus N_j and
 * ring-Pedersen parameters (N-hat_j, s_j, t_j), committed to, opened and proven well-formed. Messages and transcripts are
 * those of the Rust crate cggmp24.
 */
import { z } from 'zod';
import { digest, executionId, integer, leaf, struct, type Encoded } from '../hash/encoding.js';
import { facContext, modContext, prmContext } from '../hash/context.js';
import type { AuxInfo } from '../key_share/aux_info.js';
import { bitLength, equalBytes, xorBytes } from '../math/integer.js';
import type { Rng } from '../math/random.js';
import { DecryptionKey } from '../paillier/decryption_key.js';
import { EncryptionKey } from '../paillier/encryption_key.js';
import { generateRingPedersen, RingPedersen } from '../paillier/ring_pedersen.js';
import { MAX_MODULUS_BITS, minModulusBits, type SecurityParams } from '../params.js';
import { at } from '../runtime/at.js';
import { check } from '../runtime/errors.js';
import { broadcast, pause, peersOf, receive, sendTo, verifyPeers, type AnyRound, type Protocol, type Round } from '../runtime/protocol.js';
import { checkReliability, reliabilityCheckRound } from '../runtime/reliable_broadcast.js';
import { bytesHexJson, DigestJson, NonNegativeIntegerJson } from '../wire/json.js';
import * as fac from '../zk/fac.js';
import * as mod from '../zk/mod.js';
import * as prm from '../zk/prm.js';
import type { PregeneratedPrimes } from './primes.js';

const TAG = 'dfns.cggmp24.aux_gen.';

export interface AuxInfoContext {
  readonly params: SecurityParams;
  readonly sid: Uint8Array;
  /** i: one's own index, from 0. */
  readonly index: number;
  /** n. */
  readonly parties: number;
  readonly primes: PregeneratedPrimes;
  readonly reliableBroadcast: boolean;
  /** Pi^prm as the Rust crate makes and verifies it, with 32 live challenge bits: mixed clusters only. */
  readonly prmFirstWordOnly: boolean;
  readonly rng: Rng;
}

interface Round1 {
  readonly commitment: Uint8Array;
}

interface Round2 {
  readonly N: bigint;
  readonly hat_N: bigint;
  readonly s: bigint;
  readonly t: bigint;
  readonly params_proof: prm.Proof;
  readonly rho_bytes: Uint8Array;
  readonly decommit: Uint8Array;
}

interface Round3 {
  readonly mod_proof: mod.Proof;
  readonly fac_proof: fac.Proof;
}

const round1: Round<Round1> = {
  variant: 'Round1',
  number: 1,
  delivery: 'broadcast',
  body: z.object({ commitment: DigestJson }),
};

function rounds(params: SecurityParams) {
  const round2: Round<Round2> = {
    variant: 'Round2',
    number: 3,
    delivery: 'broadcast',
    body: z.object({
      N: NonNegativeIntegerJson,
      hat_N: NonNegativeIntegerJson,
      s: NonNegativeIntegerJson,
      t: NonNegativeIntegerJson,
      params_proof: prm.proofJson(params),
      rho_bytes: bytesHexJson(params.kappaBytes),
      decommit: bytesHexJson(params.kappaBytes),
    }),
  };
  const round3: Round<Round3> = {
    variant: 'Round3',
    number: 4,
    delivery: 'p2p',
    body: z.object({ mod_proof: mod.proofJson(params), fac_proof: fac.ProofJson }),
  };
  return { round2, round3 };
}

/** Every message that aux info generation has. */
export function auxInfoRounds(params: SecurityParams): readonly AnyRound[] {
  const { round2, round3 } = rounds(params);
  return [round1, reliabilityCheckRound, round2, round3];
}

function encodeRound2(message: Round2): Encoded {
  return struct(
    {
      N: integer(message.N),
      hat_N: integer(message.hat_N),
      s: integer(message.s),
      t: integer(message.t),
      params_proof: prm.encodeProof(message.params_proof),
      rho_bytes: leaf(message.rho_bytes),
      decommit: leaf(message.decommit),
    },
    `${TAG}round2`,
  );
}

/** V_j = SHA-256(sid, j, decommitment). */
function commitmentTo(sid: Uint8Array, prover: number, message: Round2): Uint8Array {
  const fields = { sid: executionId(sid), prover: integer(prover), decommitment: encodeRound2(message) };
  return digest(struct(fields, `${TAG}hash_commitment`));
}

function echo(sid: Uint8Array, { commitment }: Round1): Encoded {
  const message = struct({ commitment: leaf(commitment) }, `${TAG}round1`);
  return struct({ sid: executionId(sid), commitment: message }, `${TAG}echo_round`);
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
  yield* verifyPeers('invalid_decommitment', round2, peers, (j) => {
    check('V_j = H(sid, j, decommitment_j)', equalBytes(commitments.of(j).commitment, commitmentTo(sid, j, decommitments.of(j))));
  });
  yield* verifyPeers('invalid_modulus', round2, peers, (j) => {
    const { N, hat_N } = decommitments.of(j);
    check('N_j is long enough', bitLength(N) >= minModulusBits(params));
    check('N_j is not too long', bitLength(N) <= MAX_MODULUS_BITS);
    check('N-hat_j is long enough', bitLength(hat_N) >= minModulusBits(params));
    check('N-hat_j is not too long', bitLength(hat_N) <= MAX_MODULUS_BITS);
  });
  yield* verifyPeers('invalid_ring_pedersen_parameters', round2, peers, (j) => {
    const { hat_N: nHat, s, t, params_proof } = decommitments.of(j);
    prm.verify(prmContext({ sid, prover: j }), params, { nHat, s, t }, params_proof, prmFirstWordOnly);
  });

  // Round 3
  const rho = xorBytes(decommitments.withOwn(i, own).map(({ rho_bytes }) => rho_bytes));
  const everyone = decommitments.withOwn(i, own);
  const ringPedersen = everyone.map(({ hat_N: nHat, s, t }, j) => (j === i ? ownPedersen : new RingPedersen({ nHat, s, t })));
  yield* pause('Round3: proving the Paillier modulus');
  const mod_proof = mod.prove(modContext({ sid, prover: i }, rho), params, { n: own.N }, { decryptionKey }, rng);
  for (const j of peers) {
    yield* pause(`Round3: proving to party ${j} that no factor is small`);
    const fac_proof = fac.prove(facContext({ sid, prover: i }, rho), params, at(ringPedersen, j), { n: own.N }, { p, q }, rng);
    yield* sendTo(j, round3, { mod_proof, fac_proof });
  }
  const proofs = yield* receive(round3);
  yield* verifyPeers('invalid_modulus_proof', round3, peers, (j) => {
    mod.verify(modContext({ sid, prover: j }, rho), params, { n: decommitments.of(j).N }, proofs.of(j).mod_proof);
  }, ctx.reliableBroadcast);
  yield* verifyPeers('invalid_factor_proof', round3, peers, (j) => {
    fac.verify(facContext({ sid, prover: j }, rho), params, ownPedersen, { n: decommitments.of(j).N }, proofs.of(j).fac_proof);
  }, ctx.reliableBroadcast);

  // Output
  const encryptionKeys = everyone.map(({ N }, j) => (j === i ? decryptionKey.encryptionKey : new EncryptionKey(N)));
  return { params, decryptionKey, encryptionKeys, ringPedersen, prmFirstWordOnly };
}
