import { Random } from './random.js';
import type { NodeSettings } from './node_host.js';
import type { Weather } from './network.js';
import type { ClockOptions } from './timeline.js';
import { START_OF_TIME } from './cluster_facts.js';
import { drawVices, HONEST, type Vices } from './vices.js';

/** The smaller ones cost less. */
const SIZES = [[3, 2], [3, 2], [4, 2], [4, 3], [4, 3], [5, 3]] as const;

/** Something that happens to a process at a moment. */
export type Fault =
  | { readonly at: number; readonly kind: 'freeze' | 'cut'; readonly who: number | 'board' | 'gateway'; readonly ms: number }
  | { readonly at: number; readonly kind: 'stop' | 'start'; readonly who: number | 'board' | 'gateway' };

export interface RequestPlan {
  readonly at: number;
  readonly message: string;
  /** Fit parties whose policy refuses it. */
  readonly refusedBy: readonly number[];
  /** The client cancels it this long after it was accepted, if it has no outcome by then; null when it does not. Milliseconds. */
  readonly cancelledAfterMs: number | null;
}

/** Everything that a seed decides about a world, but for single delays and losses. */
export interface Schedule {
  readonly seed: string;
  readonly size: 'small' | 'large';
  readonly n: number;
  readonly t: number;
  /** By party. */
  readonly vices: readonly Vices[];
  /** Parties that are honest and run from the calm on. At least t. */
  readonly fit: readonly number[];
  readonly weather: Weather;
  /** From here on nothing happens to the network, nor to those that are fit. Milliseconds of the timeline. */
  readonly calmAt: number;
  /** What an honest member posts has reached every honest one after this time, once it is calm. */
  readonly deltaMs: number;
  /** The longest computation between two messages. */
  readonly stepMs: number;
  readonly settings: NodeSettings;
  /** Of the nodes by party, then of the board, then of the gateway. */
  readonly clocks: readonly ClockOptions[];
  readonly faults: readonly Fault[];
  readonly requests: readonly RequestPlan[];
  /** How long nodes may sign a request. */
  readonly lifetimeMs: number;
}

/** How much happens in a schedule. */
interface Scale {
  /** When the network becomes calm, if it is not from the start: the earliest and the latest moment. */
  readonly calmMs: readonly [number, number];
  /** Requests come until this long after the calm, the first ones when the nodes have had this long to start. Milliseconds. */
  readonly requestsMs: readonly [number, number];
  /** How many requests there are, but in bursts: one of these. */
  readonly requests: readonly number[];
  /** How probable it is that many requests come at one moment. */
  readonly bursts: number;
  /** Presignatures that the pool should hold: one of these. */
  readonly pools: readonly number[];
  /** What an honest member posts has reached every honest one after this time, once it is calm: one of these. */
  readonly deltasMs: readonly number[];
}

/** What costs most are presignatures, requests and time. Most schedules have little of each. */
const SCALES: Readonly<Record<Schedule['size'], Scale>> = {
  small: {
    calmMs: [500, 2_200],
    requestsMs: [200, 500],
    requests: [1, 1, 1, 2],
    bursts: 0,
    pools: [0, 0, 0, 0, 0, 0, 0, 2, 4],
    deltasMs: [200, 200, 200, 400, 1_000],
  },
  large: {
    calmMs: [2_000, 8_000],
    requestsMs: [500, 2_000],
    requests: [1, 2, 3, 4],
    bursts: 0.2,
    pools: [0, 4, 8, 24],
    deltasMs: [200, 400, 1_000],
  },
};
/** Smaller: bursts and large pools are rare. Larger: fewer schedules fit into a minute. */
const LARGE_PART = 0.06;

/** As the gateway has it by default. */
export const LIFETIME_MS = 3_600_000;
/** Requests that nobody has signed are called expired two minutes later: that costs as much as ten other small schedules. */
const SHORT_LIVED_PART = 0.01;

/** The settings of nodes that matter here, with their defaults, but for the size of the pool. */
export const SETTINGS: NodeSettings = {
  poolTarget: 0,
  poolMax: 0,
  workers: 2,
  fastSigningTimeoutMs: 2_000,
  poolLeaderTimeoutMs: 3_000,
  peerDeadAfterMs: 3_000,
};

/**
 * A call and its answer take two legs, and a reader may just have begun its next call when there is news: so that takes four. The board
 * holds back some news for 50 ms.
 */
export function legOf(deltaMs: number): number {
  return (deltaMs - 50) / 4;
}

/** The network is calm somewhat earlier than its statement says: clients pause for at most this long after a broken connection. */
export const CLIENT_PAUSE_MS = 1_000;

