import type { RequestRecord } from 'message-board/contract';
import { verifyRefusal } from 'message-board/outcome';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import type { Roster } from 'sealing/roster';
import { nodeId, nodeIndex } from '../base/utils.js';
import type { ClusterKind } from './cluster_kind.js';

/** A signer will not sign this request. */
export class UnwillingSigner extends Error {
  override readonly name = 'UnwillingSigner';

  /** @param party its index */
  constructor(readonly party: number) {
    super(`${nodeId(party)} will not sign this request`);
  }
}

export interface RefusalsDeps {
  readonly roster: Roster;
  /** Nodes in the cluster. */
  readonly n: number;
  readonly cluster: Pick<ClusterKind, 'refusals'>;
  readonly logger: Logger;
}

/** Which nodes will not sign one request. Only what they have signed counts, and it counts for good. */
export class Refusals {
  /** Their codes, by party index. */
  readonly #codes = new Map<number, string>();
  readonly #read = new Set<string>();
  readonly #watches = new Set<{ readonly signers: readonly number[]; readonly controller: AbortController }>();

  constructor(
    private readonly deps: RefusalsDeps,
    private readonly request: Pick<RequestRecord, 'id' | 'origin'>,
  ) {}

  get parties(): ReadonlySet<number> {
    return new Set(this.#codes.keys());
  }

  /** A party's code; undefined when it has not refused. */
  codeOf(party: number): string | undefined {
    return this.#codes.get(party);
  }

  /** Reads what the board has. What no node has signed for this request is ignored. Never throws. */
  async learn(statements: readonly string[]): Promise<void> {
    const { roster, n, cluster, logger } = this.deps;
    for (const statement of statements) {
      if (!cluster.refusals || this.#read.has(statement)) continue;
      this.#read.add(statement);
      try {
        const { nodeId: by, code } = await verifyRefusal(roster, this.request, statement);
        const party = nodeIndex(by, n);
        if (party === null) throw new Refused(`it is by ${by}`);
        this.#add(party, code);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const fields = { event: 'refusal_ignored', request_id: this.request.id, reason: error.message };
        logger.warn(fields, 'A refusal that nobody has signed was ignored');
      }
    }
  }

  /** Its signal aborts with an {@link UnwillingSigner} when one of these parties refuses, or has refused, until it is stopped. */
  watch(signers: readonly number[]): { readonly signal: AbortSignal; readonly stop: () => void } {
    const controller = new AbortController();
    const watch = { signers, controller };
    this.#watches.add(watch);
    for (const party of this.#codes.keys()) if (signers.includes(party)) controller.abort(new UnwillingSigner(party));
    return { signal: controller.signal, stop: () => { this.#watches.delete(watch); } };
  }

  #add(party: number, code: string): void {
    if (this.#codes.has(party)) return;
    this.#codes.set(party, code);
    for (const { signers, controller } of this.#watches) if (signers.includes(party)) controller.abort(new UnwillingSigner(party));
  }
}
