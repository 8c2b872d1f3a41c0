/** The primes from 5 up to and including `limit`, ascending. */
export function primesFrom5(limit: number): Uint32Array {
  const composite = new Uint8Array(limit + 1);
  const primes: number[] = [];
  for (let r = 3; r <= limit; r += 2) {
    if (composite[r] === 1) continue;
    if (r > 3) primes.push(r);
    for (let multiple = r * r; multiple <= limit; multiple += 2 * r) composite[multiple] = 1;
  }
  return Uint32Array.from(primes);
}

/** 6^-1 modulo a prime r > 3. */
function inverseOf6(r: number): number {
  return r % 6 === 5 ? (r + 1) / 6 : (5 * r + 1) / 6;
}

/** `start` modulo each of the primes. Two primes at a time: divisions of a long bigint take most of a sieve's time. */
function remainders(start: bigint, primes: Uint32Array): Uint32Array {
  const found = new Uint32Array(primes.length);
  for (let i = 0; i < primes.length; i += 2) {
    const r = primes[i] ?? 1;
    const next = primes[i + 1] ?? 1;
    const both = Number(start % BigInt(r * next));
    found[i] = both % r;
    found[i + 1] = both % next;
  }
  return found;
}

function strike(struck: Uint8Array, first: number, step: number): void {
  for (let k = first; k < struck.length; k += step) struck[k] = 1;
}

/**
 * Marks with 1 each k below `count` for which one of `primes` divides q = start + 6k or 2q + 1.
 *
 * @param start greater than every element of `primes`: a prime among the candidates would be struck as a multiple of itself
 * @param primes each from 5 to 2^26 (products stay exact in a double)
 */
export function sieveSafePrimes(start: bigint, count: number, primes: Uint32Array): Uint8Array {
  const struck = new Uint8Array(count);
  const modulo = remainders(start, primes);
  primes.forEach((r, i) => {
    const remainder = modulo[i] ?? 0;
    const inverse = inverseOf6(r);
    // Modulo r: q = 0 where 6k = -start, and 2q + 1 = 0 where 6k = (r - 1) / 2 - start.
    strike(struck, ((r - remainder) * inverse) % r, r);
    strike(struck, (((r - 1) / 2 + r - remainder) * inverse) % r, r);
  });
  return struck;
}
