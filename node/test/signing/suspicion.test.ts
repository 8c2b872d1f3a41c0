import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NodeStatus } from 'message-board/contract';
import { VirtualClock } from 'testkit/virtual_clock';
import { Suspicion } from '../../src/signing/suspicion.js';

const MINUTE_MS = 60_000;

let clock: VirtualClock;
let life: AbortController;
let told: (readonly string[] | undefined)[];

const of = (n: number, t: number): Suspicion => {
  const presence = { update: ({ suspects }: Pick<Partial<NodeStatus>, 'suspects'>): void => void told.push(suspects) };
  return new Suspicion({ n, t, clock, presence }, life.signal);
};

beforeEach(() => {
  [clock, life, told] = [new VirtualClock(), new AbortController(), []];
});
afterEach(() => {
  life.abort();
});

describe('a party that owed a message', () => {
  it('is suspected for a minute, and the others are told', async () => {
    const suspicion = of(4, 3);
    suspicion.suspect([2]);
    expect([...suspicion.parties]).toEqual([2]);
    await clock.advance(MINUTE_MS - 1);
    expect([...suspicion.parties]).toEqual([2]);
    await clock.advance(2);
    expect([...suspicion.parties]).toEqual([]);
    expect(told).toEqual([['node-3'], []]);
  });

  it.each([
    ['n - t of them, the latest', 5, 3, [[0], [1], [2]], [1, 2]],
    ['the one that owes again, as the latest', 5, 3, [[0], [1], [0], [2]], [0, 2]],
    ['n - t of those that owed at the same time', 5, 3, [[0, 1, 2]], [1, 2]],
    ['nobody, where all have to sign', 3, 3, [[0], [1]], []],
  ])('is suspected as one of few: %s', (_what, n, t, owing, expected) => {
    const suspicion = of(n, t);
    for (const parties of owing) suspicion.suspect(parties);
    expect([...suspicion.parties].sort((a, b) => a - b)).toEqual(expected);
  });
});
