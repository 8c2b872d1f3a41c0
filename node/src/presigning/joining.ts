import { nodeId, signersLabel } from '../base/utils.js';
import { signerSets } from '../cluster/signer_sets.js';
import { BATCH } from '../workers/batch.js';
import { MAX_BATCHES } from './pool_leader.js';
import type { PresignaturePool } from './presignature_pool.js';
import { largestShare } from './refill_plan.js';

/**
 * Upper bound on presignatures that this node makes at a time for one node that asks. That is a batch more than a leader asks for, because
 * it may hear earlier than this node that one is over. Smaller: batches fail. Larger: a cheat can keep this node busier.
 */
const MAX_OF_ASKER = (MAX_BATCHES + 1) * BATCH;

/** A presignature that this node takes part in making. */
export interface Joined {
  /** The party that asked for it. */
  readonly asker: number;
  readonly signers: readonly number[];
}

/** One that is under way. */
export interface Making extends Joined {
  /** The parties whose messages it waits for. None while this node computes. */
  readonly owing: readonly number[];
}

export interface JoiningDeps {
  /** Nodes in the cluster. */
  readonly n: number;
  /** How many of them sign. */
  readonly t: number;
  readonly pool: Pick<PresignaturePool, 'counts' | 'isFull' | 'maxFree'>;
  /** Those under way. */
  readonly making: () => Iterable<Making>;
}

/**
 * Which presignatures this node helps to make. Any node may ask for one, of any signer set. So each has its own bound, or one that asks and
 * then says nothing would leave no room for the others. And each set has its share of the pool, or one could fill it with its own sets, and
 * then sign with none of them.
 */
export class Joining {
  readonly #sets: ReadonlySet<string>;

  constructor(private readonly deps: JoiningDeps) {
    this.#sets = new Set(signerSets('', deps.n, deps.t).map(signersLabel));
  }

  /** Why this node does not take part; null when it does. */
  objection({ asker, signers }: Joined): string | null {
    const { pool, making } = this.deps;
    const label = signersLabel(signers);
    if (!this.#sets.has(label)) return 'it is not well formed';
    const joined = [...making()];
    if (joined.filter((other) => other.asker === asker).length >= MAX_OF_ASKER) return `${nodeId(asker)} asks for too many`;
    const held = (pool.counts()[label] ?? 0) + joined.filter((other) => signersLabel(other.signers) === label).length;
    // There is always room for a set that lacks its share. The batch is for two leaders that do not know of each other yet.
    const share = largestShare(pool.maxFree, this.#sets.size);
    return held < share || (held < share + BATCH && !pool.isFull) ? null : 'there are enough';
  }

  /** Does this node make one for a party that does more than ask: do not all others wait for that party? */
  worksFor(asker: number): boolean {
    return [...this.deps.making()].some((one) => one.asker === asker && (one.owing.length !== 1 || one.owing[0] !== asker));
  }
}
