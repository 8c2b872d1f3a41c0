import { BATCH } from '../workers/batch.js';

/** A signer set whose members are all live. */
export interface SetLevel {
  readonly signers: readonly number[];
  /** Presignatures that all its members hold, and those being made. */
  readonly count: number;
  /** How many more the fullest of its members could hold. */
  readonly room: number;
}

export interface Batch {
  readonly signers: readonly number[];
  readonly size: number;
}

/**
 * The most that the next batch has. Those that are begun at one time, share the cores and are as large end at one time too, again and again;
 * one that has fewer ends while the others are on their way.
 * @param together batches under way that were begun just now @param most that are under way at a time
 */
export function batchSize(together: number, most: number): number {
  return Math.ceil((BATCH * (most - together)) / most);
}

/**
 * What to ask for next: presignatures of the set that has the fewest, until it has its share or all together have the aim, counting shares; null when there is enough.
 * @param sets how many sets there are, live or not: when a node comes back there is still room for its sets
 * @param aim how many the cluster should hold
 * @param most of one batch
 */
export function nextBatch(live: readonly SetLevel[], sets: number, aim: number, most: number): Batch | null {
  const share = Math.ceil(aim / sets);
  // What a set has beyond its share, made for another leader, is no reason for others to have none.
  const total = live.reduce((sum, { count }) => sum + Math.min(count, share), 0);
  const missing = ({ count, room }: SetLevel): number => Math.min(most, share - count, room, aim - total);
  const needy = live.filter((level) => missing(level) > 0);
  if (needy.length === 0) return null;
  const neediest = needy.reduce((least, level) => (level.count < least.count ? level : least));
  return { signers: neediest.signers, size: missing(neediest) };
}
