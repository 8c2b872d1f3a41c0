/** By when an accepted request has to be completed: the statement at the head of node/src/signing/signing_plan.ts, in numbers. */

/** How long a turn is at first. It doubles after each round of n turns, up to `LONGEST_TURN` times as long. */
const TURN_MS = 3_500;
const LONGEST_TURN = 8;
/** A request waits for a presignature for this long, whatever happens to others. */
const LONGEST_WAIT_MS = 15_000;
/** It waits for this long when nothing happens to others. If there is one then, each of t makers in turn has a second to assign it. */
const PATIENCE_MS = 4_000;
const ASSIGNMENT_MS = 1_000;
/** Its presignature is given this long. */
const PRESIGNED_MS = 2_000;

export interface BoundInputs {
  readonly n: number;
  readonly t: number;
  /** From here on the network is calm, and t honest members run. */
  readonly calmAt: number;
  /** When the client was told that the request is accepted. */
  readonly acceptedAt: number;
  /** Since when this life of the board has the request: its age begins then. */
  readonly bornAt: number;
  /** What an honest member posts has reached every honest one after this time. */
  readonly deltaMs: number;
  /** In which t honest members sign in full. */
  readonly signingMs: number;
  /** How many requests are signed in full. */
  readonly requests: number;
  /** Do all members but t honest ones do nothing at all? */
  readonly areSilent: boolean;
}

/** @returns milliseconds of the same clock as `calmAt` */
export function completedBy(inputs: BoundInputs): number {
  const { n, calmAt, acceptedAt, bornAt, deltaMs, signingMs } = inputs;
  const from = Math.max(acceptedAt, calmAt) + waitMs(inputs) + PRESIGNED_MS + deltaMs;
  const needed = turnsNeeded(inputs);
  let end = bornAt;
  for (let turn = 0, used = 0; used < needed; turn += 1) {
    const ms = TURN_MS * Math.min(LONGEST_TURN, 2 ** Math.floor(turn / n));
    if (end >= from && ms >= 2 * signingMs + 8 * deltaMs) used += 1;
    end += ms;
  }
  // The signature goes to the board, and from there to the client.
  return end + 2 * deltaMs;
}

/** How long it waits for a presignature at most. */
function waitMs({ t, requests, areSilent }: BoundInputs): number {
  return areSilent && requests === 1 ? PATIENCE_MS + t * ASSIGNMENT_MS : LONGEST_WAIT_MS;
}

function turnsNeeded({ n, t, requests, areSilent }: BoundInputs): number {
  if (areSilent && requests === 1 && 3 * t > 2 * n) return n - t + 2;
  const round = requests === 1 ? n : n + 1;
  return round * requests * binomial(n - 1, t - 1);
}

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i += 1) result = (result * (n - k + i)) / i;
  return result;
}
