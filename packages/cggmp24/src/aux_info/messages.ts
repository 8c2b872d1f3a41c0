/** Messages of aux info generation, and their transcripts. */
import { z } from 'zod';
import { digest, executionId, integer, leaf, struct, type Encoding } from '../hash/encoding.js';
import type { SecurityParams } from '../params.js';
import type { AnyRound, Round } from '../runtime/protocol.js';
import { reliabilityCheckRound } from '../runtime/reliable_broadcast.js';
import { bytesHexJson, DigestJson, NonNegativeIntegerJson } from '../wire/json.js';
import * as fac from '../zk/fac.js';
import * as mod from '../zk/mod.js';
import * as prm from '../zk/prm.js';

const TAG = 'dfns.cggmp24.aux_gen.';

export interface Round1 {
  readonly commitment: Uint8Array;
}

export interface Round2 {
  readonly N: bigint;
  readonly hat_N: bigint;
  readonly s: bigint;
  readonly t: bigint;
  readonly params_proof: prm.Proof;
  readonly rho_bytes: Uint8Array;
  readonly decommit: Uint8Array;
}

export interface Round3 {
  readonly mod_proof: mod.Proof;
  readonly fac_proof: fac.Proof;
}

export const round1: Round<Round1> = {
  variant: 'Round1',
  number: 1,
  delivery: 'broadcast',
  body: z.object({ commitment: DigestJson }),
};

export function rounds(params: SecurityParams) {
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

function encodeRound2(message: Round2): Encoding {
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
export function commitmentTo(sid: Uint8Array, prover: number, message: Round2): Uint8Array {
  const fields = { sid: executionId(sid), prover: integer(prover), decommitment: encodeRound2(message) };
  return digest(struct(fields, `${TAG}hash_commitment`));
}

/** What the echo round hashes for one party. */
export function echo(sid: Uint8Array, { commitment }: Round1): Encoding {
  const message = struct({ commitment: leaf(commitment) }, `${TAG}round1`);
  return struct({ sid: executionId(sid), commitment: message }, `${TAG}echo_round`);
}
