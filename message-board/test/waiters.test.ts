import { expect, it } from '@jest/globals';
import { systemClock } from 'service/clock';
import { Waiters } from '../src/server/waiters.js';

const never = new AbortController().signal;

it('news in no hurry wakes a reader once, a moment later; other news at once', async () => {
  const waiters = new Waiters({ max: 10, shares: 1, clock: systemClock });
  const woken: string[] = [];
  const wait = async (name: string, ms: number): Promise<void> => {
    const hasNews = await waiters.wait('topic', ms, never, null);
    woken.push(`${name} ${String(hasNews)}`);
  };
  const first = wait('first', 30_000);
  for (let k = 0; k < 5; k++) waiters.wakeSoon('topic');
  await new Promise(setImmediate);
  expect(woken).toEqual([]);
  await first;
  await wait('second', 300);
  const third = wait('third', 30_000);
  waiters.wakeSoon('topic');
  waiters.wake('topic');
  await new Promise(setImmediate);
  expect(woken).toEqual(['first true', 'second false', 'third true']);
  await third;
});
