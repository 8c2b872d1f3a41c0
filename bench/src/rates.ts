/** How many a second. */

/** Presignatures that were there when, on the clock of `performance.now()`. */
export interface PoolLevel {
  readonly at: number;
  readonly count: number;
}

/** Between the first level and the last; null when too few were made to tell. */
export function rateOf(levels: readonly PoolLevel[]): number | null {
  const [first, last] = [levels[0], levels.at(-1)];
  if (first === undefined || last === undefined || last.count - first.count < 3) return null;
  return (1000 * (last.count - first.count)) / (last.at - first.at);
}

/** As {@link ratesIn}, of the time from `start` to the last end. @param ends at least one */
export function ratesUntilLast(ends: readonly number[], start: number): number[] {
  return ratesIn(ends, start, Math.max(...ends) - start);
}

/** Ends in each of the equal windows that a time of `ms` from `start` is cut into, each about a second; as a rate per second. */
export function ratesIn(ends: readonly number[], start: number, ms: number): number[] {
  const windows = Math.max(1, Math.floor(ms / 1000));
  const counts = Array.from({ length: windows }, () => 0);
  for (const end of ends) {
    const window = Math.min(windows - 1, Math.floor(((end - start) / ms) * windows));
    counts[window] = (counts[window] ?? 0) + 1;
  }
  return counts.map((count) => (count * 1000 * windows) / ms);
}
