import { describe, expect, it } from '@jest/globals';
import { OrderedSlots } from '../../src/base/ordered_slots.js';

/** A piece of work that ends when told. */
function job(): { work: () => Promise<void>; end: () => void; started: () => boolean } {
  let end = (): void => undefined;
  let started = false;
  const done = new Promise<void>((resolve) => (end = resolve));
  const work = (): Promise<void> => {
    started = true;
    return done;
  };
  return { work, end: () => { end(); }, started: () => started };
}

const never = new AbortController().signal;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('ordered slots', () => {
  it('admit as many as there are, then the first in order, not in time', async () => {
    const slots = new OrderedSlots(1);
    const [a, c, b] = [job(), job(), job()];
    const runs = [slots.run('a', never, a.work), slots.run('c', never, c.work), slots.run('b', never, b.work)];
    await settle();
    expect([a.started(), b.started(), c.started()]).toEqual([true, false, false]);
    a.end();
    await settle();
    expect([b.started(), c.started()]).toEqual([true, false]);
    b.end();
    await settle();
    expect(c.started()).toBe(true);
    c.end();
    await Promise.all(runs);
  });

  it('are given back when the work throws', async () => {
    const slots = new OrderedSlots(1);
    await expect(slots.run('a', never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(slots.run('b', never, () => Promise.resolve(7))).resolves.toBe(7);
  });

  it('forget who gave up waiting', async () => {
    const slots = new OrderedSlots(1);
    const a = job();
    const running = slots.run('a', never, a.work);
    const controller = new AbortController();
    const b = job();
    const waiting = slots.run('b', controller.signal, b.work);
    controller.abort(new Error('gave up'));
    await expect(waiting).rejects.toThrow('gave up');
    a.end();
    await running;
    expect(b.started()).toBe(false);
    await expect(slots.run('c', never, () => Promise.resolve('in'))).resolves.toBe('in');
  });
});
