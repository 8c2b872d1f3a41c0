import { expect, test } from '@jest/globals';
import { LIVELOCK } from '../src/livelock.js';
import { owedTo } from '../src/owed.js';
import type { Schedule } from '../src/schedule.js';

const [request] = LIVELOCK.requests;
const message = request?.message ?? '';
/** Three of four sign; the network is calm after ten seconds. */
const plain: Schedule = { ...LIVELOCK, calmAt: 10_000, stepMs: 100 };
const refusedBy = (...parties: readonly number[]): Schedule =>
  ({ ...plain, requests: [{ at: 4_000, message, refusedBy: parties, cancelledAfterMs: null }] });

test('A request is owed a signature within the bound, also when as many refuse it as may', () => {
  expect(owedTo(message, plain, 5_000).ends).toEqual({ completed: true, failures: [] });
  const { ends, by } = owedTo(message, refusedBy(3), 5_000);
  expect(ends).toEqual({ completed: true, failures: [] });
  expect(by).toBeGreaterThan(owedTo(message, plain, 5_000).by);
});

test('When one more refuses it, it has to fail, and soon', () => {
  expect(owedTo(message, refusedBy(2, 3), 5_000)).toEqual({ ends: { completed: false, failures: ['policy_refused'] }, by: 41_000 });
});

test('One that is short-lived may expire, and ends two minutes later', () => {
  const { ends, by } = owedTo(message, { ...plain, lifetimeMs: 3_000 }, 20_000);
  expect(ends).toEqual({ completed: true, failures: ['expired', 'policy_refused'] });
  expect(by).toBe(20_000 + 3_000 + 135_000);
});

test('A board that is restarted gets it again ten seconds later', () => {
  const restarted: Schedule = { ...refusedBy(2, 3), faults: [{ at: 9_000, kind: 'start', who: 'board' }] };
  expect(owedTo(message, restarted, 5_000).by).toBe(9_000 + 10_000 + 200 + 30_000);
});
