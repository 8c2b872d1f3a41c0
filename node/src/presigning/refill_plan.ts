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

/** How many the cluster should hold. */
export interface PoolAim {
  /** Of all sets together. */
  readonly all: number;
  /** Of one set at most, see {@link largestShare}. */
  readonly ofSet: number;
}

/**
 * A set has room for this many in the pool of each member, however many there are of other sets. So sets whose members are all there can
 * have what the others lack: when these come back, there is room for theirs.
 * @param max the most that the cluster holds
 * @param sets how many sets there are, live or not
 */
export function largestShare(max: number, sets: number): number {
  return Math.ceil(max / sets);
}

/**
 * What to ask for next: presignatures of the set that has the fewest, until it has its share, or until all sets together have the aim.
 * What a set has beyond its share does not count. @returns null when there are enough
 * @param live the sets among which the aim is shared
 * @param most the largest size of one batch
 */
export function nextBatch(live: readonly SetLevel[], aim: PoolAim, most: number): PresignatureBatch | null {
  const [neediest] = neediestSets(live, aim);
  return neediest === undefined ? null : { signers: neediest.signers, size: Math.min(most, shortage(live, aim)(neediest)) };
}

/** The sets of which some are missing, and that have the fewest. */
export function neediestSets(live: readonly SetLevel[], aim: PoolAim): SetLevel[] {
  const missing = shortage(live, aim);
  const needy = live.filter((level) => missing(level) > 0);
  const fewest = Math.min(...needy.map(({ count }) => count));
  return needy.filter(({ count }) => count === fewest);
}

/** How many are missing of a set. */
function shortage(live: readonly SetLevel[], { all, ofSet }: PoolAim): (level: SetLevel) => number {
  const share = Math.min(ofSet, Math.ceil(all / live.length));
  // What a set has beyond its share, made for another leader, is no reason for the others to have none.
  const total = live.reduce((sum, { count }) => sum + Math.min(count, share), 0);
  return ({ count }) => Math.min(share - count, all - total);
}
