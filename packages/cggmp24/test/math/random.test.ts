import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GROUP_ORDER } from '../../src/math/curve.js';
import { gcd } from '../../src/math/integer.js';
import { randomBelow, randomHalfRange, randomScalar, randomUnit, systemRng, type Rng } from '../../src/math/random.js';
import { seededRng } from '../../src/testing/seeded_rng.js';

/** How often each value comes in `count` draws. */
function histogram(count: number, draw: (rng: Rng) => bigint): Map<bigint, number> {
  const rng = seededRng('histogram');
  const seen = new Map<bigint, number>();
  for (let k = 0; k < count; k++) {
    const x = draw(rng);
    seen.set(x, (seen.get(x) ?? 0) + 1);
  }
  return seen;
}

/** Each of `values` and nothing else, each about as often: within a third of the mean of 600. */
function expectUniform(values: readonly bigint[], draw: (rng: Rng) => bigint): void {
  const seen = histogram(600 * values.length, draw);
  expect(new Set(seen.keys())).toEqual(new Set(values));
  for (const times of seen.values()) expect(Math.abs(times - 600)).toBeLessThan(200);
}

const range = (from: bigint, to: bigint): bigint[] => Array.from({ length: Number(to - from + 1n) }, (_, k) => from + BigInt(k));

describe('randomBelow', () => {
  it.each([1n, 2n, 3n, 5n, 16n, 17n])('is uniform below %d', (bound) => {
    expectUniform(range(0n, bound - 1n), (rng) => randomBelow(bound, rng));
  });

  it('stays below, for bounds of every length, and asks for no more bytes than the bound has', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 1n << 600n }), fc.string(), (bound, seed) => {
        const source = seededRng(seed);
        const asked: number[] = [];
        const x = randomBelow(bound, (length) => {
          asked.push(length);
          return source(length);
        });
        expect(x >= 0n && x < bound).toBe(true);
        expect(Math.max(...asked)).toBe(Math.ceil((bound - 1n === 0n ? 0 : (bound - 1n).toString(2).length) / 8));
      }),
    );
  });

  it('draws again when out of range, instead of reducing', () => {
    const answers = [Uint8Array.of(255), Uint8Array.of(200), Uint8Array.of(7)];
    expect(randomBelow(200n, () => answers.shift() ?? Uint8Array.of(0))).toBe(7n);
  });
});

describe('the other distributions', () => {
  it.each([0n, 1n, 2n, 3n, 8n, 9n])('randomHalfRange(%d) is uniform, both ends included', (size) => {
    expectUniform(range(-(size / 2n), size / 2n), (rng) => randomHalfRange(size, rng));
  });

  it('randomUnit is uniform among what has no common factor', () => {
    expectUniform(range(0n, 20n).filter((x) => gcd(x, 21n) === 1n), (rng) => randomUnit(21n, rng));
  });

  it('randomScalar reaches 1 and q - 1, never 0', () => {
    const zeros: Rng = (length) => new Uint8Array(length);
    expect(randomScalar(zeros)).toBe(1n);
    let first = true;
    const bytes = Buffer.from((GROUP_ORDER - 2n).toString(16), 'hex');
    const largest = randomScalar(() => {
      const answer = first ? new Uint8Array(32).fill(255) : bytes;
      first = false;
      return answer;
    });
    expect(largest).toBe(GROUP_ORDER - 1n);
  });
});

it('systemRng gives as much as asked for, never the same', () => {
  expect(systemRng(0)).toHaveLength(0);
  const draws = Array.from({ length: 100 }, () => Buffer.from(systemRng(16)).toString('hex'));
  expect(new Set(draws).size).toBe(100);
  expect(draws.every((hex) => hex.length === 32)).toBe(true);
});
