/** What schedules have in them, to be counted: a fault that is never drawn is never tested. */
import { LIFETIME_MS, type Schedule } from './schedule.js';
import { namesOf } from './vices.js';

/** By group: what there is in one schedule. */
export type Traits = Readonly<Record<string, readonly string[]>>;

export function traitsOf({ size, n, t, vices, fit, calmAt, weather, settings, faults, requests, lifetimeMs }: Schedule): Traits {
  const isBurst = requests.length > 1 && requests.every(({ at }) => at === requests[0]?.at);
  const [cancelled, refused] = [
    requests.some(({ cancelledAfterMs }) => cancelledAfterMs !== null),
    requests.map(({ refusedBy }) => refusedBy.length),
  ];
  return {
    schedules: [size],
    clusters: [`${t} of ${n}`],
    fit: [fit.length === t ? 'just enough' : fit.length === n ? 'all' : 'more'],
    pools: [String(settings.poolTarget)],
    network: [
      ...(calmAt === 0 ? ['calm from the start'] : []),
      ...(calmAt > 0 && weather.loss > 0 ? ['losses'] : []),
      ...(calmAt > 0 && weather.delays > 0 ? ['delays'] : []),
      ...(calmAt > 0 && weather.repeats > 0 ? ['repeats'] : []),
    ],
    faults: [...new Set(faults.map(({ kind, who }) => `${kind} ${typeof who === 'number' ? 'node' : who}`))],
    vices: [...new Set(vices.flatMap(namesOf))],
    requests: [
      isBurst ? 'burst' : 'few',
      ...(cancelled ? ['cancelled'] : []),
      ...(refused.some((count) => count > n - t) ? ['refused by enough'] : []),
      ...(refused.some((count) => count > 0 && count <= n - t) ? ['refused by some'] : []),
      ...(lifetimeMs < LIFETIME_MS ? ['short-lived'] : []),
    ],
  };
}
