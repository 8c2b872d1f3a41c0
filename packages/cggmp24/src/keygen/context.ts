import { z } from 'zod';
import { checkArgument, integerBetween } from '../base/arguments.js';
import { InvalidArgument } from '../base/errors.js';
import type { Rng } from '../math/random.js';
import type { SecurityParams } from '../params.js';

/** Why a key generation can stop, besides the codes that every protocol has. */
export type KeygenAbortCode = 'invalid_decommitment' | 'invalid_share' | 'invalid_schnorr_proof' | 'invalid_key';

/**
 * Whether the key gets a chain code, for public derivation. `absent` leaves the field out of messages and hashes, as Rust
 * nodes built without the feature `hd-wallet` do. It must be the same at all parties.
 */
export type ChainCodeMode = 'shared' | 'none' | 'absent';
export const ChainCodeShape = z.enum(['shared', 'none', 'absent'], { error: "must be 'shared', 'none' or 'absent'" });

/** What is public about a key generation before its first round. */
export interface PublicKeygenContext {
  readonly sid: Uint8Array;
  /** n. */
  readonly parties: number;
  readonly chainCode: ChainCodeMode;
  readonly reliableBroadcast: boolean;
}

/** What every key generation needs. */
export interface KeygenContext extends PublicKeygenContext {
  readonly params: SecurityParams;
  /** i: one's own index, from 0. */
  readonly index: number;
  readonly rng: Rng;
}

/** Of threshold key generation: any t of n sign. */
export interface PublicThresholdKeygenContext extends PublicKeygenContext {
  /** t, at least 2 and at most n. */
  readonly threshold: number;
}

export type ThresholdKeygenContext = KeygenContext & PublicThresholdKeygenContext;

const MAX_PARTIES = 0xffff;

/** Indices are 16-bit on the wire. @throws InvalidArgument */
export function checkParties(index: number, parties: number): void {
  checkArgument('parties', integerBetween(2, MAX_PARTIES), parties);
  checkArgument('index', integerBetween(0, parties - 1), index);
}

/** @throws InvalidArgument */
export function checkThreshold(threshold: number, parties: number): void {
  if (!Number.isInteger(threshold) || threshold < 2 || threshold > parties) {
    throw new InvalidArgument('threshold', `must be an integer from 2 to the number of parties, ${parties}`);
  }
}
