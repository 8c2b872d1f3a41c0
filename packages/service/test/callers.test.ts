/** In which order a service lets calls go on that it has received. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { setImmediate as nextRound } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { VirtualClock } from 'testkit/virtual_clock';
import { admit, type Callers } from '../src/callers.js';
import { Lane } from '../src/lane.js';
import { Turns } from '../src/turns.js';

interface Asked {
  readonly label: string;
  /** Whom the service knows the caller to be. */
  readonly known?: string;
  /** Whom it turns out to be, when that is looked into. */
  readonly proven?: string;
  readonly socket?: Socket;
}

/** A service to which strangers come one at a time, and where the lane does not move by itself. */
function testService() {
  const clock = new VirtualClock();
  const asked = new WeakMap<Request, Asked>();
  const callers: Callers = {
    known: (request) => asked.get(request)?.known,
    prove: (request) => Promise.resolve(asked.get(request)?.proven ?? null),
    permit: () => undefined,
    headers: () => ({}),
    lane: new Lane({ perSecond: 20, burst: 1, clock }),
    turns: new Turns(),
  };
  const order: string[] = [];
  const call = (asking: Asked): void => {
    const request = new IncomingMessage(asking.socket ?? new Socket()) as Request;
    asked.set(request, asking);
    const admitted = admit(callers, request, new ServerResponse(request) as Response, () => new AbortController().signal);
    void admitted.then(() => order.push(asking.label));
  };
  const rounds = async (): Promise<void> => {
    for (let k = 0; k < 20; k += 1) await nextRound();
  };
  return { clock, order, call, rounds };
}

describe('a call goes on', () => {
  it('at once when a member is known, and in a line with strangers when it is not', async () => {
    const { clock, order, call, rounds } = testService();
    for (const label of ['s1', 's2', 's3']) call({ label });
    call({ label: 'new', proven: 'node-1' });
    call({ label: 'known', known: 'node-2' });
    await rounds();
    expect(order).toEqual(['known', 's1'].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
    await clock.advance(200);
    expect(order.slice(2)).toEqual(['s2', 's3', 'new']);
  });

  it('at once on the connection of a member, whatever it shows, and in the turn of that member', async () => {
    const { order, call, rounds } = testService();
    const socket = new Socket();
    call({ label: 'first', proven: 'node-1', socket });
    await rounds();
    for (const label of ['s1', 's2']) call({ label });
    for (const label of ['again', 'forged', 'forged too']) call({ label, socket });
    call({ label: 'other', known: 'node-2' });
    await rounds();
    expect(order).toEqual(['first', 'other', 'again', 'forged', 'forged too'].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
    expect(order.indexOf('other')).toBeLessThan(order.indexOf('forged'));
  });

  it('after those of the others, when its member has many', async () => {
    const { order, call, rounds } = testService();
    for (let k = 0; k < 10; k += 1) call({ label: `a${k}`, known: 'node-1' });
    call({ label: 'b', known: 'node-2' });
    await rounds();
    expect(order).toHaveLength(11);
    expect(order.indexOf('b')).toBeLessThan(order.indexOf('a1'));
  });
});
