import { BATCH } from '../workers/batch.js';

/** A signer set whose members are all live. */
export interface SetLevel {
  readonly signers: readonly number[];
  /** Presignatures that all its members hold, and those being made. */
  readonly count: number;
  /** How many more its fullest member could hold. */
  readonly room: number;
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
  const share = Math.ceil(aim / sets);
  // What a set has beyond its share, made for another leader, is no reason for the others to have none.
  const total = live.reduce((sum, { count }) => sum + Math.min(count, share), 0);
  const missing = ({ count, room }: SetLevel): number => Math.min(most, share - count, room, aim - total);
  const needy = live.filter((level) => missing(level) > 0);
  if (needy.length === 0) return null;
  const neediest = needy.reduce((least, level) => (level.count < least.count ? level : least));
  return { signers: neediest.signers, size: missing(neediest) };
}
