/**
 * A protocol is a generator: one straight-line function for each, which yields effects and never touches a network.
 * A `Session` drives it synchronously, so a run is deterministic and every order of delivery can be tested.
 */
import type { z } from 'zod';
import { InvalidProof, ProtocolAborted, ProtocolBug, type AbortCode, type Blame } from './errors.js';

/** One kind of message: a variant of the crate's message enum. */
export interface Round<Body> {
  /** Name of the variant on the wire. */
  readonly variant: string;
  /** Position in the protocol, from 1. Informational: receivers go by the variant. */
  readonly number: number;
  readonly delivery: 'broadcast' | 'p2p';
  /** Reads and writes the body. */
  readonly body: z.ZodType<Body>;
}

/** A round whose body's type is not known, as in a list of rounds. */
export type AnyRound = Round<unknown>;

export type Recipient = 'all' | number;

export type Effect =
  | { readonly kind: 'send'; readonly to: Recipient; readonly round: AnyRound; readonly body: unknown }
  | { readonly kind: 'receive'; readonly round: AnyRound }
  | { readonly kind: 'pause'; readonly progress: string };

export type Protocol<Output> = Generator<Effect, Output, unknown>;

/** One value of each peer. */
export class PerPeer<T> {
  constructor(private readonly values: ReadonlyMap<number, T>) {}

  of(party: number): T {
    const value = this.values.get(party);
    if (value === undefined) throw new ProtocolBug(`no message of party ${party}`);
    return value;
  }

  /** All parties' values in index order, with one's own put in its place. */
  withOwn(index: number, own: T): T[] {
    const parties = [...this.values.keys(), index].sort((a, b) => a - b);
    return parties.map((j) => (j === index ? own : this.of(j)));
  }
}

/** All indices below `parties` but one's own. */
export function peersOf(index: number, parties: number): number[] {
  return Array.from({ length: parties }, (_, j) => j).filter((j) => j !== index);
}

export function* broadcast<Body>(round: Round<Body>, body: Body): Protocol<void> {
  yield { kind: 'send', to: 'all', round, body };
}

export function* sendTo<Body>(party: number, round: Round<Body>, body: Body): Protocol<void> {
  yield { kind: 'send', to: party, round, body };
}

/** Waits until the round's message of every peer is there. */
export function* receive<Body>(round: Round<Body>): Protocol<PerPeer<Body>> {
  const values = yield { kind: 'receive', round };
  // The session answers a receive effect with the bodies that this round's codec has parsed.
  return values as PerPeer<Body>;
}

/** Lets the driver look at its queue, and says how far the work is. */
export function* pause(progress: string): Protocol<void> {
  yield { kind: 'pause', progress };
}

/**
 * Verifies every peer, then aborts naming all the guilty. `verify` throws `InvalidProof`, so that no verdict can be
 * dropped; any other error is ours and passes through.
 *
 * @param attributable false when the statements depend on broadcasts that no echo round has compared: whoever sent
 *   different ones to different parties makes honest proofs fail, so nobody is blamed
 */
export function* verifyPeers(
  code: AbortCode,
  round: AnyRound,
  peers: readonly number[],
  verify: (peer: number) => void,
  attributable = true,
): Protocol<void> {
  const blame: Blame[] = [];
  for (const peer of peers) {
    yield* pause(`${round.variant}: checking party ${peer}`);
    try {
      verify(peer);
    } catch (error) {
      if (!(error instanceof InvalidProof)) throw error;
      blame.push({ party: peer, reason: error.check });
    }
  }
  if (blame.length === 0) return;
  if (attributable) throw new ProtocolAborted(code, round.variant, blame);
  const refused = blame.map(({ party, reason }) => `party ${party} (${reason})`).join(', ');
  throw new ProtocolAborted(code, round.variant, [], `no echo, so a third party may have made these fail: ${refused}`);
}
