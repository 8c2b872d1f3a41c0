/** Tokens that make a text good for one taking. Two takers of one text would sign twice with one presignature. */
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { systemRng } from '../math/random.js';

/** Names one text of one thread. */
export interface Token {
  /** The thread that made the text: random bytes, drawn once. */
  readonly maker: string;
  /** Counts that thread's texts, from 0. */
  readonly serial: number;
}

export const TokenJson = z.object({ maker: z.string().regex(/^[0-9a-f]{32}$/), serial: z.int().nonnegative() });

/**
 * How far texts may come out of order. Serial numbers above a lost text are remembered one by one, up to this many. If it were
 * smaller, a text that others overtake would be refused; if it were larger, lost texts would hold more memory.
 */
const MOST_OVERTAKING = 1024;

/** The serial numbers of one maker that were taken. */
class TakenSerials {
  /** All below count as taken. */
  #below = 0;
  readonly #others = new Set<number>();

  /** @returns false when it was taken before */
  take(serial: number): boolean {
    if (serial < this.#below || this.#others.has(serial)) return false;
    this.#others.add(serial);
    if (this.#others.size > MOST_OVERTAKING) this.#below = Math.min(...this.#others);
    while (this.#others.delete(this.#below)) this.#below++;
    return true;
  }
}

let maker: string | undefined;
let made = 0;
const taken = new Map<string, TakenSerials>();

/** @returns a token that no other text has */
export function newToken(): Token {
  maker ??= bytesToHex(systemRng(16));
  return { maker, serial: made++ };
}

/** Takes a token in this thread; other threads do not notice. @returns false when it was taken before */
export function takeToken({ maker: from, serial }: Token): boolean {
  const serials = taken.get(from) ?? new TakenSerials();
  taken.set(from, serials);
  return serials.take(serial);
}
