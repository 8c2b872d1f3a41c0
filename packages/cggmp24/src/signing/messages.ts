import { z } from 'zod';
import { executionId, integer, point, struct, type Encoding } from '../hash/encoding.js';
import type { Point, Scalar } from '../math/curve.js';
import type { AnyRound, Round } from '../runtime/protocol.js';
import { reliabilityCheckRound } from '../runtime/reliable_broadcast.js';
import { NonNegativeIntegerJson, NonZeroPointJson, PointJson, ScalarJson } from '../wire/json.js';
import * as affG from '../zk/aff_g.js';
import * as elog from '../zk/elog.js';
import * as encElg from '../zk/enc_elg.js';

const TAG = 'dfns.cggmp24.signing.';

/** K_i = Enc_i(k_i), G_i = Enc_i(gamma_i), and El-Gamal commitments to both. */
export interface Round1a {
  readonly K: bigint;
  readonly G: bigint;
  readonly Y: Point;
  readonly A1: Point;
  readonly A2: Point;
  readonly B1: Point;
  readonly B2: Point;
}

export const round1a: Round<Round1a> = {
  variant: 'Round1a',
  number: 1,
  delivery: 'broadcast',
  body: z.object({
    K: NonNegativeIntegerJson,
    G: NonNegativeIntegerJson,
    Y: NonZeroPointJson,
    A1: PointJson,
    A2: PointJson,
    B1: PointJson,
    B2: PointJson,
  }),
};

/** psi0 for K_i, psi1 for G_i. */
export interface Round1b {
  readonly psi0: encElg.Proof;
  readonly psi1: encElg.Proof;
}

export const round1b: Round<Round1b> = {
  variant: 'Round1b',
  number: 1,
  delivery: 'p2p',
  body: z.object({ psi0: encElg.ProofJson, psi1: encElg.ProofJson }),
};

/** The affine operations on the recipient's K_j, and Gamma_i. The suffix _j of the proofs is only a name. */
export interface Round2 {
  readonly Gamma: Point;
  readonly D: bigint;
  readonly F: bigint;
  readonly hat_D: bigint;
  readonly hat_F: bigint;
  readonly tilde_psi: elog.Proof;
  readonly psi_j: affG.Proof;
  readonly hat_psi_j: affG.Proof;
}

export const round2: Round<Round2> = {
  variant: 'Round2',
  number: 3,
  delivery: 'p2p',
  body: z.object({
    Gamma: NonZeroPointJson,
    D: NonNegativeIntegerJson,
    F: NonNegativeIntegerJson,
    hat_D: NonNegativeIntegerJson,
    hat_F: NonNegativeIntegerJson,
    tilde_psi: elog.ProofJson,
    psi_j: affG.ProofJson,
    hat_psi_j: affG.ProofJson,
  }),
};

/** delta_i, S_i = chi_i Gamma, Delta_i = k_i Gamma. */
export interface Round3 {
  readonly delta: Scalar;
  readonly S: Point;
  readonly Delta: Point;
  readonly psi_prime: elog.Proof;
}

export const round3: Round<Round3> = {
  variant: 'Round3',
  number: 4,
  delivery: 'broadcast',
  body: z.object({ delta: ScalarJson, S: PointJson, Delta: PointJson, psi_prime: elog.ProofJson }),
};

/** sigma_i of full signing. */
export interface Round4 {
  readonly partial_sig: { readonly sigma: Scalar };
}

export const round4: Round<Round4> = {
  variant: 'Round4',
  number: 5,
  delivery: 'broadcast',
  body: z.object({ partial_sig: z.object({ sigma: ScalarJson }) }),
};

export const presigningRounds: readonly AnyRound[] = [round1a, round1b, reliabilityCheckRound, round2, round3];
export const signingRounds: readonly AnyRound[] = [...presigningRounds, round4];

/** What the echo round hashes for one signer. */
export function echo(sid: Uint8Array, message: Round1a): Encoding {
  const ciphertexts = struct(
    {
      K: integer(message.K),
      G: integer(message.G),
      Y: point(message.Y),
      A1: point(message.A1),
      A2: point(message.A2),
      B1: point(message.B1),
      B2: point(message.B2),
    },
    `${TAG}round1`,
  );
  return struct({ sid: executionId(sid), ciphertexts }, `${TAG}echo_round`);
}
