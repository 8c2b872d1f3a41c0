/** What a store does for its records, seen from inside: how many it looks at, and what it counts. */
import { describe, expect, it } from '@jest/globals';
import type { Status } from '../src/contract/contract.js';
import { Sequence } from '../src/store/sequence.js';
import type { Usage } from '../src/store/store_context.js';
import { Works, type Work } from '../src/store/works.js';
import { LIMITS } from './support.js';

interface Item {
  readonly id: string;
  readonly status: Status;
}

function testWorks(limits: Partial<typeof LIMITS> = {}) {
  const usage: Usage = { entries: 0, bytes: 0, entryBytesOf: new Map() };
  const works = new Works<Item>(usage, { ...LIMITS, maxFinished: 10_000, ...limits }, 0.375);
  const sequence = new Sequence('x');
  const looks = { count: 0 };
  const add = (id: string, isFinished = false): Work<Item> => {
    const work = works.begin(id, 0, null);
    works.announce(work, { id, status: isFinished ? 'completed' : 'pending' }, sequence.next(), 1_000, 0);
    if (isFinished) works.finish(work, 0);
    return work;
  };
  /** Adds one whose record notes when somebody looks at it. */
  const addWatched = (id: string, isFinished: boolean): void => {
    const work = add(id, isFinished);
    const { record } = work;
    Object.defineProperty(work, 'record', {
      get: () => {
        looks.count += 1;
        return record;
      },
    });
  };
  const idsOf = (...query: Parameters<typeof works.records>): string[] => [...works.records(...query)].map(({ id }) => id);
  return { works, usage, sequence, looks, add, addWatched, idsOf };
}

describe('a list that begins after one of its elements', () => {
  it('looks at no element before that', () => {
    const { looks, addWatched, idsOf } = testWorks();
    for (let k = 0; k < 1_000; k += 1) addWatched(`w_${k}`, k % 2 === 0);
    expect([idsOf(undefined, 'w_998'), idsOf('pending', 'w_996'), idsOf('failed', 'w_999')]).toEqual([['w_999'], ['w_997', 'w_999'], []]);
    expect(looks.count).toBeLessThan(10);
  });

  it('of what is open looks at nothing that is finished', () => {
    const { looks, addWatched, idsOf } = testWorks();
    for (let k = 0; k < 1_000; k += 1) addWatched(`w_${k}`, k !== 500);
    expect(idsOf('pending', undefined)).toEqual(['w_500']);
    expect(looks.count).toBe(1);
  });

  it.each(['records', 'changedAfter'] as const)('of one status (%s) looks at nothing of another', (list) => {
    const { works, looks, addWatched } = testWorks();
    for (let k = 0; k < 1_000; k += 1) addWatched(`w_${k}`, k !== 500);
    const idsWith = (status: Status): string[] => {
      const found = list === 'records' ? works.records(status, undefined) : works.changedAfter(status, '');
      return [...found].map(({ id }) => id);
    };
    expect([idsWith('failed'), looks.count]).toEqual([[], 0]);
    expect([idsWith('pending'), looks.count]).toEqual([['w_500'], 1]);
  });

  it('of one status is in order of arrival, whatever the order in which they came to it', () => {
    const { works, sequence, add, idsOf } = testWorks();
    const all = ['a', 'b', 'c', 'd'].map((id) => add(id));
    for (const work of [all[2], all[0], all[3]]) {
      if (work === undefined) throw new Error('four');
      works.change(work, { id: work.id, status: 'failed' }, sequence.next(), 1_000);
      works.finish(work, 0);
    }
    expect([idsOf('failed', undefined), idsOf('failed', 'a'), idsOf('pending', undefined)]).toEqual([['a', 'c', 'd'], ['c', 'd'], ['b']]);
    expect([...works.changedAfter('failed', '')].map(({ id }) => id)).toEqual(['c', 'a', 'd']);
    for (const work of all) works.drop(work);
    expect([idsOf('failed', undefined), idsOf('pending', undefined), idsOf(undefined, undefined)]).toEqual([[], [], []]);
  });

  it('begins behind one that is finished, and at the start behind one that is forgotten', () => {
    const { works, sequence, add, idsOf } = testWorks({ maxFinished: 1 });
    const [, b, c] = ['a', 'b', 'c', 'd'].map((id) => add(id));
    if (b === undefined || c === undefined) throw new Error('four');
    const finish = (work: Work<Item>): void => {
      works.change(work, { id: work.id, status: 'completed' }, sequence.next(), 1_000);
      works.finish(work, 0);
    };
    finish(b);
    expect([idsOf(undefined, 'b'), idsOf('pending', 'b'), idsOf('pending', undefined)]).toEqual([['c', 'd'], ['c', 'd'], ['a', 'c', 'd']]);
    finish(c);
    expect([idsOf(undefined, 'b'), idsOf('pending', 'c')]).toEqual([['a', 'c', 'd'], ['d']]);
  });

  it('has what is announced anew at its end', () => {
    const { works, sequence, add, idsOf } = testWorks();
    for (const id of ['a', 'b']) add(id);
    const work = works.begin('c', 0, null);
    add('d');
    works.announce(work, { id: 'c', status: 'pending' }, sequence.next(), 1_000, 0);
    expect([idsOf(undefined, undefined), idsOf('pending', 'd')]).toEqual([['a', 'b', 'd', 'c'], ['c']]);
  });
});

it('what finished records take is as much as they are counted for when they go, also when they have grown', () => {
  const { works, usage, sequence, add } = testWorks({ maxStoredBytes: 8_000 });
  const finished = (): string[] => [...works.finished.keys()];
  for (const id of ['a', 'b']) add(id, true);
  const work = add('c', true);
  // Finished ones have room for 3,000 bytes.
  expect(finished()).toEqual(['a', 'b', 'c']);
  works.change(work, { id: 'c', status: 'completed' }, sequence.next(), 2_500);
  add('d', true);
  expect([finished(), usage.bytes]).toEqual([['d'], 1_000]);
  for (const id of ['e', 'f', 'g', 'h']) add(id, true);
  expect([finished(), usage.bytes]).toEqual([['f', 'g', 'h'], 3_000]);
});
