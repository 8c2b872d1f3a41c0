import { createHash } from 'node:crypto';
import { blake2b } from '@noble/hashes/blake2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

/** `node-1` is party 0. */
export function nodeId(index: number): string {
  return `node-${index + 1}`;
}

/** Party index of a node id of a cluster of n nodes; null for any other text. */
export function nodeIndex(id: string, n: number): number | null {
  const digits = /^node-([1-9]\d{0,4})$/.exec(id)?.[1];
  const index = Number(digits) - 1;
  return digits === undefined || index >= n ? null : index;
}

/** SHA-256 of bytes, or of a text's UTF-8 bytes, hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Signers as attempts and logs name them: 1-based, joined by `-`. */
export function signersLabel(signers: readonly number[]): string {
  return signers.map((index) => index + 1).join('-');
}

// A set is looked for in order until all its members are alive; more than this many are never needed for that.
const MAX_SETS = 256;

function* combinations(n: number, t: number, from = 0): Generator<number[]> {
  if (t === 0) {
    yield [];
    return;
  }
  for (let first = from; first <= n - t; first++) {
    for (const rest of combinations(n, t - 1, first + 1)) yield [first, ...rest];
  }
}

/** Offset of a request's first signer: the first 8 bytes of BLAKE2b-512(request id), little-endian, modulo n. */
function offset(requestId: string, n: number): number {
  const hash = blake2b(utf8ToBytes(requestId));
  return Number(new DataView(hash.buffer, hash.byteOffset).getBigUint64(0, true) % BigInt(n));
}

/**
 * The sets of t of n signers in the order in which a request tries them, each ascending: t consecutive parties from the
 * request's offset, then from the next party and so on round the ring, then all other sets. At most 256.
 */
export function signerSets(requestId: string, n: number, t: number): number[][] {
  const start = offset(requestId, n);
  const consecutive = Array.from({ length: n }, (_, k) =>
    Array.from({ length: t }, (__, i) => (start + k + i) % n).sort((a, b) => a - b),
  );
  const sets = new Map<string, number[]>();
  for (const set of consecutive) sets.set(set.join(), set);
  for (const set of combinations(n, t)) {
    if (sets.size >= MAX_SETS) break;
    if (!sets.has(set.join())) sets.set(set.join(), set);
  }
  return [...sets.values()];
}
