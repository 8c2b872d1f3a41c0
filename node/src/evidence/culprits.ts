import type { AbortCode, Blame } from 'cggmp24';
import type { Logger } from 'pino';
import type { EvidenceFolder } from './evidence_folder.js';
import type { PresenceView } from '../cluster/presence.js';
import type { SessionRecord } from '../mail/session_record.js';
import { nodeId } from '../base/utils.js';

/** Partial signatures, as their makers stated them, and what they had to fit. */
export interface PartialSignatureRecord {
  readonly kind: 'partial_signature';
  readonly requestId: string;
  readonly message: string;
  /** How the presignature was made; null when nobody has signed that. */
  readonly making: SessionRecord | null;
  readonly statements: readonly string[];
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
  readonly evidence: Pick<EvidenceFolder, 'save'>;
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
  accuse(accusation: Accusation): void {
    const { code, round, blame, record } = accusation;
    const { requestId } = record;
    void this.deps.evidence.save(accusation);
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
