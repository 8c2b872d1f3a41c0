import type { Asked } from './load.js';

/** What a part of a soak has shown. */
export interface Figures {
  readonly asked: number;
  readonly completed: number;
  readonly median_ms: number;
  readonly slowest_ms: number;
  /** What must not be; none in a part that has passed. */
  readonly faults: readonly string[];
}

/** @param atMost faults that are shown of one kind */
function complaintsAbout(asked: readonly Asked[], limitMs: number, startedAt: number, atMost = 5): string[] {
  const secondsOf = ({ at }: Asked): string => `at ${((at - startedAt) / 1000).toFixed(1)} s`;
  const nameOf = (request: Asked): string => `${request.id ?? request.message}, asked ${secondsOf(request)}`;
  const wrong = asked.filter(({ outcome }) => outcome !== 'completed');
  const slow = asked.filter(({ outcome, ms }) => outcome === 'completed' && ms > limitMs);
  const shown = [
    ...wrong.slice(0, atMost).map((request) => `${nameOf(request)}: ${request.outcome}, ${request.why ?? 'no reason is known'}`),
    ...slow.slice(0, atMost).map((request) => `${nameOf(request)}: took ${(request.ms / 1000).toFixed(1)} s`),
  ];
  const more = wrong.length + slow.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}

export interface Judged {
  readonly asked: readonly Asked[];
  /** A completed request must not take longer. */
  readonly limitMs: number;
  /** By the monotonic clock. */
  readonly startedAt: number;
  readonly otherFaults: readonly string[];
}

export function figuresOf({ asked, limitMs, startedAt, otherFaults }: Judged): Figures {
  const times = asked.filter(({ outcome }) => outcome === 'completed').map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    asked: asked.length,
    completed: times.length,
    median_ms: Math.round(times[Math.floor(times.length / 2)] ?? 0),
    slowest_ms: Math.round(times.at(-1) ?? 0),
    faults: [...complaintsAbout(asked, limitMs, startedAt), ...otherFaults],
  };
}
