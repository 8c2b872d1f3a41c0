/**
 * An equation between ciphertexts whose plaintexts are known leaves one claim: that a number is an N-th power modulo N^2. Many
 * such claims are settled together, for little more than the cost of one. docs/paper.md, "Settling N-th powers together", says
 * why that is sound. It needs an N that has passed Π^mod and Π^fac.
 */
import { fromBytes } from '../math/integer.js';
import { timesPowers, type Power } from '../math/powers.js';
import { systemRng } from '../math/random.js';
import { check, failedCheckOf } from '../base/errors.js';
import type { Claim } from '../runtime/batch.js';
import type { EncryptionKey } from './encryption_key.js';

/** Length of the weights: a false claim passes with a probability of at most 2^-128. */
const WEIGHT_BYTES = 16;

/** root^N = power mod N^2. */
export interface NthPowerClaim extends Claim {
  readonly key: EncryptionKey;
  /** A unit modulo N. */
  readonly root: bigint;
  /** A unit modulo N^2. */
  readonly power: bigint;
}

/** What a verifier does with each claim. */
export type OnClaim = (claim: NthPowerClaim) => void;

/** The claim that Enc(x; nonce) = factor * (product of the powers) mod N^2. All of these must be units. */
export function encryptionClaim(
  label: string,
  key: EncryptionKey,
  x: bigint,
  nonce: bigint,
  factor: bigint,
  ...powers: readonly Power[]
): NthPowerClaim {
  return { label, key, root: nonce, power: key.shift(timesPowers(key.modNN, factor, ...powers), -x) };
}

/** Settles a claim alone and at once. @throws InvalidProof with its label unless it holds */
export function checkClaim({ label, key, root, power }: NthPowerClaim): void {
  // An encryption of zero is just the N-th power of its nonce.
  check(label, key.encryptWith(0n, root) === power);
}

/**
 * Settles claims together, with one N-th power for all claims of one key object. When that fails, each claim is checked by
 * itself. The weights come from the operating system, because the maker of a claim must not know them.
 *
 * @returns the claims that do not hold. A claim whose power is an N-th power, but of another root, may be missing: it does
 *   no harm, and only its maker can have made it
 */
export function failedClaims(claims: readonly NthPowerClaim[]): ReadonlySet<NthPowerClaim> {
  const byKey = new Map<EncryptionKey, NthPowerClaim[]>();
  for (const claim of claims) byKey.set(claim.key, [...(byKey.get(claim.key) ?? []), claim]);
  const suspects = [...byKey].flatMap(([key, ofKey]) => (holdTogether(key, ofKey) ? [] : ofKey));
  return new Set(suspects.filter((claim) => failedCheckOf(() => { checkClaim(claim); }) !== null));
}

/** (product of root_k^w_k)^N = product of power_k^w_k mod N^2. The first weight may be 1: only their ratios matter. */
function holdTogether(key: EncryptionKey, claims: readonly NthPowerClaim[]): boolean {
  let [root, power] = [1n, 1n];
  for (const [k, claim] of claims.entries()) {
    const weight = k === 0 ? 1n : fromBytes(systemRng(WEIGHT_BYTES));
    root = (root * key.modN.pow(claim.root, weight)) % key.n;
    power = key.add(power, key.modNN.pow(claim.power, weight));
  }
  return key.encryptWith(0n, root) === power;
}
