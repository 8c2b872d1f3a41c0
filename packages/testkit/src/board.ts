import { createApp, verifierFor, type AppDeps } from 'message-board/app';
import { BoardClient } from 'message-board/client';
import { sessionsOf } from 'message-board/contract';
import { pino } from 'pino';
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import { serve, type Running } from 'service/serve';

const HOUR_MS = 3_600_000;

/** Limits that no test reaches unless it wants to. */
export const BOARD_LIMITS: AppDeps['limits'] = {
  maxEntriesPerRequest: 10_000,
  maxPendingRequests: 10_000,
  maxOpenSessions: 10_000,
  maxFinished: 1_000,
  maxStoredBytes: 1 << 30,
  retentionMs: HOUR_MS,
  entryRetentionMs: HOUR_MS,
  idleMs: HOUR_MS,
  requestDeadlineMs: HOUR_MS,
};

function start(port: number, roster: Roster | null): Promise<Running> {
  const logger = pino({ level: 'silent' });
  const random = (): string => systemRandom(8).toString('hex');
  const deps = {
    limits: BOARD_LIMITS,
    verifier: verifierFor(roster),
    maxBodyBytes: 2 << 20,
    maxWaiting: 10_000,
    unsignedRequests: 'keep' as const,
    clock: systemClock,
    random,
    logger,
  };
  return serve(createApp(deps), '127.0.0.1', port, logger);
}

/** The real message board, on a free port. It can be stopped and started again; it has then forgotten everything. */
export class TestBoard {
  readonly #clients: BoardClient[] = [];

  private constructor(
    private running: Running | null,
    private readonly port: number,
    private roster: Roster | null,
  ) {}

  /** @param roster whose signatures it checks; without one it checks none */
  static async start(roster: Roster | null = null): Promise<TestBoard> {
    const running = await start(0, roster);
    return new TestBoard(running, running.port, roster);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A client that is closed with the board. @param identity of the member that calls; without one, a stranger calls */
  client(identity?: Identity): BoardClient {
    const { roster } = this;
    const session = identity === undefined || roster === null ? undefined : sessionsOf(roster, identity);
    const client = new BoardClient(this.url, { session });
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    await this.running?.close();
    this.running = null;
  }

  /** @param roster whose signatures it checks from now on */
  async restart(roster: Roster | null = this.roster): Promise<void> {
    await this.stop();
    this.roster = roster;
    this.running = await start(this.port, roster);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.stop();
  }
}
