import { loadRoster } from 'sealing/member';
import { every, systemClock } from 'service/clock';
import { configure } from 'service/configure';
import { createLogger } from 'service/log';
import { systemRandom } from 'service/random';
import type { ConnectionLimits } from 'service/connections';
import { OPEN_TO_ALL, runService } from 'service/serve';
import { appLimits, ConfigSchema } from './config.js';
import { createApp, verifierFor } from './server/app.js';

const MIB = 1024 * 1024;
/** The board looks for old work this often. With a smaller value, that costs more time. With a larger one, old work is kept longer. */
const EXPIRE_EVERY_MS = 5_000;
/** Connections to the board of a sealed cluster. A node has one for each session that it takes part in, and a few more. */
const SEALED_CONNECTIONS: ConnectionLimits = {
  strangers: 512,
  member: 1_024,
  unsentBytes: 64 * MIB,
  bodyBytes: 32 * MIB,
  sendMs: 30_000,
};

const { config, roster } = await configure({
  about: 'The message board of a threshold-signing cluster: it keeps what clients ask for and what nodes say to each other.',
  schema: ConfigSchema,
  load: async (config) => ({ config, roster: config.ROSTER_FILE === undefined ? null : await loadRoster(config.ROSTER_FILE) }),
});
const logger = createLogger(config.LOG_LEVEL, { service: 'message-board' });
const random = (): string => systemRandom(8).toString('hex');
const service = createApp({ ...appLimits(config), verifier: verifierFor(roster), clock: systemClock, random, logger });
const expiring = every(systemClock, EXPIRE_EVERY_MS, service.expire);
const stop = (): Promise<void> => {
  expiring.stop();
  return Promise.resolve();
};
await runService(service, config, logger, stop, roster?.sealed === true ? SEALED_CONNECTIONS : OPEN_TO_ALL);
