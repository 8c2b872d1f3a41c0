/** What several proofs share: parts of their transcripts, bounds, and their JSON form. */
import { z } from 'zod';
import { integer, struct, type Encoding } from '../hash/encoding.js';
import { abs, bitLength } from '../math/integer.js';
import type { RingPedersenParams } from '../paillier/ring_pedersen.js';
import { minModulusBits, type SecurityParams } from '../params.js';
import { check } from '../base/errors.js';

/** The verifier's ring-Pedersen parameters in the form of the transcripts. */
export function auxEncoding({ s, t, nHat }: RingPedersenParams): Encoding {
  return struct({ s: integer(s), t: integer(t), rsa_modulo: integer(nHat) }, 'paillier_zk.aux');
}

/** Throws `InvalidProof` unless the modulus is odd and has the length that the ranges of the proofs rely on. */
export function checkModulus(name: string, params: SecurityParams, n: bigint): void {
  check(`${name} is odd`, (n & 1n) === 1n);
  check(`${name} has at least 2 primeBits - 1 bits`, n > 0n && bitLength(n) >= minModulusBits(params));
}

/** Is x within +-2^bits / 2, the range that honest responses lie in? */
export function within(x: bigint, bits: number): boolean {
  return abs(x) <= 1n << BigInt(bits - 1);
}

/** The elements of a list by name: A_0, A_1, … */
export function named(name: string, elements: readonly bigint[]): Record<string, bigint> {
  return Object.fromEntries(elements.map((element, k) => [`${name}_${k}`, element]));
}

/** A proof as the crate writes it, and as we hold it. */
export interface WireProof<C, R> {
  commitment: C;
  proof: R;
}
export interface ProofOf<C, R> {
  readonly commitment: C;
  readonly response: R;
}

/** The crate's `{"commitment":…,"proof":…}` for our `{ commitment, response }`. */
export function proofJson<C extends z.ZodType, R extends z.ZodType>(commitment: C, response: R) {
  // The type of an object schema over type parameters is not resolved; this is what it is.
  const wire = z.object({ commitment, proof: response }) as unknown as z.ZodType<WireProof<z.output<C>, z.output<R>>>;
  const proof = z.custom<ProofOf<z.output<C>, z.output<R>>>((value) => typeof value === 'object' && value !== null);
  return z.codec(wire, proof, {
    decode: (parsed) => ({ commitment: parsed.commitment, response: parsed.proof }),
    encode: (made) => ({ commitment: made.commitment, proof: made.response }),
  });
}

/** A proof of one commitment and one response for each challenge bit. */
export type RepeatedProof<C extends z.ZodType, R extends z.ZodType> = ProofOf<readonly z.output<C>[], readonly z.output<R>[]>;

/** `{"commitment":[…m],"proof":[…m]}`. */
export function repeatedProofJson<C extends z.ZodType, R extends z.ZodType>(
  m: number,
  commitment: C,
  response: R,
): z.ZodType<RepeatedProof<C, R>> {
  return proofJson(z.array(commitment).length(m).readonly(), z.array(response).length(m).readonly());
}
