import { z } from 'zod';
import { checkArgument, fields, integerBetween } from './base/arguments.js';

/** What fixes the sizes in every message and proof. All lengths are bits unless a name says bytes. */
export interface SecurityParams {
  readonly name: 'security-128' | 'small-for-tests';
  /** kappa in bytes: rid, rho and commitment nonces. */
  readonly kappaBytes: number;
  /** ell: scalars lie within +-2^ell / 2. */
  readonly ell: number;
  /** ell': the masks beta of the affine operation lie within +-2^ell' / 2. */
  readonly ellPrime: number;
  /** epsilon: slack of the range proofs. */
  readonly epsilon: number;
  /** m: repetitions of Pi^mod and Pi^prm. */
  readonly m: number;
  /** Least size of each of the four primes; both moduli have at least twice this, less one bit. */
  readonly primeBits: number;
}

/** 128-bit security, the crate's SecurityLevel128; 3072-bit moduli. The only level the public API offers. */
export const SECURITY_128: SecurityParams = Object.freeze({
  name: 'security-128',
  kappaBytes: 32,
  ell: 256,
  ellPrime: 1280,
  epsilon: 512,
  m: 128,
  primeBits: 1536,
});

/**
 * Far too small to protect anything: 1024-bit moduli, so that a whole protocol runs in a test.
 * Only `cggmp24/testing` exports it. What must hold at every level holds here too: epsilon exceeds the 256 bits of
 * a challenge, so that honest responses are in range; ell' hides a product of two scalars; ell' + epsilon fits into N.
 */
export const SMALL_FOR_TESTS: SecurityParams = Object.freeze({
  name: 'small-for-tests',
  kappaBytes: 32,
  ell: 256,
  ellPrime: 640,
  epsilon: 320,
  m: 64,
  primeBits: 512,
});

/**
 * Upper bound on the length of N and N-hat, bits. Larger: the wire does not carry N^2, and a peer can make everybody
 * compute with huge numbers. Smaller than 3072: honest moduli are refused.
 */
export const MAX_MODULUS_BITS = 4096;

/** Lower bound on the length of N and N-hat, bits. */
export function minModulusBits(params: SecurityParams): number {
  return 2 * params.primeBits - 1;
}

const positive = integerBetween(1, 0xffff);
export const ParamsShape = fields({
  name: z.enum([SECURITY_128.name, SMALL_FOR_TESTS.name], { error: 'must be a security level of this package: SECURITY_128' }),
  kappaBytes: positive,
  ell: positive,
  ellPrime: positive,
  epsilon: positive,
  m: positive,
  primeBits: integerBetween(64, 4096),
});

/** @throws InvalidArgument */
export function checkParams(params: SecurityParams): void {
  checkArgument('params', ParamsShape, params);
}
