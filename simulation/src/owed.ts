/** What a cluster owes the client of each request: how it may end, and by when. */
import { completedBy } from './bound.js';
import { COMPLETED, type Ends } from './referee.js';
import { CLIENT_PAUSE_MS, LIFETIME_MS, type Schedule } from './schedule.js';
import { HONEST } from './vices.js';

/** The gateway looks every second whether the board has all requests. A call of it may have to break before. */
const POSTED_AGAIN_MS = 10_000;
/** A node that refuses looks every 25 s whether the board has its refusal. */
const REFUSED_MS = 30_000;
/** The gateway calls a request expired two minutes after it has, and looks for such requests every second. A call of it may hang before. */
const EXPIRED_MS = 120_000 + 15_000;

export interface Owed {
  readonly ends: Ends;
  /** Milliseconds of the timeline. */
  readonly by: number;
}

/** @param acceptedAt when the client was told that it is accepted */
export function owedTo(message: string, schedule: Schedule, acceptedAt: number): Owed {
  const { n, t, requests, lifetimeMs, faults } = schedule;
  const calmAt = schedule.calmAt + CLIENT_PAUSE_MS;
  const restarts = faults.filter(({ kind, who }) => kind === 'start' && who === 'board').map(({ at }) => at);
  // The gateway posts again what a board that was restarted has lost.
  const bornAt = Math.max(acceptedAt, ...restarts.map((at) => at + POSTED_AGAIN_MS + schedule.deltaMs));
  const refusing = requests.find((request) => request.message === message)?.refusedBy ?? [];
  const isRefused = refusing.length > n - t;
  if (lifetimeMs < LIFETIME_MS) {
    const by = Math.max(acceptedAt, calmAt) + lifetimeMs + EXPIRED_MS;
    return { ends: { completed: !isRefused, failures: ['expired', 'policy_refused'] }, by };
  }
  if (isRefused) return { ends: { completed: false, failures: ['policy_refused'] }, by: Math.max(bornAt, calmAt) + REFUSED_MS };
  return { ends: COMPLETED, by: boundOf(schedule, { calmAt, acceptedAt, bornAt }) };
}

interface Times {
  readonly calmAt: number;
  readonly acceptedAt: number;
  readonly bornAt: number;
}

function boundOf({ n, t, deltaMs, stepMs, vices, requests }: Schedule, times: Times): number {
  return completedBy({
    ...times, n, t, deltaMs,
    signingMs: 3 * stepMs + 2 * deltaMs,
    requests: requests.length,
    areSilent: vices.every((vice) => vice === HONEST) && requests.every(({ refusedBy }) => refusedBy.length === 0),
  });
}
