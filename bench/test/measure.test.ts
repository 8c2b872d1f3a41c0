import { describe, expect, it } from '@jest/globals';
import { figures, interleave, turns } from '../src/measure.js';

const upTo = (n: number): number[] => Array.from({ length: n }, (_, k) => n - k);

describe('figures', () => {
  it.each([
    { values: [7], minimum: 7, median: 7, p95: 7, mean: 7 },
    { values: [4, 1], minimum: 1, median: 2.5, p95: 4, mean: 2.5 },
    { values: [10, 9, 100], minimum: 9, median: 10, p95: 100, mean: 119 / 3 },
    { values: upTo(19), minimum: 1, median: 10, p95: 19, mean: 10 },
    { values: upTo(20), minimum: 1, median: 10.5, p95: 19, mean: 10.5 },
    { values: upTo(100), minimum: 1, median: 50.5, p95: 95, mean: 50.5 },
  ])('of $values', ({ values, ...expected }) => {
    expect(figures(values)).toEqual({ samples: values.length, values, ...expected });
  });

  it('keep the order of the samples', () => {
    const values = [3, 1, 2];
    figures(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it('are of one sample at least', () => {
    expect(() => figures([])).toThrow(RangeError);
  });
});

describe('turns', () => {
  it.each([
    { samples: 3, rounds: 10 },
    { samples: 10, rounds: 10 },
    { samples: 0, rounds: 4 },
    { samples: 1, rounds: 7 },
    { samples: 25, rounds: 10 },
  ])('spread $samples over $rounds rounds', ({ samples, rounds }) => {
    const all = Array.from({ length: rounds }, (_, round) => turns(samples, rounds, round));
    expect(all.reduce((sum, count) => sum + count, 0)).toBe(samples);
    expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1);
  });
});

describe('interleave', () => {
  it('takes the samples alternately, each as often as it should', async () => {
    const order: string[] = [];
    const sampler = (name: string, value: number) => () => {
      order.push(name);
      return Promise.resolve(value);
    };
    const [ours, theirs] = await interleave([
      { samples: 4, sample: sampler('a', 1) },
      { samples: 2, sample: sampler('b', 5) },
    ]);
    expect(order).toEqual(['a', 'a', 'b', 'a', 'a', 'b']);
    expect(ours).toMatchObject({ samples: 4, mean: 1 });
    expect(theirs).toMatchObject({ samples: 2, mean: 5 });
  });
});