export function drawSchedule(seed: string): Schedule {
  const random = new Random(seed).stream('schedule');
  const size = random.chance(LARGE_PART) ? 'large' : 'small';
  const scale = SCALES[size];
  const [n, t] = random.pick(SIZES);
  const parties = Array.from({ length: n }, (_, party) => party);
  const fit = random.some(parties, random.chance(0.6) ? t : random.integer(t, n));
  const calmAt = random.chance(0.25) ? 0 : random.between(...scale.calmMs);
  const deltaMs = random.pick(scale.deltasMs);
  const vices = parties.map((party) => (fit.includes(party) || random.chance(0.4) ? HONEST : drawVices(random)));
  const pool = random.pick(scale.pools);
  const isShortLived = size === 'small' && random.chance(SHORT_LIVED_PART);
  return {
    seed, size, n, t, vices, fit, deltaMs, calmAt,
    weather: drawWeather(random, calmAt, deltaMs),
    stepMs: random.pick([20, 100, 300]),
    settings: { ...SETTINGS, poolTarget: pool, poolMax: 2 * pool },
    clocks: Array.from({ length: n + 2 }, () => drawClock(random)),
    faults: drawFaults(random, { parties, fit, calmAt }).sort((a, b) => a.at - b.at),
    requests: drawRequests(random, scale, { n, t, fit, calmAt }),
    lifetimeMs: isShortLived ? random.integer(1_000, 30_000) : LIFETIME_MS,
  };
}

/** A few, or many at one moment. */
function drawRequests(random: Random, scale: Scale, scene: Pick<Schedule, 'n' | 't' | 'fit' | 'calmAt'>): RequestPlan[] {
  const [earliest, after] = scale.requestsMs;
  const moment = (): number => random.between(earliest, scene.calmAt + after);
  const burstAt = random.chance(scale.bursts) ? moment() : null;
  return Array.from({ length: burstAt === null ? random.pick(scale.requests) : random.integer(6, 12) }, (_, k) => ({
    at: burstAt ?? moment(),
    message: `message ${k}`,
    refusedBy: random.chance(0.1) ? drawRefusing(random, scene) : [],
    cancelledAfterMs: random.chance(0.1) ? random.between(0, 8_000) : null,
  }));
}

/** So many that the others can just sign the request, or just not. */
function drawRefusing(random: Random, { n, t, fit }: Pick<Schedule, 'n' | 't' | 'fit'>): number[] {
  const enough = n - t + 1;
  return random.some(fit, enough <= fit.length && random.chance(0.5) ? enough : fit.length - t);
}

function drawWeather(random: Random, calmAt: number, deltaMs: number): Weather {
  return {
    calmAt,
    legMs: legOf(deltaMs),
    loss: random.pick([0, 0.05, 0.3]),
    delays: random.pick([0, 0.1, 0.5]),
    longestMs: random.pick([500, 2_000, 6_000]),
    repeats: random.pick([0, 0.1]),
  };
}

/** Rates differ by one percent at most, and wall clocks by less than half a minute. */
function drawClock(random: Random): ClockOptions {
  return { rate: random.between(0.995, 1.005), wall: START_OF_TIME + random.integer(-14_000, 14_000) };
}

interface Scene {
  readonly parties: readonly number[];
  readonly fit: readonly number[];
  readonly calmAt: number;
}

function drawFaults(random: Random, { parties, fit, calmAt }: Scene): Fault[] {
  const faults: Fault[] = [];
  const between = (to: number): number => random.between(0, Math.max(0, to));
  for (const who of parties) {
    if (fit.includes(who)) {
      // Until the network is calm, everything may happen to a fit one too.
      if (random.chance(0.3)) faults.push(...freezeOrRestart(random, who, between(calmAt - 1_000), calmAt));
    } else if (random.chance(0.7)) {
      const times = random.integer(1, 3);
      for (let k = 0; k < times; k += 1) faults.push(...freezeOrRestart(random, who, between(calmAt + 10_000), Infinity));
    }
  }
  for (const who of ['board', 'gateway'] as const) {
    if (calmAt > 1_200 && random.chance(0.3)) faults.push(...freezeOrRestart(random, who, between(calmAt - 1_000), calmAt));
  }
  return faults;
}

/** It goes on before `end`; if that is never, perhaps it does not. */
function freezeOrRestart(random: Random, who: Fault['who'], at: number, end: number): Fault[] {
  const until = Math.min(end, at + random.between(300, 7_000));
  if (until <= at) return [];
  if (random.chance(0.6)) return [{ at, kind: who !== 'board' && random.chance(0.5) ? 'cut' : 'freeze', who, ms: until - at }];
  const isForGood = end === Infinity && random.chance(0.5);
  return isForGood ? [{ at, kind: 'stop', who }] : [{ at, kind: 'stop', who }, { at: until, kind: 'start', who }];
}
