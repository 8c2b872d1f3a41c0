/** The caller's mistake: an argument that no honest use would pass. */
export class InvalidArgument extends Error {
  override readonly name = 'InvalidArgument';
  constructor(
    readonly argument: string,
    message: string,
  ) {
    super(`${argument}: ${message}`);
  }
}

/** One check of a proof failed. Never leaves this library: it becomes the reason in a blame. */
export class InvalidProof extends Error {
  override readonly name = 'InvalidProof';
  /** @param check the equation or range that does not hold, as written in the paper */
  constructor(readonly check: string) {
    super(`check failed: ${check}`);
  }
}

/** Throws `InvalidProof` naming the equation unless it holds. */
export function check(label: string, holds: boolean): void {
  if (!holds) throw new InvalidProof(label);
}

/** The equation that `verify` refuses, or null when all hold. Any error but `InvalidProof` is ours and passes through. */
export function refusalOf(verify: () => void): string | null {
  try {
    verify();
  } catch (error) {
    if (error instanceof InvalidProof) return error.check;
    throw error;
  }
  return null;
}

/** Why a protocol stopped. */
export type AbortCode =
  | 'malformed_message'
  | 'unknown_round'
  | 'unknown_sender'
  | 'wrong_delivery'
  | 'oversized_message'
  | 'contradicting_messages'
  | 'reflected_message'
  | 'inconsistent_broadcast'
  | 'invalid_decommitment'
  | 'invalid_share'
  | 'invalid_schnorr_proof'
  | 'invalid_modulus'
  | 'invalid_ring_pedersen_parameters'
  | 'invalid_modulus_proof'
  | 'invalid_factor_proof'
  | 'invalid_encryption_proof'
  | 'invalid_affine_proof'
  | 'invalid_exponent_proof'
  | 'invalid_key'
  | 'inconsistent_presignature'
  | 'invalid_partial_signature';

/** A party whose messages prove that it deviated. */
export interface Blame {
  /** Index in the protocol, from 0. */
  readonly party: number;
  /** The check that failed, for the log; never for a client. */
  readonly reason: string;
}

/** A peer misbehaved. An empty blame says that it could not be attributed to anyone. */
export class ProtocolAborted extends Error {
  override readonly name = 'ProtocolAborted';
  constructor(
    readonly code: AbortCode,
    readonly round: string,
    readonly blame: readonly Blame[],
    detail = '',
  ) {
    const culprits = blame.map(({ party, reason }) => `party ${party} (${reason})`).join(', ');
    super(`${code} in ${round}: ${culprits === '' ? 'not attributable' : culprits}${detail === '' ? '' : `; ${detail}`}`);
  }
}

/** An invariant of our own broke. Not the peer's fault, nor the caller's. */
export class ProtocolBug extends Error {
  override readonly name = 'ProtocolBug';
}
