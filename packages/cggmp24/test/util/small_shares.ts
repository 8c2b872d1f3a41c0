import type { KeyShare } from '../../src/key_share/key_share.js';
import { SMALL_FOR_TESTS, type SecurityParams } from '../../src/params.js';
import { generateShares } from '../../src/testing/parties.js';
import { seededRng } from '../../src/testing/seeded_rng.js';

/** Small parameters with few repetitions of Π^mod and Π^prm: a quick way to key shares, and signing uses neither. */
export const FEW_REPETITIONS: SecurityParams = { ...SMALL_FOR_TESTS, m: 12 };

/** Key shares on small primes, always the same for the same numbers. */
export function smallShares(threshold: number, parties: number): KeyShare[] {
  return generateShares({ parties, threshold, params: FEW_REPETITIONS, rng: seededRng(`shares ${threshold} of ${parties}`) });
}
