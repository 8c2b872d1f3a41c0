/**
 * A protocol is a generator: one straight-line function for each, which yields effects and never touches a network.
 * A `Session` drives it synchronously, so a run is deterministic and every order of delivery can be tested.
 */
import type { z } from 'zod';
import { failedCheckOf, ProtocolBug } from '../base/errors.js';
import { abortOver } from './abort.js';
import type { Batch, Claim, Settle } from './batch.js';

/** One kind of message: a variant of the crate's message enum. */
export interface Round<Body> {
  /** Name of the variant on the wire. */
  readonly variant: string;
  /** Position in the protocol, from 1. Informational: receivers go by the variant. */
  readonly number: number;
  readonly delivery: 'broadcast' | 'p2p';
  /** The parties that send it, in order; all parties where this is not said. */
  readonly senders?: readonly number[];
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
  | { readonly kind: 'settle'; readonly batch: Batch };

export type Protocol<Output> = Generator<Effect, Output, unknown>;

/** One value of each peer. */
export class PerPeer<T> {
  constructor(private readonly values: ReadonlyMap<number, T>) {}

  of(party: number): T {
    const value = this.values.get(party);
    if (value === undefined) throw new ProtocolBug(`no message of party ${party}`);
    return value;
  }

  /** All parties' values in index order, with this party's own value in its place. */
  withOwn(index: number, own: T): T[] {
    const parties = [...this.values.keys(), index].sort((a, b) => a - b);
    return parties.map((j) => (j === index ? own : this.of(j)));
  }
}

/** All indices below `parties` except this party's own. */
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

/** Asks the driver to settle claims; it may add those of other sessions. @returns the claims that do not hold */
function* settle<C extends Claim>(claims: readonly C[], failed: Settle<C> | undefined): Protocol<ReadonlySet<C>> {
  if (claims.length === 0) return new Set();
  if (failed === undefined) throw new ProtocolBug('a check handed over a claim that nobody settles');
  const batch: Batch<C> = { claims, failed };
  // The session answers a settle effect with what `failed` says.
  return (yield { kind: 'settle', batch }) as ReadonlySet<C>;
}

/**
 * A check that is made for each peer. `verify` throws `InvalidProof`, so that no verdict can be dropped. Or it hands over claims,
 * which are settled before anything else happens.
 */
export interface PeerCheck<Code extends string, C extends Claim = never> {
  readonly code: Code;
  readonly round: AnyRound;
  readonly verify: (peer: number, onClaim: (claim: C) => void) => void;
}

export interface VerifyOptions<C extends Claim> {
  /**
   * False when the statements depend on broadcasts that no echo round has compared. A party that sent different broadcasts to
   * different parties can then make honest proofs fail, so nobody is blamed. True by default.
   */
  readonly attributable?: boolean;
  /** Needed when a check hands over claims. */
  readonly failed?: Settle<C>;
}

/** A check that a peer fails, and the equation that does not hold. */
interface Failure<Check> {
  readonly check: Check;
  readonly reason: string;
}

/** The results of one peer's checks up to the first failure. All claims come from checks before it. */
interface Findings<Check, C extends Claim> {
  readonly party: number;
  readonly claims: readonly { readonly check: Check; readonly claim: C }[];
  readonly failure: Failure<Check> | null;
}

function* checkPeer<C extends Claim, Check extends PeerCheck<string, C>>(
  party: number,
  checks: readonly Check[],
): Protocol<Findings<Check, C>> {
  const claims: { check: Check; claim: C }[] = [];
  for (const check of checks) {
    yield* pause(`${check.round.variant}: checking party ${party}`);
    const reason = failedCheckOf(() => { check.verify(party, (claim) => claims.push({ check, claim })); });
    if (reason !== null) return { party, claims, failure: { check, reason } };
  }
  return { party, claims, failure: null };
}

/**
 * Verifies every peer. Then it aborts and names all guilty peers, each with the first check that it fails. Code and round are
 * those of the first check that any peer fails. An error other than `InvalidProof` is a bug of this library and passes through.
 */
export function* verifyPeers<Code extends string = never, C extends Claim = never>(
  peers: readonly number[],
  checks: readonly PeerCheck<NoInfer<Code>, NoInfer<C>>[],
  { attributable = true, failed }: VerifyOptions<NoInfer<C>> = {},
): Protocol<void> {
  const findings: Findings<PeerCheck<Code, C>, C>[] = [];
  for (const party of peers) findings.push(yield* checkPeer<C, PeerCheck<Code, C>>(party, checks));
  const wrong = yield* settle(findings.flatMap(({ claims }) => claims.map(({ claim }) => claim)), failed);
  const failures = findings.flatMap(({ party, claims, failure }) => {
    const first = claims.find(({ claim }) => wrong.has(claim));
    const earliest = first === undefined ? failure : { check: first.check, reason: first.claim.label };
    return earliest === null ? [] : [{ party, ...earliest }];
  });
  const first = checks.find((check) => failures.some((failure) => failure.check === check));
  if (first === undefined) return;
  throw abortOver<Code>(first.code, first.round.variant, failures.map(({ party, reason }) => ({ party, reason })), attributable);
}
