import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parseKeyShare, SECURITY_128, type KeyShare } from 'cggmp24';
import { generateShares, seededRng, SMALL_FOR_TESTS } from 'cggmp24/testing';
import { z } from 'zod';
import { ROOT } from './program.js';

const made = new Map<string, readonly KeyShare[]>();

/**
 * Key shares on small primes, always the same for the same arguments. Making them takes a second, so the clusters of one test file
 * share them.
 */
export function smallShares(threshold: number, parties: number): readonly KeyShare[] {
  const name = `${threshold} of ${parties}`;
  const shares = made.get(name) ?? generateShares({ parties, threshold, params: SMALL_FOR_TESTS, rng: seededRng(name) });
  made.set(name, shares);
  return shares;
}

/** Key shares of 2 of 3 at full size, which the Rust crate has made. */
export function recordedShares(): readonly KeyShare[] {
  const file = new URL('packages/cggmp24/test/vectors/key_shares_2of3.json.gz', ROOT);
  const texts = z.array(z.json()).parse(JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')));
  return texts.map((share) => parseKeyShare(JSON.stringify(share), SECURITY_128));
}
