import { text } from '../hash/encoding.js';
import { HashRng } from '../hash/hash_rng.js';
import type { Rng } from '../math/random.js';

/**
 * The same bytes for the same seed on every machine; different seeds give unrelated streams. For tests, which print
 * the seed when they fail: nothing drawn from it is secret.
 */
export function seededRng(seed: string): Rng {
  const source = new HashRng(text(seed));
  return (length) => source.bytes(length);
}
