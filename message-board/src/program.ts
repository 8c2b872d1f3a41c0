import { loadRoster } from 'sealing/member';
import { every, systemClock } from 'service/clock';
import { configure } from 'service/configure';
import { createLogger } from 'service/log';
import { systemRandom } from 'service/random';
import { runService } from 'service/serve';
import { appLimits, ConfigSchema } from './config.js';
import { createApp, verifierFor } from './server/app.js';

/** The board looks for old work this often. With a smaller value, that costs more time. With a larger one, old work is kept longer. */
const EXPIRE_EVERY_MS = 5_000;

const { config, roster } = await configure({
  about: 'The message board of a threshold-signing cluster: it keeps what clients ask for and what nodes say to each other.',
  schema: ConfigSchema,
  load: async (config) => ({ config, roster: config.ROSTER_FILE === undefined ? null : await loadRoster(config.ROSTER_FILE) }),
});
const logger = createLogger(config.LOG_LEVEL, { service: 'message-board' });
const random = (): string => systemRandom(8).toString('hex');
const service = createApp({ ...appLimits(config), verifier: verifierFor(roster), clock: systemClock, random, logger });
const expiring = every(systemClock, EXPIRE_EVERY_MS, service.expire);
await runService(service, config, logger, () => {
  expiring.stop();
  return Promise.resolve();
});
