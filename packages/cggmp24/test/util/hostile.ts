import fc from 'fast-check';

/** What an attacker would try for an integer: 0, 1, -1, what is near the moduli and bounds of the proof, and noise. */
export function hostileIntegers(landmarks: readonly bigint[]): fc.Arbitrary<bigint> {
  const near = landmarks.flatMap((m) => [m - 1n, m, m + 1n, -m, 2n * m, m * m]);
  return fc.oneof(fc.constantFrom(0n, 1n, -1n, 2n, ...near), fc.bigInt({ min: -(1n << 4096n), max: 1n << 4096n }));
}
