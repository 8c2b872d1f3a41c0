/** What sending as many requests at once as there are presignatures has shown. */
import { ratesUntilLast } from './rates.js';
import { result, type Bound, type Result } from './results.js';

/** Times in milliseconds on one clock. */
export interface Timed {
  readonly end: number;
  readonly ms: number;
  /** What it was signed with; absent when it was signed in full. */
  readonly presignature?: string | undefined;
}

export interface EmptiedPool {
  /** Of the cluster. */
  readonly label: string;
  /** Presignatures at the start, and requests. */
  readonly count: number;
  readonly inFlight: number;
  /** When the first request was sent. */
  readonly start: number;
  readonly signed: readonly Timed[];
  /** Every presignature that had been made before. */
  readonly pool: ReadonlySet<string>;
  /** Signatures that are not valid, or of another request. */
  readonly wrong: number;
}

/**
 * The rate goes on until the last presignature of the pool is used. Who comes later waits for a new presignature, or is signed in
 * full: neither says how fast there are signatures with one.
 * @param bounds of the rate
 */
export function throughput({ label, count, inFlight, start, signed, pool, wrong }: EmptiedPool, bounds: Bound[]): Result[] {
  const presigned = signed.filter(({ presignature }) => presignature !== undefined);
  const empty = Math.max(...presigned.filter(({ presignature = '' }) => pool.has(presignature)).map(({ end }) => end));
  const counted = presigned.filter(({ end }) => end <= empty);
  const rate =
    counted.length === 0
      ? []
      : [
          result(
            `presigned signatures until a pool of ${count} is empty, ${label}, ${inFlight} at a time`,
            '/s',
            'wall',
            ratesUntilLast(
              counted.map(({ end }) => end),
              start,
            ),
            { headline: 'mean', bounds },
          ),
          result(
            `… each of them, ${label}`,
            'ms',
            'wall',
            counted.map(({ ms }) => ms),
          ),
        ];
  return [
    ...rate,
    result(`… not counted: waited for a new presignature, ${label}`, '', '', [presigned.length - counted.length]),
    result(`… not counted: signed in full, ${label}`, '', '', [signed.length - presigned.length]),
    result(`… wrong or missing, ${label}`, '', '', [wrong + count - signed.length], {
      bounds: [{ figure: 'mean', side: 'at most', limit: 0 }],
    }),
  ];
}
