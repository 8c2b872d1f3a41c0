/** The text form of an extended public key, as in BIP-32. */
import { ripemd160 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { createBase58check } from '@scure/base';
import { encodePoint } from '../math/curve.js';
import { toBytesPadded } from '../math/integer.js';
import { deriveEach, type ExtendedPublicKey } from './derivation.js';

/** Bitcoin's main network, public: what makes the text begin with `xpub`. */
const VERSION = 0x0488_b21en;

const base58check = createBase58check(sha256);

/** The first four bytes of HASH160 of a key. */
function fingerprint({ publicKey }: ExtendedPublicKey): Uint8Array {
  return ripemd160(sha256(encodePoint(publicKey, true))).subarray(0, 4);
}

/**
 * The `xpub…` text of the key at a path below `root`, which counts as a master key.
 * @throws InvalidArgument as `derive`
 */
export function xpub(root: ExtendedPublicKey, path: readonly number[]): string {
  const keys = [root, ...deriveEach(root, path)];
  const [parent, key] = [keys.at(-2), keys.at(-1) ?? root];
  return base58check.encode(
    concatBytes(
      toBytesPadded(VERSION, 4),
      Uint8Array.of(path.length),
      parent === undefined ? new Uint8Array(4) : fingerprint(parent),
      toBytesPadded(BigInt(path.at(-1) ?? 0), 4),
      key.chainCode,
      encodePoint(key.publicKey, true),
    ),
  );
}
