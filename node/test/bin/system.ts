import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp as createGateway } from 'api-gateway/app';
import { openStore } from 'api-gateway/store';
import { pino } from 'pino';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import { serve } from 'service/serve';
import { TestBoard } from 'testkit/board';
import { members } from 'testkit/roster';

const HOUR_MS = 3_600_000;
const logger = pino({ level: 'silent' });
const { roster, gateway: identity } = members(4, 3, 'plain');

/** A board and a gateway on free ports; the test plays the nodes, through `board`. */
export async function startServices() {
  const testBoard = await TestBoard.start();
  const board = testBoard.client();
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  const store = await openStore(folder, roster.hash);
  const limits = { maxUnfinished: 100, maxWaiting: 100, lifetimeMs: HOUR_MS, retentionMs: HOUR_MS };
  const disk = { state: { freeBytes: null, problem: null } };
  const app = createGateway({ ...limits, disk, store, roster, identity, board, clock: systemClock, random: systemRandom, logger });
  const gateway = await serve(app, '127.0.0.1', 0, logger);
  const stop = async (): Promise<void> => {
    await gateway.close();
    await store.close();
    await rm(folder, { recursive: true });
    await testBoard.close();
  };
  return { board, gateway: `http://127.0.0.1:${gateway.port}`, stop };
}
