import { createApp as createGateway } from 'api-gateway/app';
import { createApp as createBoard, verifierFor } from 'message-board/app';
import { BoardClient } from 'message-board/client';
import { systemClock } from 'service/clock';
import { serve } from 'service/serve';
import { pino } from 'pino';
import { members } from 'testkit/roster';

const logger = pino({ level: 'silent' });
let randoms = 0;
const random = (): string => (++randoms).toString(16).padStart(16, '0');
const deps = { random, logger };
const MIB = 1024 * 1024;
const limits = {
  maxEntriesPerRequest: 100,
  maxPendingRequests: 100,
  maxOpenSessions: 100,
  maxFinished: 100,
  maxStoredBytes: 64 * MIB,
  retentionMs: 60_000,
  entryRetentionMs: 60_000,
  idleMs: 60_000,
  requestDeadlineMs: 60_000,
};

const { roster, gateway: identity } = members(4, 3, 'plain');

/** A board and a gateway on free ports; the test plays the nodes, through `board`. */
export async function startServices() {
  const boardService = await serve(createBoard({ ...deps, clock: systemClock, verifier: verifierFor(null), maxBodyBytes: 2 * MIB, maxWaiting: 100, limits }), '127.0.0.1', 0, logger);
  const board = new BoardClient(`http://127.0.0.1:${boardService.port}`);
  const gateway = await serve(createGateway({ ...deps, now: Date.now, roster, identity, board, maxUnfinished: 100, maxWaiting: 100 }), '127.0.0.1', 0, logger);
  const stop = async (): Promise<void> => {
    await gateway.close();
    await board.close();
    await boardService.close();
  };
  return { board, gateway: `http://127.0.0.1:${gateway.port}`, stop };
}
