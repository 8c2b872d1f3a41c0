import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { digest, EntryLog } from '../src/store/entry_log.js';
import { Sequence } from '../src/store/sequence.js';
import { privateMembersOf } from './private_members.js';
import { OrderedList } from '../src/store/ordered_list.js';

describe('Sequence', () => {
  it('makes ids that sort in order, and knows its own', () => {
    const sequence = new Sequence('ab');
    const ids = Array.from({ length: 120 }, () => sequence.next());
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(120);
    for (const id of ids) expect(sequence.made(id)).toBe(true);
    for (const id of ['', 'ab.', 'ab.1', 'ac.000000000001', 'ab.000000000121', `${ids[0] ?? ''}0`]) expect(sequence.made(id)).toBe(false);
  });
});

describe('EntryLog', () => {
  const log = new EntryLog<{ id: string; payload: string }>();
  const sequence = new Sequence('x');
  const entries = ['a', 'b', 'c', 'd', 'e'].map((payload) => ({ id: sequence.next(), payload }));
  for (const entry of entries) log.push(digest({ payload: entry.payload }), entry, null);

  it('reads on after any of its entries', () => {
    entries.forEach((entry, k) => {
      expect([...log.after(entry.id)]).toEqual(entries.slice(k + 1));
    });
  });

  it.each([undefined, '', 'x.000000000099', 'w.000000000001', 'zz'])('reads from the start after %j', (cursor) => {
    expect([...log.after(cursor)]).toEqual(entries);
  });

  it('without what one caller has posted, begins behind what is left of the others', () => {
    const shared = new EntryLog<{ id: string; payload: string }>();
    entries.forEach((entry, k) => {
      shared.push(digest({ payload: entry.payload }), entry, k % 2 === 0 ? 'node-1' : 'node-2');
    });
    shared.forget('node-1');
    const [, b, , d] = entries;
    expect([...shared.after(undefined)]).toEqual([b, d]);
    expect([...shared.after(b?.id)]).toEqual([d]);
    expect([...shared.after(entries[2]?.id)]).toEqual([b, d]);
    expect([shared.size, shared.find(digest({ payload: 'a' })), shared.find(digest({ payload: 'b' }))]).toEqual([2, undefined, b]);
    expect([shared.bytes, [...shared.owners.keys()]]).toEqual([shared.owners.get('node-2')?.bytes, ['node-2']]);
    shared.forget('node-2');
    expect([shared.size, shared.bytes, shared.owners.size]).toEqual([0, 0, 0]);
  });

  it('finds what was pushed', () => {
    expect(log.find(digest({ payload: 'c' }))).toBe(entries[2]);
    expect(log.find(digest({ payload: 'f' }))).toBeUndefined();
  });
});

describe('OrderedList', () => {
  it('reads on as a sorted array with the removed items left out does', () => {
    const step = fc.oneof(fc.constant('add' as const), fc.nat(200));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), fc.nat(450), (steps, from) => {
        const list = new OrderedList<number>();
        const model = new Map<number, ReturnType<typeof list.add>>();
        const key = (n: number): string => String(n).padStart(6, '0');
        let next = 0;
        for (const action of steps) {
          if (action === 'add') {
            model.set(next, list.add(key(next), next));
            next += 1;
          } else {
            const place = model.get(action);
            if (place !== undefined) list.remove(place);
            model.delete(action);
          }
        }
        expect([...list.after(key(from))]).toEqual([...model.keys()].filter((n) => n > from));
        expect([...list.after('')]).toEqual([...model.keys()]);
      }),
    );
  });

  it('has its items in the order of their keys, in whatever order they came', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(1_000), { maxLength: 200 }), fc.nat(1_000), (keys, from) => {
        const list = new OrderedList<number, number>();
        const places = keys.map((key) => list.add(key, key));
        const removed = places.filter((_place, k) => k % 3 === 0);
        for (const place of removed) list.remove(place);
        const left = keys.filter((_key, k) => k % 3 !== 0).sort((a, b) => a - b);
        expect([...list.after(from)]).toEqual(left.filter((key) => key > from));
        // A key that was removed can be added again.
        for (const { order } of removed) list.add(Number(order), Number(order));
        expect([...list.after(-1)]).toEqual([...keys].sort((a, b) => a - b));
      }),
    );
  });

  it('does not keep what was removed', () => {
    const list = new OrderedList<number>();
    for (let n = 0; n < 10_000; n += 1) list.remove(list.add(String(n).padStart(6, '0'), n));
    const [slots] = privateMembersOf(list).filter(Array.isArray);
    expect(slots?.length).toBeLessThan(100);
  });
});
