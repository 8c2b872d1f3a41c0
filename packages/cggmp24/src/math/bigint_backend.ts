import { modPow } from 'bigint-mod-arith';
import type { ModularBackend, Modulus } from './modulus.js';

/** Plain bigint: works everywhere, variable time, about ten times slower than OpenSSL at full size. */
export const bigintBackend: ModularBackend = {
  name: 'bigint',
  modulus: (value: bigint): Modulus => ({
    value,
    pow: (base, exponent) => modPow(base, exponent, value),
    powWith: (exponent) => (base) => modPow(base, exponent, value),
  }),
};
