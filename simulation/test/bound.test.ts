import { expect, test } from '@jest/globals';
import { completedBy, type BoundInputs } from '../src/bound.js';

/** Three of four sign; nothing takes any time. Turns are 3.5 s until 14 s, 7 s until 42 s, 14 s until 98 s, then 28 s. */
const inputs: BoundInputs = {
  n: 4, t: 3, calmAt: 0, acceptedAt: 0, bornAt: 0, deltaMs: 0, signingMs: 0, requests: 1, areSilent: false,
};

test.each<[string, Partial<BoundInputs>, number]>([
  ['3 sets for each of 4 leaders: the first turn after 17 s, and 11 more', {}, 42_000 + 56_000 + 5 * 28_000],
  ['one silent member: 3 turns, the first after 9 s', { areSilent: true }, 28_000],
  ['two requests: each round twice, and a turn more', { requests: 2 }, 42_000 + 56_000 + 23 * 28_000],
  ['two requests, one silent member', { requests: 2, areSilent: true }, 42_000 + 56_000 + 23 * 28_000],
  ['a signing of 4 s needs turns of 8 s: those of 7 s do not count', { areSilent: true, signingMs: 4_000 }, 84_000],
  ['messages take a second: those of 7 s do not count', { areSilent: true, deltaMs: 1_000 }, 86_000],
  ['the network is calm only at 30 s', { areSilent: true, calmAt: 30_000 }, 84_000],
  ['the board took it at 100 s', { areSilent: true, bornAt: 100_000, acceptedAt: 90_000 }, 110_500],
])('%s', (_, change, expected) => {
  expect(completedBy({ ...inputs, ...change })).toBe(expected);
});
