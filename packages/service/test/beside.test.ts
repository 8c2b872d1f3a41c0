import { expect, it } from '@jest/globals';
import { VirtualClock } from 'testkit/virtual_clock';
import { Beside } from '../src/beside.js';

const never = (): Promise<never> => new Promise(() => undefined);

it('gives what a call gives in time, well or not', async () => {
  const clock = new VirtualClock();
  const beside = new Beside(clock, 1);
  expect(await beside.run(1_000, () => Promise.resolve('a'))).toBe('a');
  await expect(beside.run(1_000, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect([await beside.run(1_000, () => Promise.resolve('b')), clock.pending]).toEqual(['b', 0]);
});

it('goes on when a call hangs, which then harms nobody when it fails', async () => {
  const clock = new VirtualClock();
  const beside = new Beside(clock, 2);
  let fail: (error: Error) => void = () => undefined;
  const slow = beside.run(1_000, () => new Promise((_, reject) => { fail = reject; }));
  await clock.advance(1_000);
  expect(await slow).toBeUndefined();
  fail(new Error('late'));
  await clock.advance(1);
  expect(await beside.run(1_000, () => Promise.resolve('next'))).toBe('next');
});

it('begins none while too many hang, and waits', async () => {
  const clock = new VirtualClock();
  const beside = new Beside(clock, 2);
  const hanging = [beside.run(100, never), beside.run(100, never)];
  let calls = 0;
  const third = beside.run(100, () => Promise.resolve(++calls));
  await clock.advance(100);
  expect([await Promise.all(hanging), await third, calls]).toEqual([[undefined, undefined], undefined, 0]);
});
