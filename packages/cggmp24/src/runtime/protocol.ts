/**
 * A protocol is a generator: one straight-line function for each, which yields effects and never touches a network.
 * A `Session` drives it synchronously, so a run is deterministic and every order of delivery can be tested.
 */
import type { z } from 'zod';
import type { NthPowerClaim, OnClaim } from '../paillier/nth_powers.js';
import { ProtocolAborted, ProtocolBug, refusalOf, type AbortCode, type Blame } from './errors.js';

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
  | { readonly kind: 'pause'; readonly progress: string }
  | { readonly kind: 'settle'; readonly claims: readonly NthPowerClaim[] };

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

/** Has claims settled, together with those of other sessions if the driver likes. @returns those that do not hold */
function* settle(claims: readonly NthPowerClaim[]): Protocol<ReadonlySet<NthPowerClaim>> {
  if (claims.length === 0) return new Set();
  const failed = yield { kind: 'settle', claims };
  // The session answers a settle effect with what `failedClaims` says.
  return failed as ReadonlySet<NthPowerClaim>;
}

/**
 * Something to verify of each peer. `verify` throws `InvalidProof`, so that no verdict can be dropped, or hands over claims,
 * which are settled before anything else is done.
 */
export interface PeerCheck {
  readonly code: AbortCode;
  readonly round: AnyRound;
  readonly verify: (peer: number, onClaim: OnClaim) => void;
}

/** A check that a peer fails, and the equation at which. */
interface Failure {
  readonly check: PeerCheck;
  readonly reason: string;
}

/** What the checks of one peer have come to, as far as they were made: the claims, all of them older than the failure. */
interface Findings {
  readonly party: number;
  readonly claims: readonly { readonly check: PeerCheck; readonly claim: NthPowerClaim }[];
  readonly failure: Failure | null;
}

function* checkPeer(party: number, checks: readonly PeerCheck[]): Protocol<Findings> {
  const claims: { check: PeerCheck; claim: NthPowerClaim }[] = [];
  for (const check of checks) {
    yield* pause(`${check.round.variant}: checking party ${party}`);
    const reason = refusalOf(() => { check.verify(party, (claim) => claims.push({ check, claim })); });
    if (reason !== null) return { party, claims, failure: { check, reason } };
  }
  return { party, claims, failure: null };
}

/**
 * Verifies every peer, then aborts naming all the guilty, each with the first check that it fails; the code and the round
 * are those of the first check that anybody fails. An error that is no `InvalidProof` is ours and passes through.
 *
 * @param attributable false when the statements depend on broadcasts that no echo round has compared: whoever sent
 *   different ones to different parties makes honest proofs fail, so nobody is blamed
 */
export function* verifyPeers(peers: readonly number[], checks: readonly PeerCheck[], attributable = true): Protocol<void> {
  const findings: Findings[] = [];
  for (const party of peers) findings.push(yield* checkPeer(party, checks));
  const failed = yield* settle(findings.flatMap(({ claims }) => claims.map(({ claim }) => claim)));
  const failures = findings.flatMap(({ party, claims, failure }) => {
    const wrong = claims.find(({ claim }) => failed.has(claim));
    const earliest = wrong === undefined ? failure : { check: wrong.check, reason: wrong.claim.label };
    return earliest === null ? [] : [{ party, ...earliest }];
  });
  const first = checks.find((check) => failures.some((failure) => failure.check === check));
  if (first === undefined) return;
  throw abortOver(first.code, first.round.variant, failures.map(({ party, reason }) => ({ party, reason })), attributable);
}

/** The abort over messages that were refused; its blame is empty unless the refusals are `attributable`. */
export function abortOver(code: AbortCode, round: string, blame: readonly Blame[], attributable: boolean): ProtocolAborted {
  if (attributable) return new ProtocolAborted(code, round, blame);
  const refused = blame.map(({ party, reason }) => `party ${party} (${reason})`).join(', ');
  return new ProtocolAborted(code, round, [], `no echo, so a third party may have made these fail: ${refused}`);
}
