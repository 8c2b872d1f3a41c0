import { bitLength, fromBytes, gcd } from '../math/integer.js';
import { digest, integer, struct, type Encoding } from './encoding.js';

/**
 * Endless bytes from a hashed seed: block c is SHA-256 of (c, seed). The generator of the Rust crate
 * `rand_hash`; verifiers replay it, so every draw below is part of the wire format.
 */
export class HashRng {
  #counter = 0;
  #block = new Uint8Array();
  #used = 0;

  constructor(private readonly seed: Encoding) {}

  bytes(count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      if (this.#used === this.#block.length) this.#nextBlock();
      const piece = this.#block.subarray(this.#used, this.#used + count - filled);
      out.set(piece, filled);
      filled += piece.length;
      this.#used += piece.length;
    }
    return out;
  }

  #nextBlock(): void {
    this.#block = digest(struct({ counter: integer(this.#counter), seed: this.seed }, 'dfns.rand_hash')).slice();
    this.#counter++;
    this.#used = 0;
  }

  /** 32 bits, little-endian. */
  nextU32(): number {
    return Buffer.from(this.bytes(4)).readUInt32LE();
  }

  /**
   * Uniform in [0, bound). Little-endian 32-bit words, least significant first; a partial top word is shifted
   * right, not masked; a value out of range is drawn again.
   */
  below(bound: bigint): bigint {
    const powerOfTwo = (bound & (bound - 1n)) === 0n;
    const bits = bitLength(bound) - (powerOfTwo ? 1 : 0);
    const words = Math.ceil(bits / 32);
    const shift = (32 - (bits % 32)) % 32;
    for (;;) {
      const bytes = this.bytes(4 * words).reverse();
      if (shift > 0) {
        const view = new DataView(bytes.buffer);
        view.setUint32(0, view.getUint32(0) >>> shift);
      }
      const candidate = fromBytes(bytes);
      if (candidate < bound) return candidate;
    }
  }

  /** `count` elements, each uniform in Z*_n; one that is no unit is drawn again. */
  units(n: bigint, count: number): bigint[] {
    const units: bigint[] = [];
    while (units.length < count) {
      const drawn = Array.from({ length: count - units.length }, () => this.below(n));
      // One gcd tests all of them. Only when it finds a draw that is no unit is each tested by itself.
      const product = drawn.reduce((all, x) => (all * x) % n, 1n);
      units.push(...(gcd(product, n) === 1n ? drawn : drawn.filter((x) => gcd(x, n) === 1n)));
    }
    return units;
  }
}
