/**
 * Messages of the identification phase (figure 9 of the paper). The Rust crate has none of these; no honest run sends any.
 * Each failed sum has variants of its own: two parties that disagree which one failed wait for each other in vain, instead of
 * refusing each other's proofs. No message grows with the number of signers: a longer one would be refused.
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

/** The same with the proof that came with it: only a party that knows the discrete logarithm of Gamma_j (X_j) can make that. */
export interface ProvenOperation extends Operation {
  readonly psi: affG.Proof;
}

/** What a party says that it received from another one and made for it. */
export interface Exchange {
  readonly received: ProvenOperation;
  readonly made: Operation;
  /** The proof about what it made. */
  readonly psi_star: affGStar.Proof;
}

/** The proof that a party's part of the sum is what it received and made. */
export interface Result {
  readonly psi_dec: dec.Proof;
}

export interface IdentificationRounds {
  readonly result: Round<Result>;
  /** The k-th, from 0: everybody's exchange with the party k + 1 places after it. */
  readonly exchanges: readonly Round<Exchange>[];
}

const VARIANTS: Readonly<Record<FailedSum, string>> = { nonce: 'FailedNonce', key: 'FailedKey' };
/** After that of full signing's last round. */
const FIRST_NUMBER = 6;

/** @param signers t */
export function identificationRounds(sum: FailedSum, params: SecurityParams, signers: number): IdentificationRounds {
  const variant = VARIANTS[sum];
  const operation = { D: NonNegativeIntegerJson, F: NonNegativeIntegerJson };
  const exchange = z.object({
    received: z.object({ ...operation, psi: affG.ProofJson }),
    made: z.object(operation),
    psi_star: affGStar.proofJson(params),
  });
  return {
    result: { variant, number: FIRST_NUMBER, delivery: 'broadcast', body: z.object({ psi_dec: dec.proofJson(params) }) },
    exchanges: Array.from({ length: signers - 1 }, (_, k) => ({
      variant: `${variant}Exchange${k + 1}`,
      number: FIRST_NUMBER + 1 + k,
      delivery: 'broadcast',
      body: exchange,
    })),
  };
}

/** The rounds of both, to declare with those of presigning. */
export function allIdentificationRounds(params: SecurityParams, signers: number): readonly AnyRound[] {
  return (['nonce', 'key'] as const).flatMap((sum): AnyRound[] => {
    const { result, exchanges } = identificationRounds(sum, params, signers);
    return [result, ...exchanges];
  });
}
