import { BATCH } from '../workers/batch.js';

/** A signer set whose members are all live. */
export interface SetLevel {
  readonly signers: readonly number[];
  /** Presignatures that all its members hold, and those being made. */
  readonly count: number;
}

export interface PresignatureBatch {
  readonly signers: readonly number[];
  readonly size: number;
}

/**
 * The largest size of the next batch. Equal batches that are begun together and share the cores also end together, for ever. A batch
 * that is begun beside others is smaller, so that it ends while the others are still under way.
 * @param together batches under way that were begun just now
 * @param most batches that may be under way at a time
 */
export function batchSize(together: number, most: number): number {
  return Math.ceil((BATCH * (most - together)) / most);
}

/**
 * What to ask for next: presignatures of the set that has the fewest, until it has its share, or until all sets together have the aim.
 * What a set has beyond its share does not count. @returns null when there are enough
 * @param sets how many sets there are, live or not: when a node comes back there is still room for its sets
 * @param aim how many the cluster should hold
 * @param most the largest size of one batch
 */
export function nextBatch(live: readonly SetLevel[], sets: number, aim: number, most: number): PresignatureBatch | null {
  const [neediest] = neediestSets(live, sets, aim);
  return neediest === undefined ? null : { signers: neediest.signers, size: Math.min(most, shortage(live, sets, aim)(neediest)) };
}

/** The sets of which some are missing, and that have the fewest. */
export function neediestSets(live: readonly SetLevel[], sets: number, aim: number): SetLevel[] {
  const missing = shortage(live, sets, aim);
  const needy = live.filter((level) => missing(level) > 0);
  const fewest = Math.min(...needy.map(({ count }) => count));
  return needy.filter(({ count }) => count === fewest);
}

/** How many are missing of a set. */
function shortage(live: readonly SetLevel[], sets: number, aim: number): (level: SetLevel) => number {
  const share = Math.ceil(aim / sets);
  // What a set has beyond its share, made for another leader, is no reason for the others to have none.
  const total = live.reduce((sum, { count }) => sum + Math.min(count, share), 0);
  return ({ count }) => Math.min(share - count, aim - total);
}
