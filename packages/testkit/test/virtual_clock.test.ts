import { describe, expect, it } from '@jest/globals';
import { sleep } from 'service/clock';
import { VirtualClock } from '../src/virtual_clock.js';

describe('VirtualClock', () => {
  it('fires timers in the order of their times, then in the order in which they were set', async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    for (const [ms, name] of [
      [20, 'c'],
      [10, 'a'],
      [10, 'b'],
      [-5, 'at once'],
    ] as const)
      clock.after(ms, () => fired.push(`${name} ${clock.monotonic()}`));
    await clock.advance(15);
    expect(fired).toEqual(['at once 0', 'a 10', 'b 10']);
    await clock.advance(5);
    expect(fired.at(-1)).toBe('c 20');
  });

  it('settles what a timer sets off before the next one fires', async () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    const loop = async (): Promise<void> => {
      for (let k = 0; k < 3; k++) {
        await sleep(clock, 10);
        seen.push(clock.monotonic());
      }
    };
    const running = loop();
    await clock.advance(1_000);
    await running;
    expect(seen).toEqual([10, 20, 30]);
  });

  it('sets the wall clock alone forward and back', async () => {
    const clock = new VirtualClock(1_000);
    await clock.advance(5);
    clock.jump(-500);
    expect([clock.now(), clock.monotonic()]).toEqual([505, 5]);
  });
});
