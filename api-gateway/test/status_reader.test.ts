/** Waiting for the end of a request, on virtual time and without a network. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RequestRecord } from 'message-board/contract';
import { TransportError } from 'service/errors';
import { sleep } from 'service/clock';
import { VirtualClock } from 'testkit/virtual_clock';
import { StatusReader } from '../src/status_reader.js';

const ID = 'req_1_a';
const TIME = '2026-01-02T03:04:05.678Z';
const PENDING: RequestRecord = { id: ID, revision: '1', message: 'm', status: 'pending', created_at: TIME, updated_at: TIME, age_ms: 0 };

let clock: VirtualClock;
/** When the board was asked, milliseconds, and how long it may hold the question back. */
let asked: { readonly at: number; readonly wait: number | undefined }[];
/** How the board answers. */
let answer: (wait: number, signal: AbortSignal | undefined) => Promise<RequestRecord>;
let reader: StatusReader;
beforeEach(() => {
  clock = new VirtualClock();
  asked = [];
  answer = async (wait, signal) => {
    if (wait > 0) await sleep(clock, wait, signal);
    return PENDING;
  };
  reader = new StatusReader({
    board: {
      getRequest: (_id, { wait = 0, signal } = {}) => {
        asked.push({ at: clock.monotonic(), wait });
        return answer(wait, signal);
      },
    },
    clock,
    book: { get: () => Promise.resolve(undefined), adopt: () => Promise.resolve(undefined) },
    posting: { restored: () => Promise.reject(new Error('nothing is posted here')) },
    outcomes: {
      settle: () => Promise.reject(new Error('nothing is kept here')),
      shown: ({ id }) => Promise.resolve({ request_id: id, status: 'pending' }),
    },
    maxWaiting: 2,
  });
});

const never = new AbortController().signal;
const away = () => Promise.reject(new TransportError('nobody is there', true));

describe('a client that waits', () => {
  it('is answered when its time is over, after the board is asked once more', async () => {
    const answered = reader.read(ID, 1_000, never);
    await clock.advance(999);
    expect(asked).toEqual([{ at: 0, wait: 1_000 }]);
    await clock.advance(1);
    expect(await answered).toEqual({ request_id: ID, status: 'pending' });
    expect(asked.slice(1)).toEqual([{ at: 1_000, wait: 0 }]);
  });

  it('is answered at once when as many others wait as may', async () => {
    const waiting = [reader.read(ID, 1_000, never), reader.read(ID, 1_000, never)];
    await clock.advance(10);
    expect(await reader.read(ID, 1_000, never)).toMatchObject({ status: 'pending' });
    expect(asked.at(-1)).toEqual({ at: 10, wait: 0 });
    await clock.advance(1_000);
    await Promise.all(waiting);
    const next = reader.read(ID, 500, never);
    await clock.advance(500);
    expect(await next).toMatchObject({ status: 'pending' });
    expect(asked.at(-2)).toEqual({ at: 1_010, wait: 500 });
  });

  it('learns that the board is away after the last try; there are five tries a second', async () => {
    answer = away;
    const answered = expect(reader.read(ID, 500, never)).rejects.toMatchObject({ status: 503, code: 'board_unavailable' });
    await clock.advance(500);
    await answered;
    expect(asked).toEqual([{ at: 0, wait: 500 }, { at: 200, wait: 300 }, { at: 400, wait: 100 }, { at: 500, wait: 0 }]);
  });

  it('is answered at once when it goes away, or the gateway closes, while the board is away', async () => {
    answer = away;
    const end = new AbortController();
    const answered = expect(reader.read(ID, 30_000, end.signal)).rejects.toMatchObject({ status: 503, code: 'closing' });
    await clock.advance(100);
    end.abort();
    await answered;
    expect(asked.map(({ at }) => at)).toEqual([0, 100]);
    expect(clock.pending).toBe(0);
  });
});
