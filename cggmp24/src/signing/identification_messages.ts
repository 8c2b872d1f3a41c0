/**
 * Messages of the identification phase (figure 9 of the paper). The Rust crate has none of these; no honest run sends any.
 * Each failed sum has variants of its own: two parties that disagree which one failed wait for each other in vain, instead of
 * refusing each other's proofs.
 */
import { z } from 'zod';
import type { SecurityParams } from '../params.js';
import type { AnyRound, Round } from '../runtime/protocol.js';
import { NonNegativeIntegerJson } from '../wire/json.js';
import * as affG from '../zk/aff_g.js';
import * as affGStar from '../zk/aff_g_star.js';
import * as dec from '../zk/dec.js';

/** `nonce`: the delta_j do not add up to gamma k. `key`: the chi_j do not add up to x k. */
export type FailedSum = 'nonce' | 'key';

/** A party's operation on another one's K, as round 2 carries it. */
export interface Operation {
  readonly D: bigint;
  readonly F: bigint;
}

/** The same with the proof that came with it: only who knows the discrete logarithm of Gamma_j, or of X_j, can have made that. */
export interface ProvenOperation extends Operation {
  readonly psi: affG.Proof;
}

/** What a party received and made in round 2, one for each other party in order, and that its part of the sum follows from that. */
export interface Claims {
  readonly received: readonly ProvenOperation[];
  readonly made: readonly Operation[];
  readonly dec: dec.Proof;
}

export interface IdentificationRounds {
  readonly claims: Round<Claims>;
  /** The k-th, from 0: everybody's proof of its operation on the K of the party k + 1 places after it. */
  readonly affine: readonly Round<affGStar.Proof>[];
}

const VARIANTS: Readonly<Record<FailedSum, string>> = { nonce: 'FailedNonce', key: 'FailedKey' };
/** After that of full signing's last round. */
const FIRST_NUMBER = 6;

/** @param signers t */
export function identificationRounds(sum: FailedSum, params: SecurityParams, signers: number): IdentificationRounds {
  const variant = VARIANTS[sum];
  const operation = { D: NonNegativeIntegerJson, F: NonNegativeIntegerJson };
  const received = z.array(z.object({ ...operation, psi: affG.ProofJson })).length(signers - 1);
  const made = z.array(z.object(operation)).length(signers - 1);
  return {
    claims: {
      variant,
      number: FIRST_NUMBER,
      delivery: 'broadcast',
      body: z.object({ received: received.readonly(), made: made.readonly(), dec: dec.proofJson(params) }),
    },
    affine: Array.from({ length: signers - 1 }, (_, k) => ({
      variant: `${variant}Affine${k + 1}`,
      number: FIRST_NUMBER + 1 + k,
      delivery: 'broadcast',
      body: affGStar.proofJson(params),
    })),
  };
}

/** The rounds of both, to declare with those of presigning. */
export function allIdentificationRounds(params: SecurityParams, signers: number): readonly AnyRound[] {
  return (['nonce', 'key'] as const).flatMap((sum): AnyRound[] => {
    const { claims, affine } = identificationRounds(sum, params, signers);
    return [claims, ...affine];
  });
}
