import { createApp as createGateway } from 'api-gateway/app';
import { pino } from 'pino';
import { serve } from 'service/serve';
import { TestBoard } from 'testkit/board';
import { members } from 'testkit/roster';

const logger = pino({ level: 'silent' });
let randoms = 0;
const random = (): string => (++randoms).toString(16).padStart(16, '0');

const { roster, gateway: identity } = members(4, 3, 'plain');

/** A board and a gateway on free ports; the test plays the nodes, through `board`. */
export async function startServices() {
  const testBoard = await TestBoard.start();
  const board = testBoard.client();
  const gateway = await serve(createGateway({ roster, identity, board, maxUnfinished: 100, maxWaiting: 100, now: Date.now, random, logger }), '127.0.0.1', 0, logger);
  const stop = async (): Promise<void> => {
    await gateway.close();
    await testBoard.close();
  };
  return { board, gateway: `http://127.0.0.1:${gateway.port}`, stop };
}
