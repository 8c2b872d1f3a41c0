import { parseSignersLabel, signersLabel } from '../base/utils.js';

/** One try at signing a request in full, by these signers. Two tries never share an execution id. */
export interface Attempt {
  readonly requestId: string;
  /** From 0. */
  readonly number: number;
  /** Party indices, ascending. */
  readonly signers: readonly number[];
}

/** Board id and execution id. The first attempt of the first signer set has the request's own; later ones `<request>.<k>.<signers>`. */
export function attemptId(attempt: Attempt): string {
  return attempt.number === 0 ? attempt.requestId : announce(attempt);
}

/** How a node announces the attempt it runs. Unlike the id it names the signers of the first attempt too. */
export function announce({ requestId, number, signers }: Attempt): string {
  return `${requestId}.${number}.${signersLabel(signers)}`;
}

/** Reads an announcement of a cluster in which t of n sign; null for anything else. */
export function parseAnnouncement(text: string, n: number, t: number): Attempt | null {
  const [, requestId, number, label] = /^(.+)\.(\d{1,12})\.([\d-]+)$/.exec(text) ?? [];
  if (requestId === undefined || number === undefined || label === undefined) return null;
  const signers = parseSignersLabel(label, n);
  return signers?.length === t ? { requestId, number: Number(number), signers } : null;
}

/** Which of two attempts at one request everybody follows: the higher number, then the higher label. */
export function isLater(a: Attempt, b: Attempt | null): boolean {
  if (b === null) return true;
  return a.number === b.number ? signersLabel(a.signers) > signersLabel(b.signers) : a.number > b.number;
}
