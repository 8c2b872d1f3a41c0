import { START_OF_TIME } from './cluster_facts.js';
import { legOf, LIFETIME_MS, SETTINGS, type Schedule } from './schedule.js';
import { HONEST } from './vices.js';
import type { Script } from './world.js';

const N = 4;
const T = 3;
const DELTA_MS = 200;
/** Longer than a node is silent before it counts as down. */
const AWAY_MS = 4_500;
/** All four are back by then. */
const CALM_MS = 25_000;

/** Four honest nodes, no presignatures, one request, and a network that loses nothing. */
export const LIVELOCK: Schedule = {
  seed: 'livelock',
  size: 'large',
  n: N,
  t: T,
  vices: Array.from({ length: N }, () => HONEST),
  fit: Array.from({ length: N }, (_, party) => party),
  calmAt: CALM_MS,
  weather: { calmAt: 0, legMs: legOf(DELTA_MS), loss: 0, delays: 0, longestMs: 0, repeats: 0 },
  deltaMs: DELTA_MS,
  stepMs: 1_000,
  settings: SETTINGS,
  clocks: Array.from({ length: N + 2 }, () => ({ rate: 1, wall: START_OF_TIME })),
  faults: [],
  requests: [{ at: 4_000, message: 'a message', refusedBy: [], cancelledAfterMs: null }],
  lifetimeMs: LIFETIME_MS,
};

/**
 * Of the first signers a, b and c, the last is cut off in the middle: a and b suspect it. While a is away, b, c and d sign, and b is cut
 * off in the middle: c and d suspect b. Then all four are back, and whoever avoids suspects finds no signers with whom it is of one mind.
 */
export function privateSuspicions(): Script {
  let first: readonly number[] = [];
  let step = 0;
  const begun = new Set<number>();
  return (world, process, { event, signers, attempt }) => {
    const party = Number(/^node-(\d+)/.exec(process)?.[1]) - 1;
    const [a, b] = first;
    const cutOff = (...parties: readonly (number | undefined)[]): void => {
      for (const who of parties) if (who !== undefined) world.happen({ at: 0, kind: 'cut', who, ms: AWAY_MS });
      step += 1;
    };
    if (step === 0 && event === 'full_signing_started') {
      first = String(signers).split('-').map((number) => Number(number) - 1);
      if (party === first[2]) cutOff(party);
    } else if (step === 1 && event === 'full_signing_failed' && party === a) cutOff(a);
    else if (step === 2 && event === 'full_signing_started' && attempt !== 0 && party !== a) {
      begun.add(party);
      if (begun.size === T) cutOff(b, a);
    }
  };
}
