import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { batchSize, largestShare, nextBatch, type SetLevel } from '../../src/presigning/refill_plan.js';
import { BATCH } from '../../src/workers/batch.js';
import { signerSets } from '../../src/cluster/signer_sets.js';

const levels = (counts: number[]): SetLevel[] => counts.map((count, k) => ({ signers: [k, k + 1], count }));

describe('what a leader asks for next', () => {
  it.each([
    ['the share of an empty set', [0, 0, 0, 0], 12, { signers: [0, 1], size: 3 }],
    ['the one set that has the fewest', [5, 3, 4, 5], 20, { signers: [1, 2], size: 2 }],
    ['one when one is missing', [5, 5, 4, 5], 20, { signers: [2, 3], size: 1 }],
    ['nothing when all have their share', [5, 5, 5, 5], 20, null],
    ['no more than a batch', [0, 0, 0, 0], 500, { signers: [0, 1], size: BATCH }],
    ['no more than the aim in all', [8, 8, 6, 8], 31, { signers: [2, 3], size: 1 }],
    ['the share of a set also when others have more than theirs', [2, 0, 4, 2], 8, { signers: [1, 2], size: 2 }],
    ['more of the one set that is live', [5], 20, { signers: [0, 1], size: 3 }],
    ['of the one set that is live no more than it has room for', [8], 20, null],
    ['one of each set when there are more sets than presignatures', [1, 1, 0, 0], 4, { signers: [2, 3], size: 1 }],
    ['nothing when no set is live', [], 20, null],
    ['nothing when there is to be no pool', [0, 0], 0, null],
  ])('is %s', (_what, counts, all, expected) => {
    expect(nextBatch(levels(counts), { all, ofSet: largestShare(32, 4) }, BATCH)).toEqual(expected);
  });

  it.each([
    [1, [BATCH]],
    [2, [BATCH, BATCH / 2]],
    [4, [BATCH, (3 * BATCH) / 4, BATCH / 2, BATCH / 4]],
  ])('is smaller the more of %i at most were begun just now, so that they end one after the other', (most, sizes) => {
    expect(sizes.map((_, together) => batchSize(together, most))).toEqual(sizes);
  });

  it('fills the pool to the aim, evenly, and not further, from wherever it is', () => {
    fc.assert(
      fc.property(
        fc.constantFrom([3, 2], [4, 3], [7, 5], [2, 2]),
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.nat(9), { maxLength: 21 }),
        fc.integer({ min: 1, max: BATCH }),
        ([n = 0, t = 0], aim, held, most) => {
          const sets = signerSets('', n, t);
          const pool = sets.map((signers, k) => ({ signers, count: held[k] ?? 0 }));
          const share = Math.ceil(aim / sets.length);
          const useful = (): number => pool.reduce((sum, { count }) => sum + Math.min(count, share), 0);
          const before = useful();
          const limits = { all: aim, ofSet: largestShare(aim, sets.length) };
          for (let next = nextBatch(pool, limits, most); next !== null; next = nextBatch(pool, limits, most)) {
            expect(next.size).toBeGreaterThan(0);
            expect(next.size).toBeLessThanOrEqual(most);
            for (const level of pool) if (level.signers === next.signers) level.count += next.size;
          }
          expect(useful()).toBe(Math.max(aim, before));
          for (const [k, { count }] of pool.entries()) expect(count).toBeLessThanOrEqual(Math.max(share, held[k] ?? 0));
        },
      ),
    );
  });
});
