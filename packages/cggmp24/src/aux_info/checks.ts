/** The checks of a party's messages. They need public data only: the other parties make them, and later a judge. */
import { checkPrimeSync } from 'node:crypto';
import { facContext, modContext, prmContext } from '../zk/context.js';
import { bitLength, commonFactors, equalBytes, xorBytes } from '../math/integer.js';
import { isTrivialUnit } from '../math/units.js';
import type { RingPedersen } from '../paillier/ring_pedersen.js';
import { MAX_MODULUS_BITS, minModulusBits, type SecurityParams } from '../params.js';
import { check } from '../base/errors.js';
import * as fac from '../zk/fac.js';
import * as mod from '../zk/mod.js';
import * as prm from '../zk/prm.js';
import { commitmentTo, type Round1, type Round2, type Round3 } from './messages.js';

/** Why aux info generation can stop, besides the codes that every protocol has. */
export type AuxInfoAbortCode =
  | 'invalid_decommitment'
  | 'invalid_modulus'
  | 'invalid_ring_pedersen_parameters'
  | 'invalid_modulus_proof'
  | 'invalid_factor_proof';

/** What is public about a run before its first round. */
export interface PublicAuxInfoContext {
  readonly params: SecurityParams;
  readonly sid: Uint8Array;
  /** n. */
  readonly parties: number;
  readonly reliableBroadcast: boolean;
  /** Pi^prm as the Rust crate makes and verifies it, with 32 live challenge bits: mixed clusters only. */
  readonly prmFirstWordOnly: boolean;
}

/** Party j's opening is the one that it has committed to. */
export function checkOpening({ sid }: PublicAuxInfoContext, j: number, { commitment }: Round1, opening: Round2): void {
  check('V_j = H(sid, j, decommitment_j)', equalBytes(commitment, commitmentTo(sid, j, opening)));
}

/** Both moduli are long enough for the proofs, and short enough that computing with them delays nobody. */
export function checkModuli({ params }: PublicAuxInfoContext, { N, hat_N }: Round2): void {
  check('N_j is long enough', bitLength(N) >= minModulusBits(params));
  check('N_j is not too long', bitLength(N) <= MAX_MODULUS_BITS);
  check('N-hat_j is long enough', bitLength(hat_N) >= minModulusBits(params));
  check('N-hat_j is not too long', bitLength(hat_N) <= MAX_MODULUS_BITS);
}

/** Pi^prm of party j, and what Pi^prm accepts: 1 as s and t, under which a commitment binds nobody, and a prime N-hat. */
export function checkRingPedersen({ params, sid, prmFirstWordOnly }: PublicAuxInfoContext, j: number, opening: Round2): void {
  const { hat_N: nHat, s, t, params_proof } = opening;
  prm.verify(prmContext({ sid, prover: j }), params, { nHat, s, t }, params_proof, prmFirstWordOnly);
  check('s_j and t_j are neither 1 nor -1', !isTrivialUnit(s, nHat) && !isTrivialUnit(t, nHat));
  check('N-hat_j is composite', !checkPrimeSync(nHat));
}

/** rho: the XOR of the parts in all parties' openings. */
export function jointRho(openings: readonly Round2[]): Uint8Array {
  return xorBytes(openings.map(({ rho_bytes }) => rho_bytes));
}

/** Pi^mod of party j. */
export function checkPaillierModulus(ctx: PublicAuxInfoContext, j: number, rho: Uint8Array, opening: Round2, proofs: Round3): void {
  mod.verify(modContext({ sid: ctx.sid, prover: j }, rho), ctx.params, { n: opening.N }, proofs.mod_proof);
}

/**
 * Compares N_j with everybody else's. Pi^mod of all of them comes first. Only who knows the factors can make it, so two
 * parties with a common factor both know it: neither has merely copied what the other opened.
 *
 * @param moduli of all parties; 1 in place of one that is not to be compared
 */
export function checkDistinctModuli(moduli: readonly bigint[]): (j: number) => void {
  const partners = commonFactors(moduli);
  return (j) => {
    const other = partners.get(j);
    check(`N_j has no factor in common with that of party ${other ?? 'k'}`, other === undefined);
  };
}

/** Pi^fac of party j. @param aux the ring-Pedersen parameters of the party for which j made the proof */
export function checkFactors(
  { params, sid }: PublicAuxInfoContext,
  j: number,
  aux: RingPedersen,
  rho: Uint8Array,
  { N }: Round2,
  { fac_proof }: Round3,
): void {
  fac.verify(facContext({ sid, prover: j }, rho), params, aux, { n: N }, fac_proof);
}
