import { invert, mod } from './integer.js';
import type { Modulus } from './modular.js';

/** A unit and the public exponent, of either sign, that it is raised to. */
export type Power = readonly [base: bigint, exponent: bigint];

/** base^exponent; a negative exponent inverts the base. */
export function powUnit(m: Modulus, [base, exponent]: Power): bigint {
  return exponent < 0n ? m.pow(invert(base, m.value), -exponent) : m.pow(base, exponent);
}

/**
 * Is left = right * (product of the powers) modulo m? Powers of negative exponent are moved to the left, so that
 * nothing is inverted. Every base must be a unit: otherwise the two forms of the equation differ.
 */
export function equalTimesPowers(m: Modulus, left: bigint, right: bigint, ...powers: readonly Power[]): boolean {
  let [l, r] = [left, right];
  for (const [base, exponent] of powers) {
    if (exponent < 0n) l = (l * m.pow(base, -exponent)) % m.value;
    else r = (r * m.pow(base, exponent)) % m.value;
  }
  return mod(l - r, m.value) === 0n;
}
