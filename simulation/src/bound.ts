/** By when an accepted request has to be completed: the statement at the head of node/src/signing/signing_plan.ts, in numbers. */

/** How long a turn is at first. It doubles after each full round of turns, up to `LONGEST_TURN` times as long. */
const TURN_MS = 3_500;
const LONGEST_TURN = 8;
/** Makers of a presignature give it this long before they sign in full. */
const FAST_MS = 2_000;
/** Full signings at a time. */
const K = 4;

export interface BoundInputs {
  readonly n: number;
  readonly t: number;
  /** From here on the network is calm, and t honest members run. */
  readonly calmAt: number;
  /** When the board of this life took the request. */
  readonly acceptedAt: number;
  /** What an honest member posts has reached every honest one after this time. */
  readonly deltaMs: number;
  /** In which t honest members sign in full. */
  readonly signingMs: number;
  /** Requests that were unfinished when this one was accepted. */
  readonly unfinished: number;
  /** Do all members but t honest ones do nothing at all? */
  readonly areSilent: boolean;
}

/** @returns milliseconds of the same clock as `calmAt` */
export function completedBy(inputs: BoundInputs): number {
  const { n, t, calmAt, acceptedAt, deltaMs, signingMs, unfinished, areSilent } = inputs;
  const needed = (areSilent ? n - t + 2 : n * binomial(n - 1, t - 1)) * Math.ceil((unfinished + 1) / K);
  const from = Math.max(acceptedAt, calmAt) + FAST_MS + deltaMs;
  let end = acceptedAt;
  for (let turn = 0, used = 0; used < needed; turn += 1) {
    const ms = TURN_MS * Math.min(LONGEST_TURN, 2 ** Math.floor(turn / n));
    if (end >= from && ms >= signingMs + 2 * deltaMs) used += 1;
    end += ms;
  }
  return end + 2 * deltaMs;
}

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i += 1) result = (result * (n - k + i)) / i;
  return result;
}
