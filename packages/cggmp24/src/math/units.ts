import { check } from '../base/errors.js';
import { gcd } from './integer.js';

/**
 * Throws `InvalidProof` naming the first element that is not the canonical form of a unit: 0 < x < bound and
 * gcd(x, n) = 1. One gcd, of their product modulo n, tests all of them. Each is tested by itself only when that fails.
 *
 * @param group how the label calls the group, as in `d in Z*_N^2`
 * @param n modulus, at least 2, whose factors no element may have
 * @param bound n itself or n^2
 */
export function checkUnits(group: string, n: bigint, bound: bigint, elements: Readonly<Record<string, bigint>>): void {
  const named = Object.entries(elements);
  for (const [name, x] of named) check(`${name} in ${group}`, x > 0n && x < bound);
  const product = named.reduce((all, [, x]) => (all * (x % n)) % n, 1n);
  if (gcd(product, n) === 1n) return;
  for (const [name, x] of named) check(`${name} in ${group}`, gcd(x, n) === 1n);
}

/** Is x the canonical form of 1 or of -1 modulo n? */
export function isTrivialUnit(x: bigint, n: bigint): boolean {
  return x === 1n || x === n - 1n;
}
