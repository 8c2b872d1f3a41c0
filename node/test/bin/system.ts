import { createApp as createGateway } from 'api-gateway/app';
import { pino } from 'pino';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import { serve } from 'service/serve';
import { TestBoard } from 'testkit/board';
import { members } from 'testkit/roster';

const logger = pino({ level: 'silent' });
const { roster, gateway: identity } = members(4, 3, 'plain');

/** A board and a gateway on free ports; the test plays the nodes, through `board`. */
export async function startServices() {
  const testBoard = await TestBoard.start();
  const board = testBoard.client();
  const limits = { maxUnfinished: 100, maxWaiting: 100 };
  const app = createGateway({ ...limits, roster, identity, board, clock: systemClock, random: systemRandom, logger });
  const gateway = await serve(app, '127.0.0.1', 0, logger);
  const stop = async (): Promise<void> => {
    await gateway.close();
    await testBoard.close();
  };
  return { board, gateway: `http://127.0.0.1:${gateway.port}`, stop };
}
