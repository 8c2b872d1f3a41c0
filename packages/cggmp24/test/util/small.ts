import { DecryptionKey } from '../../src/paillier/decryption_key.js';
import { generateRingPedersen, RingPedersen } from '../../src/paillier/ring_pedersen.js';
import { smallSafePrimes } from '../../src/testing/fixtures.js';
import { seededRng } from '../../src/testing/seeded_rng.js';

const primes = smallSafePrimes.map((hex) => BigInt(`0x${hex}`));

export function smallPrime(k: number): bigint {
  const prime = primes[k];
  if (prime === undefined) throw new Error(`no small prime ${k}`);
  return prime;
}

/** Keys and parameters of a prover (i) and a verifier (j), for proofs on `SMALL_FOR_TESTS`. */
export const key_i = new DecryptionKey(smallPrime(0), smallPrime(1));
export const key_j = new DecryptionKey(smallPrime(2), smallPrime(3));
/** The verifier's ring-Pedersen parameters, with their trapdoor, and as the prover knows them. */
export const ownAux = generateRingPedersen(smallPrime(4), smallPrime(5), seededRng('verifier'));
export const publicAux = new RingPedersen({ nHat: ownAux.nHat, s: ownAux.s, t: ownAux.t });
/** Somebody else's, with longer moduli, so that elements of the former are in range here too. */
export const otherKey = new DecryptionKey(smallPrime(21), smallPrime(28));
export const otherAux = generateRingPedersen(smallPrime(11), smallPrime(27), seededRng('someone else'));

/** What is no canonical unit modulo n = p q, and x of which another form may be tried. */
export function nonUnits(n: bigint, p: bigint, q: bigint, x: bigint): [string, bigint][] {
  return [
    ['zero', 0n],
    ['n', n],
    ['2 n', 2n * n],
    ['n^2', n * n],
    ['-1', -1n],
    ['negative', -x],
    ['a factor of n', p],
    ['a multiple of the other factor', 3n * q],
  ];
}
