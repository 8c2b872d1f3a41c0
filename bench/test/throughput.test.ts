import { describe, expect, it } from '@jest/globals';
import { throughput, type EmptiedPool, type Timed } from '../src/throughput.js';

const START = 1000;
const at = (ms: number, presignature?: string): Timed => ({ end: START + ms, ms, presignature });
const emptied: EmptiedPool = {
  label: '3 of 4',
  count: 8,
  inFlight: 64,
  start: START,
  // In the order of their ends: of the pool, in full, one made meanwhile, the last of the pool, and two that found it empty.
  signed: [at(500, 'a'), at(1400, 'b'), at(1500), at(1900, 'new'), at(2000, 'c'), at(7000, 'newer'), at(9000)],
  pool: new Set(['a', 'b', 'c', 'used before']),
  wrong: 0,
};

function valuesOf(pool: EmptiedPool, text: string): number[] | undefined {
  return throughput(pool, []).find(({ name }) => name.includes(text))?.ours.values;
}

describe('throughput', () => {
  it('is the rate of presigned signatures until the pool is empty, whatever was signed in full or waited for a new presignature', () => {
    expect(valuesOf(emptied, 'presigned signatures until a pool of 8 is empty')).toEqual([1, 3]);
    expect(valuesOf(emptied, 'each of them')).toEqual([500, 1400, 1900, 2000]);
  });

  it('says how many are not counted', () => {
    expect(valuesOf(emptied, 'waited for a new presignature')).toEqual([1]);
    expect(valuesOf(emptied, 'signed in full')).toEqual([2]);
  });

  it('counts what is wrong and what is missing', () => {
    expect(valuesOf({ ...emptied, wrong: 2 }, 'wrong or missing')).toEqual([3]);
  });

  it('has no rate when nothing of the pool was used', () => {
    const results = throughput({ ...emptied, pool: new Set() }, []);
    expect(results.map(({ ours }) => ours.values)).toEqual([[5], [2], [1]]);
  });
});
