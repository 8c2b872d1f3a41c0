import { Refused } from 'sealing/errors';
import { CLOSING } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import { unverifiedClaims } from 'sealing/statement';
import { ServiceError } from 'service/errors';
import { NO_PROOF } from '../contract/node_statement.js';
import type { ClosingReason } from '../contract/outcome.js';
import { SealedVerifier } from './sealed_verifier.js';
import type { Verifier } from './verifier.js';

/** Why a request is closed, as anybody may say here. @throws ServiceError 403 */
function saidBy(closing: string | undefined): ClosingReason | undefined {
  if (closing === undefined) return undefined;
  try {
    return CLOSING.claims.parse(unverifiedClaims(closing)).reason;
  } catch {
    throw new ServiceError(403, 'invalid_statement', 'closing: it is no statement that closes a request');
  }
}

/** Checks nothing. It is for a board without a roster, and for plain clusters, where nodes sign nothing. */
const PLAIN: Verifier = {
  rosterHash: null,
  shares: 1,
  session: () => Promise.reject(new Refused('nobody has signed it')),
  message: () => Promise.resolve(),
  partialSignature: () => Promise.resolve(),
  presignatureRequest: () => Promise.resolve(),
  request: () => Promise.resolve({ lifetimeMs: null }),
  unsignedRefusal: () => Promise.reject(new ServiceError(403, 'invalid_statement', 'refusal: this board has no roster')),
  enoughRefusals: Infinity,
  update: (_record, { closing }) => Promise.resolve({ refusal: undefined, closing: saidBy(closing) }),
  statements: NO_PROOF,
  heartbeat: () => Promise.resolve(),
  statedKeys: () => [],
  publicKey: () => undefined,
};

/** The checks that fit the roster. @param roster null for a board that has none */
export function verifierFor(roster: Roster | null): Verifier {
  return roster?.sealed === true ? new SealedVerifier(roster) : PLAIN;
}
