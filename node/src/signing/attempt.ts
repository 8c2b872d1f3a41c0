import { firstSigner } from '../cluster/signer_sets.js';

/** One try at signing a request in full, by these signers. Two tries never share an execution id. */
export interface Attempt {
  readonly requestId: string;
  /** 0 for the first attempt of the first signer set. Each leader has numbers of its own: see {@link leaderOf}. */
  readonly number: number;
  /** Party indices, ascending. */
  readonly signers: readonly number[];
}

/**
 * The party that leads an attempt, as its number says. Number 0 is that of the request's first signer. Party p of n has p + 1, p + 1 + n,
 * p + 1 + 2n and so on: a cheat can use up only its own numbers.
 */
export function leaderOf({ requestId, number }: Attempt, n: number): number {
  return number === 0 ? firstSigner(requestId, n) : (number - 1) % n;
}

/** The lowest number of an attempt that this party may lead next. @param last the highest one that it has led; none if undefined */
export function nextNumber(leader: number, last: number | undefined, n: number): number {
  return last === undefined || last === 0 ? leader + 1 : last + n;
}

/**
 * Board id and execution id. The first attempt of the first signer set has the request's own. A later one is the request, its number, and
 * its signers as a hexadecimal number whose lowest bit stands for node-1: so it fits, however many sign.
 */
export function attemptId(attempt: Attempt): string {
  return attempt.number === 0 ? attempt.requestId : announce(attempt);
}

/** How a leader announces an attempt. Unlike the id it names the signers of the first attempt too. */
export function announce({ requestId, number, signers }: Attempt): string {
  const mask = signers.reduce((bits, party) => bits | (1n << BigInt(party)), 0n);
  return `${requestId}.${number}.${mask.toString(16)}`;
}

/** Reads an announcement of a cluster in which t of n sign; null for anything else. */
export function parseAnnouncement(text: string, n: number, t: number): Attempt | null {
  const [, requestId, number, mask] = /^([^.]+)\.(0|[1-9]\d{0,11})\.([1-9a-f][0-9a-f]{0,63})$/.exec(text) ?? [];
  if (requestId === undefined || number === undefined || mask === undefined) return null;
  const bits = BigInt(`0x${mask}`);
  const signers = Array.from({ length: n }, (_, party) => party).filter((party) => ((bits >> BigInt(party)) & 1n) === 1n);
  return signers.length === t && bits >> BigInt(n) === 0n ? { requestId, number: Number(number), signers } : null;
}

export function isSame(a: Attempt, b: Attempt): boolean {
  return announce(a) === announce(b);
}
