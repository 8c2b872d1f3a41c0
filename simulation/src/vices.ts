import type { Cheat } from './arithmetic.js';
import type { Random } from './random.js';

/** What a corrupt member does. An honest one does none of it. */
export interface Vices {
  /** It is there, and keeps back its messages and its partial signatures. */
  readonly silent: boolean;
  /** It keeps back only its last message of each session, with which the others would have a result. */
  readonly quits: boolean;
  /** It sends each message this much too late, milliseconds. */
  readonly slowMs: number;
  /** Its heartbeats come this much later than they should: late, or almost dead. Milliseconds. */
  readonly heartbeatMs: number;
  readonly cheat: Cheat;
  /** It refuses this part of all requests. */
  readonly refuses: number;
  /** It announces attempts that it does not run, with ever higher numbers. */
  readonly announces: boolean;
  /** It assigns and offers presignatures that do not exist, or that others have. */
  readonly names: boolean;
  /** It assigns presignatures that are its own, or that it only says are, to requests for which the gateway has proposed none. */
  readonly assigns: boolean;
  /** It accuses others of cheating. */
  readonly accuses: boolean;
  /** It says that requests have failed. */
  readonly fails: boolean;
  /** It posts requests again, also in other words. */
  readonly reposts: boolean;
  /** It asks for presignatures that nobody needs. */
  readonly floods: boolean;
}

export const HONEST: Vices = {
  silent: false,
  quits: false,
  slowMs: 0,
  heartbeatMs: 0,
  cheat: 'none',
  refuses: 0,
  announces: false,
  names: false,
  assigns: false,
  accuses: false,
  fails: false,
  reposts: false,
  floods: false,
};

const SOME: readonly ((random: Random) => Partial<Vices>)[] = [
  () => ({ silent: true }),
  () => ({ quits: true }),
  (random) => ({ slowMs: random.between(200, 5_000) }),
  (random) => ({ heartbeatMs: random.between(800, 2_600) }),
  () => ({ cheat: 'wrong_message' }),
  () => ({ cheat: 'wrong_half' }),
  (random) => ({ refuses: random.pick([0.5, 1]) }),
  () => ({ announces: true }),
  () => ({ names: true }),
  () => ({ assigns: true }),
  () => ({ accuses: true }),
  () => ({ fails: true }),
  () => ({ reposts: true }),
  () => ({ floods: true }),
];

/** One to three of them. */
export function drawVices(random: Random): Vices {
  const chosen = random.some(SOME, random.integer(1, 3)).map((vice) => vice(random));
  return Object.assign({}, HONEST, ...chosen) as Vices;
}

/** For the trace. */
export function describeVices(vices: Vices): string {
  const textOf = (value: unknown): string => (typeof value === 'number' ? value.toFixed(1) : String(value));
  return namesOf(vices).map((name) => (vices[name] === true ? name : `${name} ${textOf(vices[name])}`)).join(', ');
}

/** Those that this member has. */
export function namesOf(vices: Vices): (keyof Vices)[] {
  const names = Object.keys(HONEST) as (keyof Vices)[];
  return names.filter((name) => vices[name] !== HONEST[name]);
}
