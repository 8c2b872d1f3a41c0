import { invert, mod } from './integer.js';
import type { Modulus } from './modulus.js';

/** A unit and the public exponent, of either sign, that it is raised to. */
export type Power = readonly [base: bigint, exponent: bigint];

/** base^exponent; a negative exponent inverts the base. */
export function powUnit(m: Modulus, [base, exponent]: Power): bigint {
  return exponent < 0n ? m.pow(invert(base, m.value), -exponent) : m.pow(base, exponent);
}

/** The product of the powers as a fraction: those of negative exponent make the denominator. */
function fraction(m: Modulus, powers: readonly Power[]): { numerator: bigint; denominator: bigint } {
  let [numerator, denominator] = [1n, 1n];
  for (const [base, exponent] of powers) {
    if (exponent < 0n) denominator = (denominator * m.pow(base, -exponent)) % m.value;
    else numerator = (numerator * m.pow(base, exponent)) % m.value;
  }
  return { numerator, denominator };
}

/**
 * Is left = right * (product of the powers) modulo m? Powers of negative exponent are moved to the left, so that
 * nothing is inverted. Every base must be a unit: otherwise the two forms of the equation differ.
 */
export function equalTimesPowers(m: Modulus, left: bigint, right: bigint, ...powers: readonly Power[]): boolean {
  const { numerator, denominator } = fraction(m, powers);
  return mod(left * denominator - right * numerator, m.value) === 0n;
}

/** factor * (product of the powers) modulo m, with one inversion at most. Every base of a negative exponent must be a unit. */
export function timesPowers(m: Modulus, factor: bigint, ...powers: readonly Power[]): bigint {
  const { numerator, denominator } = fraction(m, powers);
  const product = factor * numerator;
  return mod(denominator === 1n ? product : product * invert(denominator, m.value), m.value);
}
