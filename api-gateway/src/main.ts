import { randomBytes } from 'node:crypto';
import { BoardClient } from 'message-board/client';
import { configure } from 'message-board/env';
import { runService } from 'message-board/serve';
import { pino } from 'pino';
import { createApp } from './app.js';
import { ConfigSchema } from './config.js';

const config = configure(ConfigSchema, process.env);
const logger = pino({ level: config.LOG_LEVEL, base: { service: 'api-gateway' }, timestamp: pino.stdTimeFunctions.isoTime });
const board = new BoardClient(config.MESSAGE_BOARD_URL, { timeoutMs: 5_000, tries: 3 });
const random = (): string => randomBytes(8).toString('hex');
const limits = { maxUnfinished: config.MAX_UNFINISHED, maxWaiting: config.MAX_WAITING };
const service = createApp({ ...limits, board, now: Date.now, random, logger });
const stopping = new AbortController();
const sweeping = service.gateway.run(stopping.signal);
await runService(service, config, logger, async () => {
  stopping.abort();
  await board.close();
  await sweeping;
});
