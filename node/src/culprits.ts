import type { AbortCode, Blame, PresignaturePublicData } from 'cggmp24';
import type { Logger } from 'pino';
import type { PresenceView } from './presence.js';
import type { TravellingMessage } from './seals.js';
import { nodeId } from './utils.js';

/** What was said in a session: all that was received and accepted, and all that this node has sent. */
export interface SessionRecord {
  readonly kind: 'session';
  readonly protocol: string;
  readonly namespace: 'messages' | 'presignature-messages';
  /** The board's id of the session. */
  readonly requestId: string;
  readonly executionId: string;
  /** Party indices; the protocol index is the position. */
  readonly participants: readonly number[];
  /** Party index of this node. */
  readonly self: number;
  readonly received: readonly TravellingMessage[];
  readonly sent: readonly TravellingMessage[];
}

/** A partial signature, as its maker stated it, and what it had to fit. */
export interface PartialSignatureRecord {
  readonly kind: 'partial_signature';
  readonly requestId: string;
  readonly presignatureId: string;
  /** Party indices; the position is that in `publicData`. */
  readonly participants: readonly number[];
  readonly message: string;
  readonly publicData: PresignaturePublicData;
  /** By party index. */
  readonly statements: ReadonlyMap<number, string>;
}

/** A party has deviated, and has signed what shows it. */
export interface Accusation {
  readonly code: AbortCode;
  readonly round: string;
  /** By party index in the cluster. */
  readonly blame: readonly Blame[];
  readonly record: SessionRecord | PartialSignatureRecord;
}

/** One whom this node leaves out when it chooses signers. */
export interface Culprit {
  readonly nodeId: string;
  /** What this node has seen itself; null when others say so. */
  readonly reason: string | null;
  /** Other nodes that name it. */
  readonly namedBy: readonly string[];
}

export interface CulpritsDeps {
  readonly presence: Pick<PresenceView, 'status' | 'update' | 'peers'>;
  readonly logger: Logger;
  /** Nodes in the cluster. */
  readonly n: number;
  /** So many that name a culprit are believed: one of them is honest. */
  readonly t: number;
}

/** Who has cheated, for as long as this node runs: those that it has seen itself, and those that t others name. Silence makes nobody one. */
export class Culprits {
  readonly #seen = new Map<number, string>();

  constructor(private readonly deps: CulpritsDeps) {}

  /** Takes note of what a party's own signed words show. */
  accuse({ code, round, blame, record }: Accusation): void {
    const { requestId } = record;
    for (const { party, reason } of blame) {
      this.deps.logger.error({ event: 'culprit', culprit: nodeId(party), session: requestId, code, round, reason }, `${nodeId(party)} has cheated`);
      this.add(party, code);
    }
  }

  /** @param why a code */
  add(party: number, why: string): void {
    if (this.#seen.has(party)) return;
    this.#seen.set(party, why);
    this.deps.presence.update({ culprits: [...this.#seen.keys()].sort((a, b) => a - b).map(nodeId) });
  }

  has(party: number): boolean {
    return this.#seen.has(party) || this.#namedBy(party).length >= this.deps.t;
  }

  list(): Culprit[] {
    return Array.from({ length: this.deps.n }, (_, party) => party)
      .filter((party) => this.has(party))
      .map((party) => ({ nodeId: nodeId(party), reason: this.#seen.get(party) ?? null, namedBy: this.#namedBy(party) }));
  }

  #namedBy(party: number): string[] {
    return this.deps.presence
      .peers()
      .filter(({ index, status }) => index !== party && status?.culprits.includes(nodeId(party)) === true)
      .map((peer) => peer.nodeId);
  }
}
