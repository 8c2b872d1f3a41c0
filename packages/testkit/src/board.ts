import { randomBytes } from 'node:crypto';
import { createApp, verifierFor } from 'message-board/app';
import { BoardClient } from 'message-board/client';
import { systemClock } from 'service/clock';
import { serve, type Running } from 'service/serve';
import { pino } from 'pino';

const HOUR_MS = 3_600_000;
const limits = {
  maxEntriesPerRequest: 10_000,
  maxPendingRequests: 1_000,
  maxOpenSessions: 1_000,
  maxFinished: 1_000,
  maxStoredBytes: 1 << 30,
  retentionMs: HOUR_MS,
  entryRetentionMs: HOUR_MS,
  idleMs: HOUR_MS,
  requestDeadlineMs: HOUR_MS,
};

function start(port: number): Promise<Running> {
  const logger = pino({ level: 'silent' });
  const random = (): string => randomBytes(8).toString('hex');
  return serve(createApp({ limits, verifier: verifierFor(null), maxBodyBytes: 2 << 20, maxWaiting: 1_000, clock: systemClock, random, logger }), '127.0.0.1', port, logger);
}

/** The real message board, on a free port, which can be stopped and started again having forgotten everything. */
export class TestBoard {
  readonly #clients: BoardClient[] = [];

  private constructor(
    private running: Running | null,
    private readonly port: number,
  ) {}

  static async start(): Promise<TestBoard> {
    const running = await start(0);
    return new TestBoard(running, running.port);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A client that is closed with the board. */
  client(): BoardClient {
    const client = new BoardClient(this.url);
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    await this.running?.close();
    this.running = null;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.running = await start(this.port);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.stop();
  }
}
