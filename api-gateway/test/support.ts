import { createApp as createBoard, verifierFor, type AppDeps } from 'message-board/app';
import { BoardClient } from 'message-board/client';
import { systemClock } from 'service/clock';
import { serve, type Running } from 'service/serve';
import { pino } from 'pino';
import type { Roster } from 'sealing/roster';
import { newSigner } from 'testkit/signer';
import { members, type Members } from 'testkit/roster';
import { createApp, type GatewayService } from '../src/app.js';
import type { GatewayDeps } from '../src/gateway.js';
import { lyingBoard } from './lying_board.js';

const LIMITS: AppDeps['limits'] = {
  maxEntriesPerRequest: 10_000,
  maxPendingRequests: 10_000,
  maxOpenSessions: 10_000,
  maxFinished: 1_000,
  maxStoredBytes: 256 * 1024 * 1024,
  retentionMs: 3_600_000,
  entryRetentionMs: 600_000,
  idleMs: 3_600_000,
  requestDeadlineMs: 86_400_000,
};

const silent = pino({ level: 'silent' });

let randoms = 0;
const random = (): string => (++randoms).toString(16).padStart(16, '0');

async function startBoard(port: number, roster: Roster): Promise<Running> {
  const board = createBoard({ limits: LIMITS, verifier: verifierFor(roster), maxBodyBytes: 2 * 1024 * 1024, maxWaiting: 10_000, clock: systemClock, random, logger: silent });
  return serve(board, '127.0.0.1', port, silent);
}

/**
 * A board and a gateway on free ports, and a signer that plays the nodes. The board may be stopped and started again, empty. In
 * a sealed cluster a liar stands between the two.
 */
export async function cluster(deps: Partial<GatewayDeps> = {}, { roster, gateway: identity }: Members = members(4, 3, 'plain')) {
  let board = await startBoard(0, roster);
  const { port } = board;
  const url = `http://127.0.0.1:${port}`;
  const log: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => log.push(line) });
  const limits = { maxUnfinished: 100, maxWaiting: 100 };
  const liar = roster.sealed ? await lyingBoard(url) : null;
  const gatewayBoard = new BoardClient(liar?.url ?? url, { timeoutMs: 2_000, tries: 2 });
  const service: GatewayService = createApp({ ...limits, roster, identity, board: gatewayBoard, now: Date.now, random, logger, ...deps });
  const running = await serve(service, '127.0.0.1', 0, logger);
  const nodes = new BoardClient(url);
  const signer = newSigner();
  return {
    ...service,
    liar,
    log,
    nodes,
    signer,
    running,
    url: `http://127.0.0.1:${running.port}`,
    stopBoard: () => board.close(),
    startBoard: async () => {
      board = await startBoard(port, roster);
    },
    /** As the nodes do when they have made the key. */
    postKey: () => nodes.postPublicKey(signer.publicKey),
    /** As the nodes do with a request. */
    finish: async (id: string) => {
      const record = await nodes.getRequest(id);
      if (record === undefined) throw new Error(`no request ${id}`);
      await nodes.updateRequest(id, { signature: signer.sign(record.message) });
    },
    stop: async () => {
      await running.close();
      await Promise.all([gatewayBoard.close(), nodes.close()]);
      await liar?.close();
      await board.close();
    },
  };
}
export type Cluster = Awaited<ReturnType<typeof cluster>>;
