/** Why any protocol can stop: a party sent something that is no message of this run. Each protocol adds codes of its own. */
export type MessageAbortCode =
  | 'malformed_message'
  | 'unknown_round'
  | 'unknown_sender'
  | 'wrong_delivery'
  | 'oversized_message'
  | 'contradicting_messages'
  | 'reflected_message'
  | 'inconsistent_broadcast';

/** A party whose messages prove that it deviated. */
export interface Blame {
  /** Index in the protocol, from 0. */
  readonly party: number;
  /** The check that failed, for the log; never for a client. */
  readonly reason: string;
}

/**
 * A peer misbehaved. An empty blame says that it could not be attributed to anyone.
 *
 * `Code` is a union of literals. The code that throws an abort has to name the union: by default, no code fits.
 */
export class ProtocolAborted<Code extends string = never> extends Error {
  override readonly name = 'ProtocolAborted';
  readonly code: Code;

  constructor(
    code: NoInfer<Code>,
    readonly round: string,
    readonly blame: readonly Blame[],
    detail = '',
  ) {
    const culprits = blame.map(({ party, reason }) => `party ${party} (${reason})`).join(', ');
    super(`${code} in ${round}: ${culprits === '' ? 'not attributable' : culprits}${detail === '' ? '' : `; ${detail}`}`);
    this.code = code;
  }
}

/** The abort over messages that failed a check; its blame is empty unless the failures are `attributable`. */
export function abortOver<Code extends string = never>(
  code: NoInfer<Code>,
  round: string,
  blame: readonly Blame[],
  attributable: boolean,
): ProtocolAborted<Code> {
  if (attributable) return new ProtocolAborted<Code>(code, round, blame);
  const failed = blame.map(({ party, reason }) => `party ${party} (${reason})`).join(', ');
  return new ProtocolAborted<Code>(code, round, [], `no echo, so a third party may have made these fail: ${failed}`);
}
