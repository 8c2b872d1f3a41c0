import fc from 'fast-check';

/** Odd numbers of exactly so many bits. */
export const odd = (bits: number): fc.Arbitrary<bigint> =>
  fc.bigInt({ min: 1n << BigInt(bits - 1), max: (1n << BigInt(bits)) - 1n }).map((n) => n | 1n);
