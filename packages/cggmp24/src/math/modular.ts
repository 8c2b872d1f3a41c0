import { bigintBackend } from './bigint_backend.js';
import type { ModularBackend, Modulus } from './modulus.js';
import { opensslBackend, opensslSelfTest } from './openssl_backend.js';

/** Which implementation is in use, and why; a node logs it once. */
export interface BackendChoice {
  readonly backend: ModularBackend;
  readonly reason: string;
}

/** @param failure what the self-test of OpenSSL found, or null */
export function chooseBackend(failure: string | null): BackendChoice {
  return failure === null
    ? { backend: opensslBackend, reason: 'agrees with bigint in the self-test' }
    : { backend: bigintBackend, reason: `openssl failed the self-test: ${failure}` };
}

let choice: BackendChoice | undefined;

/** The fastest implementation that agrees with `bigint` here, tested on first use. */
export function arithmeticBackend(): BackendChoice {
  choice ??= chooseBackend(opensslSelfTest());
  return choice;
}

/** Z_value with the fastest backend. Keep the result: making one costs 8 to 130 ms at full size. */
export function modulus(value: bigint): Modulus {
  return arithmeticBackend().backend.modulus(value);
}

/** base^exponent for an exponent of either sign. The caller passes the base's inverse, so the time does not depend on the sign. */
export function powSigned(m: Modulus, base: bigint, inverse: bigint, exponent: bigint): bigint {
  return exponent < 0n ? m.pow(inverse, -exponent) : m.pow(base, exponent);
}
