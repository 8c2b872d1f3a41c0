import { expect, test } from '@jest/globals';
import { newProcess, ProcessClock, Timeline } from '../src/timeline.js';

const never = (): boolean => false;

test('Events happen in the order of their times; those of one moment in the order in which they were made', async () => {
  const timeline = new Timeline();
  const seen: string[] = [];
  for (const [ms, name] of [[30, 'd'], [10, 'a'], [20, 'b'], [20, 'c']] as const) timeline.at(ms, null, () => seen.push(name));
  await timeline.run(never);
  expect([seen.join(''), timeline.now]).toEqual(['abcd', 30]);
});

test('What an event sets free is done before the next event', async () => {
  const timeline = new Timeline();
  const seen: string[] = [];
  timeline.at(1, null, () => {
    void (async () => {
      for (let k = 0; k < 100; k += 1) await Promise.resolve();
      seen.push(`settled at ${timeline.now}`);
    })();
  });
  timeline.at(2, null, () => seen.push('next'));
  await timeline.run(never);
  expect(seen).toEqual(['settled at 1', 'next']);
});

test('A heap of many events stays in order', async () => {
  const timeline = new Timeline();
  const seen: number[] = [];
  for (let k = 0; k < 1_000; k += 1) {
    const timer = timeline.at((k * 7_919) % 1_009, null, () => seen.push(timeline.now));
    if (k % 10 === 0) timer.stop();
  }
  await timeline.run(never);
  expect(seen).toHaveLength(900);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});

test('A frozen process catches up when it goes on, and a dead one does nothing', async () => {
  const timeline = new Timeline();
  const [frozen, dead] = [newProcess('frozen'), newProcess('dead')];
  const seen: string[] = [];
  for (const ms of [20, 10]) timeline.at(ms, frozen, () => seen.push(`${ms} at ${timeline.now}`));
  timeline.at(5, dead, () => seen.push('the dead live'));
  frozen.frozenUntil = 50;
  dead.isAlive = false;
  await timeline.run(never);
  expect(seen).toEqual(['10 at 50', '20 at 50']);
});

test('A fast clock is ahead, and its timers end early', async () => {
  const timeline = new Timeline();
  const clock = new ProcessClock(timeline, newProcess('fast'), { rate: 2, wall: 1_000 });
  let ended = -1;
  clock.after(100, () => {
    ended = timeline.now;
  });
  await timeline.run(never);
  expect([ended, clock.monotonic(), clock.now()]).toEqual([50, 100, 1_050]);
});

test('A loop that waits until a moment comes to its end, however it is rounded', async () => {
  const timeline = new Timeline();
  const clock = new ProcessClock(timeline, newProcess('slow'), { rate: 0.995, wall: 0 });
  let rounds = 0;
  const end = 1e7 / 3;
  const again = (): void => {
    rounds += 1;
    if (clock.monotonic() < end) clock.after(end - clock.monotonic(), again);
  };
  again();
  await timeline.run(() => rounds > 10);
  expect(clock.monotonic()).toBeGreaterThanOrEqual(end);
});
