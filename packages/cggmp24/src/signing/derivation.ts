/** Public derivation, SLIP-10 over secp256k1 without hardening; the same as BIP-32's. */
import { hmac } from '@noble/hashes/hmac.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { Bytes32, checkArgument, fields, listOf } from '../base/arguments.js';
import { InvalidArgument } from '../base/errors.js';
import { encodePoint, G, GROUP_ORDER, multiplyPublic, PointShape, toScalar, type Point, type Scalar } from '../math/curve.js';
import { fromBytes, toBytesPadded } from '../math/integer.js';

const FIRST_HARDENED = 0x8000_0000;

/** A public key with the chain code that its children are derived with. */
export interface ExtendedPublicKey {
  readonly publicKey: Point;
  /** 32 bytes. */
  readonly chainCode: Uint8Array;
}

const ExtendedPublicKeyShape = fields({ publicKey: PointShape, chainCode: Bytes32 });
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

/**
 * The key at a path below `root`, and the sum of the shifts on the way.
 * @param path child indices, each from 0 to 2^31 - 1
 * @throws InvalidArgument for a hardened index, which needs the secret key
 */
export function derive(root: ExtendedPublicKey, path: readonly number[]): Derived {
  checkArgument('root', ExtendedPublicKeyShape, root);
  checkArgument('path', PathShape, path);
  let derived: Derived = { ...root, shift: 0n };
  for (const index of path) {
    if (!Number.isInteger(index) || index < 0 || index >= FIRST_HARDENED) {
      throw new InvalidArgument('path', 'each index must be an integer from 0 to 2^31 - 1');
    }
    const next = child(derived, index);
    derived = { ...next, shift: toScalar(derived.shift + next.shift) };
  }
  return derived;
}
