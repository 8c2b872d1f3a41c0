/**
 * How far the wall clocks of members are apart. Each states its clock in its heartbeats; the reader compares that with its own clock, at
 * the time when the heartbeat came to the board, as the board's `age_ms` says.
 *
 * A heartbeat takes time from its clock to the board. So each comparison shows a clock behind the true one by that delay, and the largest
 * of the last few is the best. Only differences of delays remain when members are compared with each other: the result is as exact as
 * their shortest delays are alike, some milliseconds on one network, and at worst as long as a heartbeat may take, 10 s. A board that
 * delays heartbeats can make a member seem behind the others, never ahead of what it states.
 */

/** Fewer: a few slow heartbeats in a row look like a clock that is behind. More: a clock that was set back is noticed later, in seconds. */
const SAMPLES = 10;

/** The last comparisons of one member's clock with the reader's monotonic clock, milliseconds. */
export type ClockSamples = readonly number[];

export function withSample(samples: ClockSamples, sample: number): ClockSamples {
  return [...samples, sample].slice(-SAMPLES);
}

/** Each clock against the median of the others, milliseconds: positive when it is ahead. Empty when there are fewer than two. */
export function skewsOf<Member>(clocks: ReadonlyMap<Member, number>): Map<Member, number> {
  if (clocks.size < 2) return new Map();
  return new Map([...clocks].map(([member, clock]) => {
    const others = [...clocks].flatMap(([other, value]) => (other === member ? [] : [value]));
    return [member, Math.round(clock - median(others))];
  }));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}
