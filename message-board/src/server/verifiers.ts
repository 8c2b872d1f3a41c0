import { Refused } from 'sealing/errors';
import type { Roster } from 'sealing/roster';
import { ServiceError } from 'service/errors';
import { NO_PROOF } from '../contract/node_statement.js';
import { SealedVerifier } from './sealed_verifier.js';
import type { Verifier } from './verifier.js';

/** Checks nothing. It is for a board without a roster, and for plain clusters, where nodes sign nothing. */
const PLAIN: Verifier = {
  rosterHash: null,
  shares: 1,
  session: () => Promise.reject(new Refused('nobody has signed it')),
  message: () => Promise.resolve(),
  partialSignature: () => Promise.resolve(),
  presignatureRequest: () => Promise.resolve(),
  request: () => Promise.resolve(true),
  unsignedRefusal: () => Promise.reject(new ServiceError(403, 'invalid_statement', 'refusal: this board has no roster')),
  enoughRefusals: Infinity,
  update: () => Promise.resolve(undefined),
  statements: NO_PROOF,
  heartbeat: () => Promise.resolve(),
  statedKeys: () => [],
  publicKey: () => undefined,
};

/** The checks that fit the roster. @param roster null for a board that has none */
export function verifierFor(roster: Roster | null): Verifier {
  return roster?.sealed === true ? new SealedVerifier(roster) : PLAIN;
}
