/** Whose turn it is to lead the full signing of a request: a function of how old the request is, so that all nodes agree. */

/**
 * Length of the first turns. Smaller: an attempt is cut off by its turn on a slow machine, and comes to its end only in a later round.
 * Larger: a leader that is silent delays a request for longer.
 */
export const TURN_MS = 3_500;

/** After each round, in which every party has had one turn, turns are twice as long, this many times. Slow machines need it. */
const DOUBLINGS = 3;

/** A time in which one party leads. Its bounds are ages of the request, in milliseconds. */
export interface Turn {
  /** From 0. */
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

/** The turn at this age of a request, in a cluster of n nodes. */
export function turnAt(ageMs: number, n: number): Turn {
  const age = Math.max(0, ageMs);
  let [round, start] = [0, 0];
  while (round < DOUBLINGS && age >= start + n * turnMs(round)) {
    start += n * turnMs(round);
    round += 1;
  }
  const length = turnMs(round);
  const past = Math.floor((age - start) / length);
  return { number: round * n + past, start: start + past * length, end: start + (past + 1) * length };
}

/** Milliseconds to the end of a turn, rounded up: a timer must not fire just before it. @param acceptedAt when the request was new */
export function msLeft(turn: Turn, acceptedAt: number, now: number): number {
  return Math.max(1, Math.ceil(acceptedAt + turn.end - now));
}

/** Milliseconds. Who begins an attempt no later than so long before the end of its turn has time for it. */
export function halfOf({ start, end }: Turn): number {
  return (end - start) / 2;
}

function turnMs(round: number): number {
  return TURN_MS * 2 ** round;
}
