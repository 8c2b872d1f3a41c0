import type { RandomBytes } from 'service/random';

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let k = 0; k < text.length; k += 1) value = Math.imul(value ^ text.charCodeAt(k), 0x01000193);
  return value >>> 0;
}

/**
 * Random numbers that a seed determines: the generator sfc32. Each use has a stream of its own, by name, so that one more draw in one place
 * changes nothing elsewhere.
 */
export class Random {
  readonly #seed: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: string) {
    this.#seed = seed;
    [this.#a, this.#b, this.#c] = [hash(seed), hash(`${seed}/b`), hash(`${seed}/c`)];
    for (let k = 0; k < 12; k += 1) this.#next();
  }

  /** A stream of its own. */
  stream(name: string): Random {
    return new Random(`${this.#seed}/${name}`);
  }

  /** At least `from`, less than `to`. */
  between(from: number, to: number): number {
    return from + (to - from) * (this.#next() / 2 ** 32);
  }

  /** A whole number from `from` to `to`. */
  integer(from: number, to: number): number {
    return Math.floor(this.between(from, to + 1));
  }

  chance(probability: number): boolean {
    return this.between(0, 1) < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.integer(0, items.length - 1)];
    if (item === undefined) throw new Error('there is nothing to pick from');
    return item;
  }

  /** Some of them, in their order. */
  some<T>(items: readonly T[], count: number): T[] {
    const left = items.map((_, k) => k);
    const chosen = Array.from({ length: Math.min(count, items.length) }, () => left.splice(this.integer(0, left.length - 1), 1)[0] ?? 0);
    return items.filter((_, k) => chosen.includes(k));
  }

  readonly bytes: RandomBytes = (length) => {
    const bytes = Buffer.alloc(length);
    for (let k = 0; k < length; k += 1) bytes[k] = this.#next() & 0xff;
    return bytes;
  };

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}
