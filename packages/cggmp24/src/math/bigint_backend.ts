import { pow } from '@noble/curves/abstract/modular.js';
import { mod } from './integer.js';
import type { ModularBackend, Modulus } from './modulus.js';

/** Plain bigint: works everywhere, variable time, about ten times slower than OpenSSL at full size. */
export const bigintBackend: ModularBackend = {
  name: 'bigint',
  modulus: (value: bigint): Modulus => ({
    value,
    pow: (base, exponent) => pow(mod(base, value), exponent, value),
    powWith: (exponent) => (base) => pow(mod(base, value), exponent, value),
  }),
};
