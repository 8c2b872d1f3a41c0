import { describe, expect, it } from '@jest/globals';
import { cpuOf, residentOf, slope } from '../src/processes.js';
import { rateOf, ratesIn } from '../src/rates.js';

describe('what /proc says', () => {
  it('has CPU time in ticks of 10 ms, user and system, whatever the name', () => {
    expect(cpuOf('123 (a) b (c) S 1 123 123 0 -1 4194560 2000 0 1 0 250 17 0 0 20 0 11 0 100 1000 200')).toBe(2670);
  });

  it('has resident memory', () => {
    expect(residentOf('Name:\tnode\nVmHWM:\t  9999 kB\nVmRSS:\t  2048 kB\nThreads:\t11\n')).toBe(2);
    expect(residentOf('Name:\tnode\n')).toBeNaN();
  });
});

describe('slope', () => {
  it.each([
    { values: [], expected: 0 },
    { values: [5], expected: 0 },
    { values: [5, 5, 5], expected: 0 },
    { values: [1, 3, 5, 7], expected: 2 },
    { values: [4, 2, 0], expected: -2 },
    { values: [0, 3, 0, 3, 0], expected: 0 },
    { values: [0, 0, 3], expected: 1.5 },
  ])('of $values', ({ values, expected }) => {
    expect(slope(values)).toBeCloseTo(expected, 12);
  });
});

describe('rateOf', () => {
  it('is what came between the first level and the last, a second', () => {
    expect(rateOf([{ at: 1000, count: 2 }, { at: 1500, count: 4 }, { at: 5000, count: 10 }])).toBe(2);
  });

  it.each([
    { levels: [] },
    { levels: [{ at: 0, count: 9 }] },
    {
      levels: [
        { at: 0, count: 1 },
        { at: 1000, count: 3 },
      ],
    },
  ])('is not told from too few: $levels', ({ levels }) => {
    expect(rateOf(levels)).toBeNull();
  });
});

describe('ratesIn', () => {
  it('counts ends in windows of a second', () => {
    expect(ratesIn([100, 900, 1100, 2000], 0, 2000)).toEqual([2, 2]);
  });

  it('stretches the windows over a time that is no whole number of seconds, so that their mean is the rate of all', () => {
    const rates = ratesIn([500, 700, 1000, 2200, 3500], 0, 3500);
    expect(rates).toHaveLength(3);
    expect(rates.reduce((sum, rate) => sum + rate, 0) / 3).toBeCloseTo(5 / 3.5, 12);
  });

  it('has one window for less than a second', () => {
    expect(ratesIn([10, 20], 0, 200)).toEqual([10]);
  });
});
