import { gcdLehmer, invertLehmer } from './lehmer.js';

/** Non-negative remainder of a by n > 0. */
export function mod(a: bigint, n: bigint): bigint {
  const r = a % n;
  return r < 0n ? r + n : r;
}

export function abs(a: bigint): bigint {
  return a < 0n ? -a : a;
}

/** Length of |a| in bits; 0 for 0. */
export function bitLength(a: bigint): number {
  if (a === 0n) return 0;
  const hex = abs(a).toString(16);
  return (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex.charAt(0), 16)));
}

/** Big-endian magnitude of |a| without leading zeros; empty for 0. */
export function toBytes(a: bigint): Uint8Array {
  if (a === 0n) return new Uint8Array();
  const hex = abs(a).toString(16);
  return new Uint8Array(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'));
}

/** Big-endian, padded on the left with zeros to `length` bytes; `a` must fit. */
export function toBytesPadded(a: bigint, length: number): Uint8Array {
  const bytes = toBytes(a);
  if (bytes.length > length) throw new RangeError(`integer of ${bytes.length} bytes does not fit ${length}`);
  const out = new Uint8Array(length);
  out.set(bytes, length - bytes.length);
  return out;
}

/** Big-endian, unsigned. */
export function fromBytes(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`);
}

/** Greatest common divisor of |a| and |b|. Variable time. */
export function gcd(a: bigint, b: bigint): bigint {
  return gcdLehmer(abs(a), abs(b));
}

/** a^-1 mod n, in [0, n), for n > 0. Variable time. @throws RangeError when a and n share a factor */
export function invert(a: bigint, n: bigint): bigint {
  const inverse = invertLehmer(mod(a, n), n);
  if (inverse === null) throw new RangeError('not invertible: a common factor with the modulus');
  return inverse;
}

/** Is 0 < x < n and gcd(x, n) = 1, that is: is x the canonical form of a unit modulo n? */
export function isUnit(x: bigint, n: bigint): boolean {
  return x > 0n && x < n && gcd(x, n) === 1n;
}

/**
 * Finds the numbers that have a factor in common with another one. Compares each with each.
 * @returns by the index of such a number, the index of the first other one
 */
export function commonFactors(numbers: readonly bigint[]): ReadonlyMap<number, number> {
  const partners = new Map<number, number>();
  for (const [k, b] of numbers.entries()) {
    for (const [j, a] of numbers.slice(0, k).entries()) {
      if (gcd(a, b) === 1n) continue;
      if (!partners.has(j)) partners.set(j, k);
      if (!partners.has(k)) partners.set(k, j);
    }
  }
  return partners;
}

/** Floor of the square root of a >= 0 (Newton). */
export function sqrtFloor(a: bigint): bigint {
  if (a < 2n) return a;
  let x = 1n << BigInt((bitLength(a) + 1) >> 1);
  for (;;) {
    const next = (x + a / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** Jacobi symbol (a/n) for odd n > 0: 1, -1, or 0 when they share a factor. Variable time. */
export function jacobi(a: bigint, n: bigint): -1 | 0 | 1 {
  let [x, m] = [mod(a, n), n];
  let sign: -1 | 1 = 1;
  while (x !== 0n) {
    let twos = 0;
    while ((x & 1n) === 0n) {
      x >>= 1n;
      twos++;
    }
    const mMod8 = m & 7n;
    if (twos % 2 === 1 && (mMod8 === 3n || mMod8 === 5n)) sign = sign === 1 ? -1 : 1;
    [x, m] = [m, x];
    if ((x & 3n) === 3n && (m & 3n) === 3n) sign = sign === 1 ? -1 : 1;
    x %= m;
  }
  return m === 1n ? sign : 0;
}

/** Are two byte strings equal? Variable time: public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, k) => byte === b[k]);
}

/** XOR of byte strings of one length. */
export function xorBytes(strings: readonly Uint8Array[]): Uint8Array {
  const [first, ...rest] = strings;
  const out = Uint8Array.from(first ?? []);
  for (const other of rest) other.forEach((byte, k) => (out[k] = (out[k] ?? 0) ^ byte));
  return out;
}
