import { digestAll, type Encoding } from '../hash/encoding.js';
import { equalBytes } from '../math/integer.js';
import { DigestJson } from '../wire/json.js';
import { ProtocolAborted, type MessageAbortCode } from './abort.js';
import { broadcast, receive, type Protocol, type Round } from './protocol.js';

/** The echo round: everybody broadcasts the hash of all first-round messages it received. */
export const reliabilityCheckRound: Round<Uint8Array> = {
  variant: 'ReliabilityCheck',
  number: 2,
  delivery: 'broadcast',
  body: DigestJson,
};

/**
 * Aborts unless all parties received the same broadcast messages. The hashes do not show who sent different messages to
 * different parties, or who lied about what it received. So the blame is empty.
 *
 * @param echoes one tagged encoding for each party, this one included, in index order
 */
export function* checkReliability(echoes: readonly Encoding[], peers: readonly number[]): Protocol<void> {
  const own = digestAll(echoes);
  yield* broadcast(reliabilityCheckRound, own);
  const hashes = yield* receive(reliabilityCheckRound);
  const differing = peers.filter((j) => !equalBytes(own, hashes.of(j)));
  if (differing.length > 0) {
    const reason = `the hash of parties ${differing.join(', ')} differs from ours`;
    throw new ProtocolAborted<MessageAbortCode>('inconsistent_broadcast', reliabilityCheckRound.variant, [], reason);
  }
}
