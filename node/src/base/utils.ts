import { createHash } from 'node:crypto';

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
