import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { GROUP_ORDER } from '../../src/math/curve.js';
import * as challenge from '../../src/hash/challenge.js';
import { text, type Encoding } from '../../src/hash/encoding.js';
import { HashRng } from '../../src/hash/hash_rng.js';
import { gcd } from '../../src/math/integer.js';
import { loadVectors } from '../util/vectors.js';

const integer = z.string().transform((s) => (s.startsWith('-') ? -BigInt(`0x${s.slice(1)}`) : BigInt(`0x${s}`)));
const { curve_order_q, cases } = loadVectors(
  'unit_hash_rng',
  z.object({
    curve_order_q: integer,
    cases: z.array(
      z.object({
        seed_str: z.string(),
        seed_encoding: z.string(),
        first_160_bytes: z.string(),
        next_u32_x4: z.array(z.number()),
        random_below: z.array(z.object({ bound: z.string(), bound_hex: integer, value: integer, bytes_consumed: z.number() })),
        from_rng_half_pm: z.array(z.object({ range: z.string(), range_hex: integer, value: integer, bytes_consumed: z.number() })),
        sample_in_mult_group_of_N_x3: z.object({ N: integer, values: z.array(integer), bytes_consumed: z.number() }),
        scalar_from_hash: integer,
      }),
    ),
  }),
);

/** How many bytes a generator on `seed` has given: where its next 32 are found in a fresh stream. */
function consumed(rng: HashRng, seed: Encoding): number {
  const next = bytesToHex(rng.bytes(32));
  return bytesToHex(new HashRng(seed).bytes(10_000)).indexOf(next) / 2;
}

it('has cases, for the right group order', () => {
  expect(cases).toHaveLength(4);
  expect(curve_order_q).toBe(GROUP_ORDER);
});

describe.each(cases)('the generator on $seed_str', (recorded) => {
  const seed = text(recorded.seed_str);

  it('has the encoded seed', () => {
    expect(bytesToHex(seed)).toBe(recorded.seed_encoding);
  });

  it('gives the same bytes, in whatever pieces', () => {
    expect(bytesToHex(new HashRng(seed).bytes(160))).toBe(recorded.first_160_bytes);
    const rng = new HashRng(seed);
    const pieces = [0, 1, 31, 32, 33, 3, 60].map((length) => bytesToHex(rng.bytes(length)));
    expect(pieces.join('')).toBe(recorded.first_160_bytes);
  });

  it('gives the same 32-bit words', () => {
    const rng = new HashRng(seed);
    expect(Array.from({ length: 4 }, () => rng.nextU32())).toEqual(recorded.next_u32_x4);
  });

  it.each(recorded.random_below)('draws below $bound, and no more bytes than the crate', ({ bound_hex, value, bytes_consumed }) => {
    const rng = new HashRng(seed);
    expect(rng.below(bound_hex)).toBe(value);
    expect(consumed(rng, seed)).toBe(bytes_consumed);
  });

  it.each(recorded.from_rng_half_pm)('draws within half of $range', ({ range_hex, value }) => {
    expect(challenge.halfRangeChallenge(seed, range_hex)).toBe(value);
  });

  it('draws units', () => {
    const { N, values, bytes_consumed } = recorded.sample_in_mult_group_of_N_x3;
    expect(challenge.unitsChallenge(seed, N, 3)).toEqual(values);
    const rng = new HashRng(seed);
    expect(rng.units(N, 3)).toEqual(values);
    expect(consumed(rng, seed)).toBe(bytes_consumed);
  });

  it('draws a scalar', () => {
    expect(challenge.scalarChallenge(seed)).toBe(recorded.scalar_from_hash);
  });

  it('draws a signed scalar from the group order', () => {
    const q = recorded.from_rng_half_pm.find(({ range }) => range === 'q');
    expect(challenge.signedScalarChallenge(seed)).toBe(q?.value);
  });
});

describe('draws that the vectors hardly reach', () => {
  const seeds = Array.from({ length: 300 }, (_, k) => text(`seed ${k}`));

  it('below a small bound: every value, none else', () => {
    expect(new Set(seeds.map((seed) => new HashRng(seed).below(5n)))).toEqual(new Set([0n, 1n, 2n, 3n, 4n]));
    expect(new Set(seeds.map((seed) => new HashRng(seed).below(4n)))).toEqual(new Set([0n, 1n, 2n, 3n]));
  });

  it('units of a modulus with small factors: 0 and what shares a factor is skipped', () => {
    const drawn = challenge.unitsChallenge(text('units'), 15n, 200);
    expect(drawn.every((x) => gcd(x, 15n) === 1n)).toBe(true);
    expect(new Set(drawn).size).toBe(8);
    const oneByOne = new HashRng(text('units'));
    const expected: bigint[] = [];
    while (expected.length < 200) {
      const x = oneByOne.below(15n);
      if (gcd(x, 15n) === 1n) expected.push(x);
    }
    expect(drawn).toEqual(expected);
    const rng = new HashRng(text('units'));
    rng.units(15n, 200);
    expect(rng.bytes(32)).toEqual(oneByOne.bytes(32));
  });

  it('half ranges reach both ends', () => {
    expect(new Set(seeds.map((seed) => challenge.halfRangeChallenge(seed, 4n)))).toEqual(new Set([-2n, -1n, 0n, 1n, 2n]));
    expect(new Set(seeds.map((seed) => challenge.halfRangeChallenge(seed, 5n)))).toEqual(new Set([-2n, -1n, 0n, 1n, 2n]));
  });
});

describe('challenge bits', () => {
  const seed = text('bits');
  const words = Array.from(new Uint32Array(new HashRng(seed).bytes(16).buffer));

  it('are all live: bit k is bit k mod 32 of word k div 32', () => {
    const bits = challenge.bitsChallenge(seed, 128, false);
    expect(bits).toEqual(Array.from({ length: 128 }, (_, k) => (((words[k >> 5] ?? 0) >>> (k & 31)) & 1) === 1));
  });

  it('beyond the first word are zero where the crate is followed', () => {
    const bits = challenge.bitsChallenge(seed, 128, true);
    expect(bits.slice(0, 32)).toEqual(challenge.bitsChallenge(seed, 128, false).slice(0, 32));
    expect(bits.slice(32)).toEqual(Array<boolean>(96).fill(false));
  });

  it('are as many as asked for', () => {
    for (const count of [0, 1, 31, 32, 33, 64, 100]) {
      expect(challenge.bitsChallenge(seed, count, false)).toEqual(challenge.bitsChallenge(seed, 128, false).slice(0, count));
    }
  });

  it('each take both values', () => {
    const draws = Array.from({ length: 100 }, (_, k) => challenge.bitsChallenge(text(`draw ${k}`), 128, false));
    for (let k = 0; k < 128; k++) expect(new Set(draws.map((bits) => bits[k])).size).toBe(2);
  });
});
