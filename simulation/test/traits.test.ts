import { expect, test } from '@jest/globals';
import { Counts } from '../src/counts.js';
import { drawSchedule } from '../src/schedule.js';
import { traitsOf } from '../src/traits.js';
import { HONEST } from '../src/vices.js';

const KINDS = {
  schedules: ['small', 'large'],
  clusters: ['2 of 3', '2 of 4', '3 of 4', '3 of 5'],
  fit: ['just enough', 'more', 'all'],
  pools: ['0', '2', '4', '8', '24'],
  network: ['calm from the start', 'losses', 'delays', 'repeats'],
  faults: [
    ...['freeze', 'cut', 'stop', 'start'].flatMap((kind) => [`${kind} node`, `${kind} gateway`]),
    ...['freeze', 'stop', 'start'].map((kind) => `${kind} board`),
  ],
  vices: Object.keys(HONEST),
  requests: ['few', 'burst', 'cancelled', 'refused by enough', 'refused by some', 'short-lived'],
};

test('Of ten thousand schedules, fifty or more have each kind of fault, vice, request, pool and cluster', () => {
  const counts = new Counts();
  for (let seed = 1; seed <= 10_000; seed += 1) counts.add(traitsOf(drawSchedule(String(seed))));
  for (const [group, kinds] of Object.entries(KINDS)) {
    const seen = counts.of(group);
    expect([...seen.keys()].sort()).toEqual([...kinds].sort());
    expect(Math.min(...seen.values())).toBeGreaterThanOrEqual(50);
  }
});

test('The most frequent come first', () => {
  const counts = new Counts();
  counts.add({ pools: ['0'], vices: [] });
  counts.add({ pools: ['4', '0'], vices: ['silent'] });
  expect(counts.text).toBe('  pools     0 2, 4 1\n  vices     silent 1\n');
});
