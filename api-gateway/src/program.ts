import { randomBytes } from 'node:crypto';
import { BoardClient } from 'message-board/client';
import { configure, loaded, refuseArguments } from 'service/env';
import { runService } from 'service/serve';
import { pino } from 'pino';
import { loadMember } from 'sealing/member';
import { createApp } from './app.js';
import { ConfigSchema } from './config.js';

refuseArguments('The gateway of a threshold-signing cluster: clients ask it for signatures, and it asks the nodes, over the message board.', ConfigSchema);
const config = configure(ConfigSchema, process.env);
const logger = pino({ level: config.LOG_LEVEL, base: { service: 'api-gateway' }, timestamp: pino.stdTimeFunctions.isoTime });
const { roster, identity, sealKey } = await loaded(loadMember('gateway', { roster: config.ROSTER_FILE, identity: config.IDENTITY_FILE }, config.SEAL_KEY));
logger.info({ roster: roster.fingerprint }, 'starting');
if (!roster.sealed) logger.warn('plain_roster: requests are not signed, and nodes cannot tell who asks. For clusters with Rust nodes only');
if (sealKey.kind === 'none') logger.warn('clear_text_files: SEAL_KEY is none, and whoever can read the identity file can ask the nodes for signatures');
const board = new BoardClient(config.MESSAGE_BOARD_URL, { timeoutMs: 5_000, tries: 3 });
const random = (): string => randomBytes(8).toString('hex');
const limits = { maxUnfinished: config.MAX_UNFINISHED, maxWaiting: config.MAX_WAITING };
const service = createApp({ ...limits, roster, identity, board, now: Date.now, random, logger });
const stopping = new AbortController();
const sweeping = service.gateway.run(stopping.signal);
await runService(service, config, logger, async () => {
  stopping.abort();
  await board.close();
  await sweeping;
});
