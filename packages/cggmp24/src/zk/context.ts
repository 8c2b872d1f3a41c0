import { bool, executionId, integer, leaf, struct, type Encoding } from '../hash/encoding.js';

declare const context: unique symbol;
/**
 * What a proof is bound to besides its statement: the session, who proves, and which of the session's proofs it
 * is. Only this module makes one.
 */
export type Context = Encoding & { readonly [context]: true };

/** A party's place in a session: the raw execution id, and the party's index from 0. */
export interface Prover {
  readonly sid: Uint8Array;
  readonly prover: number;
}

function tagged(fields: Readonly<Record<string, Encoding>>, tag: string): Context {
  return struct(fields, `dfns.cggmp24.${tag}`) as Context;
}

/** Of Pi^enc-elg in presigning round 1: psi_0 (of K, num 0) or psi_1 (of G, num 1). */
export function encElgContext({ sid, prover }: Prover, num: 0 | 1): Context {
  return tagged({ sid: executionId(sid), prover: integer(prover), num: integer(num) }, 'signing.proof_enc');
}

/** Of Pi^elog: in presigning round 2 (of Gamma, prime false) or round 3 (of Delta, prime true). */
export function elogContext({ sid, prover }: Prover, prime: boolean): Context {
  return tagged({ sid: executionId(sid), prover: integer(prover), prime: bool(prime) }, 'signing.proof_elog');
}

/** Of Pi^aff-g in presigning round 2: for gamma (hat false) or for the key share (hat true). */
export function affGContext({ sid, prover }: Prover, hat: boolean): Context {
  return tagged({ sid: executionId(sid), prover: integer(prover), hat: bool(hat) }, 'signing.proof_psi');
}

/** Of Pi^prm in the generation of auxiliary info. */
export function prmContext({ sid, prover }: Prover): Context {
  return tagged({ sid: executionId(sid), prover: integer(prover) }, 'aux_gen.proof_prm');
}

/** Of Pi^mod in the generation of auxiliary info; rho is the parties' joint randomness. */
export function modContext({ sid, prover }: Prover, rho: Uint8Array): Context {
  return tagged({ sid: executionId(sid), rho: leaf(rho), prover: integer(prover) }, 'aux_gen.proof_mod');
}

/** Of Pi^fac in the generation of auxiliary info; rho is the parties' joint randomness. */
export function facContext({ sid, prover }: Prover, rho: Uint8Array): Context {
  return tagged({ sid: executionId(sid), rho: leaf(rho), prover: integer(prover) }, 'aux_gen.proof_fac');
}

/** Proofs that the crate does not have carry a name and a version of their own. */
function extension(fields: Readonly<Record<string, Encoding>>, tag: string): Context {
  return struct(fields, `threshold-signing.identification.v1.${tag}`) as Context;
}

/** Of Pi^dec: for delta (hat false) or for chi (hat true). */
export function decContext({ sid, prover }: Prover, hat: boolean): Context {
  return extension({ sid: executionId(sid), prover: integer(prover), hat: bool(hat) }, 'proof_dec');
}

/** Of Pi^aff-g*: for gamma (hat false) or for the key share (hat true). */
export function affGStarContext({ sid, prover }: Prover, hat: boolean): Context {
  return extension({ sid: executionId(sid), prover: integer(prover), hat: bool(hat) }, 'proof_aff_g_star');
}
