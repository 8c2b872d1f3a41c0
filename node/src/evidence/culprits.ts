import { accusersOf } from 'message-board/peer_view';
import type { PresenceView } from '../cluster/presence.js';
import { nodeId } from '../base/utils.js';

/** A node that this node leaves out when it chooses signers. */
export interface Culprit {
  readonly nodeId: string;
  /** A code of what this node has seen itself; null when only others have seen it cheat. */
  readonly reason: string | null;
  /** Other nodes that name it. */
  readonly namedBy: readonly string[];
}

export interface CulpritsDeps {
  readonly presence: Pick<PresenceView, 'status' | 'update' | 'peers'>;
  /** Nodes in the cluster. */
  readonly n: number;
  /** How many of them sign. */
  readonly t: number;
}

/** Who has cheated: parties that this node has seen cheat while it runs, and those that enough others name. Silence makes no culprit. */
export class Culprits {
  /** Codes by party. */
  readonly #own = new Map<number, string>();
  /**
   * Whom this many others name is believed to be a culprit. Smaller than t, or than n - t + 1: those that a cluster must get along with
   * could together have an honest node left out.
   */
  readonly #believedFrom: number;

  constructor(private readonly deps: CulpritsDeps) {
    const { n, t } = deps;
    this.#believedFrom = Math.max(t, n - t + 1);
  }

  /** This node has seen it cheat. @param code of what it has done */
  add(party: number, code: string): void {
    if (this.#own.has(party)) return;
    this.#own.set(party, code);
    this.deps.presence.update({ culprits: [...this.#own.keys()].sort((a, b) => a - b).map(nodeId) });
  }

  has(party: number): boolean {
    return this.#own.has(party) || this.#namedBy(party).length >= this.#believedFrom;
  }

  list(): Culprit[] {
    return Array.from({ length: this.deps.n }, (_, party) => party)
      .filter((party) => this.has(party))
      .map((party) => ({ nodeId: nodeId(party), reason: this.#own.get(party) ?? null, namedBy: this.#namedBy(party) }));
  }

  #namedBy(party: number): string[] {
    return accusersOf(nodeId(party), this.deps.presence.peers());
  }
}
