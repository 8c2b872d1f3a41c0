import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { BoardClient } from 'message-board/client';
import { sessionsOf } from 'message-board/contract';
import { pino } from 'pino';
import type { Roster } from 'sealing/roster';
import { systemClock } from 'service/clock';
import { serve } from 'service/serve';
import { TestBoard } from 'testkit/board';
import { members, type Members } from 'testkit/roster';
import { newSigner } from 'testkit/signer';
import { createApp } from '../src/app.js';
import type { GatewayDeps } from '../src/gateway.js';
import { openStore } from '../src/store/open_store.js';
import { lyingBoard } from './lying_board.js';

let randoms = 0;
/** Counts, so that ids are different and the same in every run. */
const random = (length: number): Buffer => Buffer.from((++randoms).toString(16).padStart(2 * length, '0'), 'hex');

const HOUR_MS = 3_600_000;
/** A disk with room. */
export const ROOMY = { state: { freeBytes: 1e12, problem: null } };
/** Limits that no test reaches unless it wants to. */
const LIMITS = { maxUnfinished: 100, maxWaiting: 100, lifetimeMs: HOUR_MS, retentionMs: 24 * HOUR_MS };

/**
 * A board and a gateway on free ports, and a signer that plays the nodes. Both may be stopped and started again: the board without what it
 * knew, the gateway with what is in its folder. In a sealed cluster a liar stands between board and gateway.
 */
export async function cluster(deps: Partial<GatewayDeps> = {}, { roster, gateway: identity }: Members = members(4, 3, 'plain')) {
  const board = await TestBoard.start(roster);
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  const log: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => log.push(line) });
  const liar = roster.sealed ? await lyingBoard(board.url) : null;
  const start = async () => {
    const store = deps.store ?? (await openStore(folder, roster.hash));
    const gatewayBoard = new BoardClient(liar?.url ?? board.url, { timeoutMs: 2_000, tries: 2, session: sessionsOf(roster, identity) });
    const parts = { roster, identity, board: gatewayBoard, store, clock: systemClock, random, logger, disk: ROOMY };
    const service = createApp({ ...LIMITS, ...parts, ...deps });
    const running = await serve(service, '127.0.0.1', 0, logger);
    const stop = async (): Promise<void> => {
      await running.close();
      await gatewayBoard.close();
      await store.close();
    };
    return { ...service, running, store, stop };
  };
  let started = await start();
  const nodes = board.client(identity);
  const signer = newSigner();
  return {
    get app() {
      return started.app;
    },
    get gateway() {
      return started.gateway;
    },
    get running() {
      return started.running;
    },
    get store() {
      return started.store;
    },
    get url() {
      return `http://127.0.0.1:${started.running.port}`;
    },
    folder,
    liar,
    log,
    nodes,
    signer,
    stopBoard: () => board.stop(),
    startBoard: (other?: Roster) => board.restart(other),
    /** The gateway forgets what is not on its disk. @param whileDown what happens meanwhile */
    restartGateway: async (whileDown: () => Promise<unknown> = () => Promise.resolve()) => {
      await started.stop();
      await whileDown();
      started = await start();
    },
    /** As the nodes do when they have made the key. */
    postKey: () => nodes.postPublicKey(signer.publicKey),
    /** As the nodes do with a request. */
    finish: async (id: string) => {
      const record = await nodes.getRequest(id);
      if (record === undefined) throw new Error(`no request ${id}`);
      await nodes.updateRequest(id, { signature: signer.sign(record) });
    },
    stop: async () => {
      await started.stop();
      await liar?.close();
      await board.close();
      await rm(folder, { recursive: true });
    },
  };
}
export type Cluster = Awaited<ReturnType<typeof cluster>>;

/** Starts clusters, as {@link cluster} does, and stops them after the test that has started them. */
export function stoppedAfterEach(): typeof cluster {
  const started: Cluster[] = [];
  afterEach(async () => {
    for (const one of started.splice(0)) await one.stop();
  });
  return async (...args) => {
    const one = await cluster(...args);
    started.push(one);
    return one;
  };
}
