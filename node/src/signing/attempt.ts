import { nodeIndex, signersLabel } from '../base/utils.js';

/** One try at signing a request in full, by these signers. Two tries never share an execution id. */
export interface Attempt {
  readonly requestId: string;
  /** From 0. */
  readonly number: number;
  /** Party indices, ascending. */
  readonly signers: readonly number[];
}

/** Board id and execution id: the request's own for the first try of the first signer set, `<request>.<k>.<signers>` later. */
export function attemptId({ requestId, number, signers }: Attempt): string {
  return number === 0 ? requestId : `${requestId}.${number}.${signersLabel(signers)}`;
}

/** How a node announces the attempt it runs: with its signers also when it is the first. */
export function announce({ requestId, number, signers }: Attempt): string {
  return `${requestId}.${number}.${signersLabel(signers)}`;
}

/** Reads an announcement of a cluster in which t of n sign; null for anything else. */
export function parseAnnouncement(text: string, n: number, t: number): Attempt | null {
  const match = /^(.+)\.(\d{1,12})\.([\d-]+)$/.exec(text);
  const [, requestId, number, label] = match ?? [];
  if (requestId === undefined || number === undefined || label === undefined) return null;
  const signers = label.split('-').map((digits) => nodeIndex(`node-${digits}`, n));
  const known = signers.filter((index) => index !== null);
  const ascending = known.every((index, k) => k === 0 || index > (known[k - 1] ?? index));
  return known.length === t && signers.length === t && ascending ? { requestId, number: Number(number), signers: known } : null;
}

/** Which of two attempts at one request everybody follows: the higher number, then the higher label. */
export function isLater(a: Attempt, b: Attempt | null): boolean {
  if (b === null) return true;
  return a.number === b.number ? signersLabel(a.signers) > signersLabel(b.signers) : a.number > b.number;
}
