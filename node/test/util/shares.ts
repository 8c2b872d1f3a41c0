import type { KeyShare } from 'cggmp24';
import { generateShares, seededRng, SMALL_FOR_TESTS } from 'cggmp24/testing';

const made = new Map<string, readonly KeyShare[]>();

/** Key shares on small primes, always the same for the same numbers. Making some takes a second: the clusters of one test file have the same. */
export function smallShares(threshold: number, parties: number): readonly KeyShare[] {
  const name = `${threshold} of ${parties}`;
  const shares = made.get(name) ?? generateShares({ parties, threshold, params: SMALL_FOR_TESTS, rng: seededRng(name) });
  made.set(name, shares);
  return shares;
}
