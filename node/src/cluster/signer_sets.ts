import { hash } from 'node:crypto';

/**
 * Sets are tried in order until all members of one are alive. With fewer sets, nodes that are down could leave a large cluster without
 * one that it may try; with more, each look at them takes longer.
 */
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

/** The request's first signer: the first 8 bytes of BLAKE2b-512(request id), little-endian, modulo n. */
export function firstSigner(requestId: string, n: number): number {
  return Number(hash('blake2b512', requestId, 'buffer').readBigUInt64LE() % BigInt(n));
}

/**
 * The sets of t of n signers, in the order in which a request tries them, each ascending. First t consecutive parties from the
 * request's first signer, then from the next party and so on round the ring, then all other sets. At most 256.
 */
export function signerSets(requestId: string, n: number, t: number): number[][] {
  const start = firstSigner(requestId, n);
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

/** All n parties, in a ring that begins with the request's first signer. */
export function ringOf(requestId: string, n: number): number[] {
  const start = firstSigner(requestId, n);
  return Array.from({ length: n }, (_, k) => (start + k) % n);
}

/**
 * The sets of t signers that a party can form with these others, each ascending. Those with the first of the others come first. At most
 * 256, which are all of them in a cluster of up to ten nodes.
 */
export function setsWith(party: number, others: readonly number[], t: number): number[][] {
  const sets: number[][] = [];
  for (const places of combinations(others.length, t - 1)) {
    if (sets.length >= MAX_SETS) break;
    sets.push([party, ...places.flatMap((place) => others[place] ?? [])].sort((a, b) => a - b));
  }
  return sets;
}
