/** Arithmetic modulo one fixed odd number; implementations keep what they precompute. */
export interface Modulus {
  readonly value: bigint;
  /** base^exponent mod value, for exponent >= 0. The base may be any integer. */
  pow(base: bigint, exponent: bigint): bigint;
  /**
   * `pow` with one exponent > 0 for many bases. OpenSSL then does not test the modulus for primality, a test that takes the time
   * of 100 powers when the modulus is prime.
   */
  powWith(exponent: bigint): (base: bigint) => bigint;
}

/** One way to exponentiate. */
export interface ModularBackend {
  readonly name: 'bigint' | 'openssl';
  /** @param value odd, greater than 1 */
  modulus(value: bigint): Modulus;
}
