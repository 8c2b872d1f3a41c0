import { BoardClient } from 'message-board/client';
import { pino } from 'pino';
import { systemClock } from 'service/clock';
import { serve } from 'service/serve';
import { TestBoard } from 'testkit/board';
import { members, type Members } from 'testkit/roster';
import { newSigner } from 'testkit/signer';
import { createApp, type GatewayService } from '../src/app.js';
import type { GatewayDeps } from '../src/gateway.js';
import { lyingBoard } from './lying_board.js';

let randoms = 0;
/** Counts, so that ids are different and the same in every run. */
const random = (length: number): Buffer => Buffer.from((++randoms).toString(16).padStart(2 * length, '0'), 'hex');

/**
 * A board and a gateway on free ports, and a signer that plays the nodes. The board may be stopped, and started again without what it knew.
 * In a sealed cluster a liar stands between board and gateway.
 */
export async function cluster(deps: Partial<GatewayDeps> = {}, { roster, gateway: identity }: Members = members(4, 3, 'plain')) {
  const board = await TestBoard.start(roster);
  const log: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => log.push(line) });
  const limits = { maxUnfinished: 100, maxWaiting: 100 };
  const liar = roster.sealed ? await lyingBoard(board.url) : null;
  const gatewayBoard = new BoardClient(liar?.url ?? board.url, { timeoutMs: 2_000, tries: 2 });
  const defaults = { ...limits, roster, identity, board: gatewayBoard, clock: systemClock, random, logger };
  const service: GatewayService = createApp({ ...defaults, ...deps });
  const running = await serve(service, '127.0.0.1', 0, logger);
  const nodes = board.client();
  const signer = newSigner();
  return {
    ...service,
    liar,
    log,
    nodes,
    signer,
    running,
    url: `http://127.0.0.1:${running.port}`,
    stopBoard: () => board.stop(),
    startBoard: () => board.restart(),
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
      await gatewayBoard.close();
      await liar?.close();
      await board.close();
    },
  };
}
export type Cluster = Awaited<ReturnType<typeof cluster>>;
