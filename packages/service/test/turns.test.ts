import { describe, expect, it } from '@jest/globals';
import { setImmediate as nextRound } from 'node:timers/promises';
import { Turns } from '../src/turns.js';

describe('turns', () => {
  const never = (): AbortSignal => new AbortController().signal;

  function testTurns() {
    const turns = new Turns();
    const order: string[] = [];
    const ask = (caller: string, label: string, ended = never): void => {
      void turns.turn(caller, ended).then((isTurn) => order.push(isTurn ? label : `not ${label}`));
    };
    return { turns, order, ask };
  }

  it('are one of each caller, however many calls another one has', async () => {
    const { order, ask } = testTurns();
    for (let k = 1; k <= 100; k += 1) ask('a', `a${k}`);
    await nextRound();
    ask('b', 'b1');
    ask('b', 'b2');
    ask('c', 'c1');
    for (let k = 0; k < 3; k += 1) await nextRound();
    expect(order.indexOf('c1')).toBeLessThan(5);
    expect(order.indexOf('b2')).toBeLessThan(8);
    expect(order.filter((label) => label.startsWith('a'))).toEqual(order.filter((label) => label.startsWith('a')).sort());
    for (let k = 0; k < 100; k += 1) await nextRound();
    expect(order).toHaveLength(103);
  });

  it('go to whoever is alone at once', async () => {
    const { order, ask } = testTurns();
    for (const label of ['first', 'second', 'third']) {
      ask('a', label);
      await Promise.resolve();
      expect(order).toContain(label);
      await nextRound();
    }
  });

  it('pass by those who have left', async () => {
    const { turns, order, ask } = testTurns();
    const leave = new AbortController();
    ask('a', 'a1');
    ask('a', 'a2', () => leave.signal);
    ask('a', 'a3');
    leave.abort();
    await nextRound();
    await nextRound();
    expect(order).toEqual(['a1', 'not a2', 'a3']);
    expect(await turns.turn('b', () => leave.signal)).toBe(true);
    expect(await turns.turn('b', () => leave.signal)).toBe(false);
  });
});
