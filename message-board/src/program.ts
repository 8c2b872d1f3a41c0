import { randomBytes } from 'node:crypto';
import { loadRoster } from 'sealing/member';
import { createLogger } from 'service/log';
import { configure } from 'service/configure';
import { runService } from 'service/serve';
import { appLimits, ConfigSchema } from './config.js';
import { createApp } from './server/app.js';

const EXPIRE_EVERY_MS = 5_000;

const { config, roster } = await configure({
  about: 'The message board of a threshold-signing cluster: it keeps what clients ask for and what nodes say to each other.',
  schema: ConfigSchema,
  load: async (config) => ({ config, roster: config.ROSTER_FILE === undefined ? null : await loadRoster(config.ROSTER_FILE) }),
});
const logger = createLogger(config.LOG_LEVEL, { service: 'message-board' });
const random = (): string => randomBytes(8).toString('hex');
const service = createApp({ ...appLimits(config), roster, now: Date.now, random, logger });
const expiring = setInterval(service.expire, EXPIRE_EVERY_MS);
await runService(service, config, logger, () => {
  clearInterval(expiring);
  return Promise.resolve();
});
