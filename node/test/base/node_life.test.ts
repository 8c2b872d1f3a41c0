import { beforeEach, describe, expect, it } from '@jest/globals';
import { sleep } from 'service/clock';
import { VirtualClock } from 'testkit/virtual_clock';
import { NodeLife } from '../../src/base/node_life.js';

const WORK_MS = 1_000;

let clock: VirtualClock;
let stopping: AbortController;
let life: NodeLife;
beforeEach(() => {
  clock = new VirtualClock();
  stopping = new AbortController();
  life = new NodeLife(stopping.signal);
});

/** @returns whether the promise is resolved */
function resolved(promise: Promise<void>): () => boolean {
  let isResolved = false;
  void promise.then(() => {
    isResolved = true;
  });
  return () => isResolved;
}

describe('the life of a node', () => {
  it('goes on, and takes part, until something ends it', () => {
    expect([life.ended.aborted, life.withdrawn.aborted, life.isCloned]).toEqual([false, false, false]);
  });

  it('is over when the process has to stop, for the reason of that', () => {
    const reason = new Error('SIGTERM');
    stopping.abort(reason);
    expect([life.ended.reason, life.withdrawn.reason]).toEqual([reason, reason]);
    expect(life.isCloned).toBe(false);
  });

  it('goes on when a later process has its identity, but takes part in nothing, and is a clone until its end and after it', async () => {
    life.cloned();
    expect([life.ended.aborted, life.withdrawn.aborted, life.isCloned]).toEqual([false, true, true]);
    await life.end();
    expect([life.ended.aborted, life.isCloned]).toEqual([true, true]);
  });

  it('is no clone when it is over already', async () => {
    await life.end();
    life.cloned();
    expect(life.isCloned).toBe(false);
  });

  it('ends the work in the background, and has ended only when the last of it has', async () => {
    const ended: string[] = [];
    const work = async (name: string, ms: number): Promise<void> => {
      await new Promise((resolve) => {
        life.ended.addEventListener('abort', resolve);
      });
      await sleep(clock, ms);
      ended.push(name);
    };
    life.inBackground(work('long', WORK_MS));
    life.inBackground(work('short', WORK_MS / 2));
    await clock.advance(10 * WORK_MS);
    expect(ended).toEqual([]);
    const isOver = resolved(life.end());
    await clock.advance(WORK_MS - 1);
    expect(ended).toEqual(['short']);
    expect(isOver()).toBe(false);
    await clock.advance(1);
    expect(ended).toEqual(['short', 'long']);
    expect(isOver()).toBe(true);
  });
});
