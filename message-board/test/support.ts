import { pino } from 'pino';
import { systemClock, type Clock } from 'service/clock';
import { createApp, verifierFor, type AppDeps } from '../src/server/app.js';
import { BoardClient } from '../src/client/client.js';
import type { Limits } from '../src/store/limits.js';
import { serve } from 'service/serve';

export const LIMITS: Limits = {
  maxEntriesPerRequest: 100,
  maxPendingRequests: 100,
  maxOpenSessions: 100,
  maxFinished: 100,
  maxStoredBytes: 64 * 1024 * 1024,
  retentionMs: 3_600_000,
  entryRetentionMs: 600_000,
  idleMs: 3_600_000,
  requestDeadlineMs: 86_400_000,
};

export const START = Date.parse('2026-01-02T03:04:05.678Z');

/** Time passes when a test says so. Timers are real. */
export class HandClock implements Clock {
  #ms = 0;
  #wall = START;
  readonly after = systemClock.after.bind(systemClock);

  now(): number {
    return this.#wall + this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  pass(ms: number): void {
    this.#ms += ms;
  }

  /** Sets the wall clock alone. */
  jump(ms: number): void {
    this.#wall += ms;
  }
}

/** A board with a clock that is set by hand, random ids that count, and a log that is kept. */
export function testBoard(limits: Partial<Limits> = {}, deps: Partial<AppDeps> = {}) {
  const clock = new HandClock();
  const log: string[] = [];
  let randoms = 0;
  const random = (): string => (++randoms).toString(16).padStart(16, '0');
  const logger = pino({ level: 'trace' }, { write: (line: string) => log.push(line) });
  const defaults = { verifier: verifierFor(null), maxBodyBytes: 2 * 1024 * 1024, maxWaiting: 1000, clock, random, logger };
  const service = createApp({ ...defaults, ...deps, limits: { ...LIMITS, ...limits } });
  return { ...service, clock, log, logger };
}

/** The same, listening, with a client. */
export async function runningBoard(limits: Partial<Limits> = {}, deps: Partial<AppDeps> = {}, port = 0) {
  const board = testBoard(limits, deps);
  const running = await serve(board, '127.0.0.1', port, board.logger);
  const url = `http://127.0.0.1:${running.port}`;
  const client = new BoardClient(url);
  const stop = async (): Promise<void> => {
    await client.close();
    await running.close();
  };
  return { ...board, running, url, client, stop };
}
