import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { loadRoster } from 'sealing/member';
import { createApp } from './server/app.js';
import { appLimits, ConfigSchema } from './config.js';
import { configure, loaded, refuseArguments } from 'service/env';
import { runService } from 'service/serve';

const EXPIRE_EVERY_MS = 5_000;

refuseArguments('The message board of a threshold-signing cluster: it keeps what clients ask for and what nodes say to each other.', ConfigSchema);
const config = configure(ConfigSchema, process.env);
const logger = pino({ level: config.LOG_LEVEL, base: { service: 'message-board' }, timestamp: pino.stdTimeFunctions.isoTime });
const random = (): string => randomBytes(8).toString('hex');
const roster = config.ROSTER_FILE === undefined ? null : await loaded(loadRoster(config.ROSTER_FILE));
const service = createApp({ ...appLimits(config), roster, now: Date.now, random, logger });
const expiring = setInterval(service.expire, EXPIRE_EVERY_MS);
await runService(service, config, logger, () => {
  clearInterval(expiring);
  return Promise.resolve();
});
