/** Public derivation, SLIP-10 over secp256k1 without hardening; the same as BIP-32's. */
import { hmac } from '@noble/hashes/hmac.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { Bytes32, checkArgument, fields, listOf, Text } from '../base/arguments.js';
import { InvalidArgument } from '../base/errors.js';
import { publicPoint, type PublicKey } from '../ecdsa.js';
import { encodePoint, G, GROUP_ORDER, multiplyPublic, PointShape, toScalar, type Point, type Scalar } from '../math/curve.js';
import { fromBytes, toBytesPadded } from '../math/integer.js';

const FIRST_HARDENED = 0x8000_0000;

/**
 * Most indices in a path. Fewer than five: the usual paths of wallets, m/44/60/0/0/5, are refused. More: one request makes every
 * signer compute longer.
 */
export const MAX_PATH_LENGTH = 10;

/** A public key with the chain code that its children are derived with. */
export interface ExtendedPublicKey {
  readonly publicKey: Point;
  /** 32 bytes. */
  readonly chainCode: Uint8Array;
}

export const ExtendedPublicKeyShape = fields({ publicKey: PointShape, chainCode: Bytes32 });
const PathShape = listOf(z.unknown());

/** A derived key and what it adds to the secret key of its ancestor. */
export interface Derived extends ExtendedPublicKey {
  readonly shift: Scalar;
}

function child({ publicKey, chainCode }: ExtendedPublicKey, index: number): Derived {
  const indexBytes = toBytesPadded(BigInt(index), 4);
  let input = concatBytes(encodePoint(publicKey, true), indexBytes);
  for (;;) {
    const I = hmac(sha512, chainCode, input);
    const [left, right] = [I.slice(0, 32), I.slice(32)];
    const shift = fromBytes(left);
    const derived = publicKey.add(multiplyPublic(G, shift));
    if (shift < GROUP_ORDER && !derived.is0()) return { publicKey: derived, chainCode: right, shift };
    // The probability is 2^-127.
    input = concatBytes(Uint8Array.of(1), right, indexBytes);
  }
}

/** @throws InvalidArgument unless the path is one that public derivation can go */
function checkPath(path: readonly number[]): void {
  checkArgument('path', PathShape, path);
  if (path.length > MAX_PATH_LENGTH) throw new InvalidArgument('path', `must have at most ${MAX_PATH_LENGTH} indices`);
  const isIndex = (index: number): boolean => Number.isInteger(index) && index >= 0 && index < FIRST_HARDENED;
  if (!path.every(isIndex)) throw new InvalidArgument('path', 'each index must be an integer from 0 to 2^31 - 1');
}

/**
 * The keys on a path below `root`, that of each index, with its own shift.
 * @throws InvalidArgument
 */
export function deriveEach(root: ExtendedPublicKey, path: readonly number[]): Derived[] {
  checkArgument('root', ExtendedPublicKeyShape, root);
  checkPath(path);
  const keys: Derived[] = [];
  for (const index of path) keys.push(child(keys.at(-1) ?? root, index));
  return keys;
}

/**
 * The key at a path below `root`, and the sum of the shifts on the way.
 * @param path child indices, at most 10, each from 0 to 2^31 - 1
 * @throws InvalidArgument for a hardened index, which needs the secret key
 */
export function derive(root: ExtendedPublicKey, path: readonly number[]): Derived {
  const keys = deriveEach(root, path);
  const { publicKey, chainCode } = keys.at(-1) ?? root;
  return { publicKey, chainCode, shift: toScalar(keys.reduce((sum, { shift }) => sum + shift, 0n)) };
}

/** A public key, and its chain code if it has one. */
export interface RootKey {
  readonly publicKey: PublicKey;
  /** 32 bytes. */
  readonly chainCode: Uint8Array | null;
}

/**
 * `derive` for keys that may have no chain code: of these, only the empty path leads anywhere.
 * @throws InvalidArgument
 */
export function deriveBelow({ publicKey, chainCode }: RootKey, path: readonly number[]): Pick<Derived, 'publicKey' | 'shift'> {
  checkArgument('path', PathShape, path);
  if (path.length > 0 && chainCode === null) throw new InvalidArgument('path', 'the key has no chain code');
  return derive({ publicKey: publicPoint(publicKey), chainCode: chainCode ?? new Uint8Array(32) }, path);
}

/**
 * Reads a path as BIP-32 writes it.
 * @param text `m/44/60/0/0/5`; `m` is the key itself
 * @throws InvalidArgument, for a hardened index (`44'`, `44h`) too
 */
export function parsePath(text: string): number[] {
  checkArgument('path', Text, text);
  const [root, ...indices] = text.split('/');
  if (root !== 'm') throw new InvalidArgument('path', "must begin with 'm', as m/44/60/0/0/5 does");
  if (indices.some((index) => /['hH]$/.test(index))) {
    throw new InvalidArgument('path', 'must not be hardened: nobody has the secret key that a hardened index needs');
  }
  // A number has one form, so that a path has one text.
  if (!indices.every((index) => /^(0|[1-9]\d{0,9})$/.test(index))) {
    throw new InvalidArgument('path', 'must be m and decimal indices without leading zeros, as m/44/60/0/0/5');
  }
  const path = indices.map(Number);
  checkPath(path);
  return path;
}

/** The text of a path, as `parsePath` reads it. @throws InvalidArgument */
export function formatPath(path: readonly number[]): string {
  checkPath(path);
  return ['m', ...path].join('/');
}
