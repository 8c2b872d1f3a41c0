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

/** Signers as attempts, pools and logs name them: 1-based, joined by `-`. */
export function signersLabel(signers: readonly number[]): string {
  return signers.map((index) => index + 1).join('-');
}

/** Reads a label of ascending signers of a cluster of n nodes; null for any other text. */
export function parseSignersLabel(label: string, n: number): number[] | null {
  const signers = label.split('-').flatMap((digits) => nodeIndex(`node-${digits}`, n) ?? []);
  const isAscending = signers.every((index, k) => k === 0 || index > (signers[k - 1] ?? index));
  return isAscending && signersLabel(signers) === label ? signers : null;
}
