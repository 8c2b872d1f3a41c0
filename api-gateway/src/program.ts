import { BoardClient } from 'message-board/client';
import { OtherRoster, requireSameRoster } from 'message-board/roster_check';
import { sessionsOf } from 'message-board/contract';
import { loadMember } from 'sealing/member';
import { sleep, systemClock } from 'service/clock';
import { DiskWatch, systemDisk } from 'service/disk';
import { configure } from 'service/configure';
import { createLogger } from 'service/log';
import { systemRandom } from 'service/random';
import { runService } from 'service/serve';
import { createApp } from './app.js';
import { ConfigSchema } from './config.js';
import { openStore, STORE_FILES } from './store/open_store.js';

/**
 * When the gateway stops, calls to the board that are under way get this long. Shorter: nodes hear only after the next start that a request
 * is closed. Longer: a stop takes longer while the board hangs.
 */
const LAST_CALLS_MS = 3_000;

const { config, member, store } = await configure({
  about: 'The gateway of a threshold-signing cluster: clients ask it for signatures, and it asks the nodes, over the message board.',
  schema: ConfigSchema,
  load: async (config) => {
    const files = { roster: config.ROSTER_FILE, identity: config.IDENTITY_FILE };
    const member = await loadMember('gateway', files, config.SEAL_KEY);
    return { config, member, store: await openStore(config.DATA_DIR, member.roster.hash) };
  },
});
const { roster, identity, sealKey } = member;
const logger = createLogger(config.LOG_LEVEL, { service: 'api-gateway' });
logger.info({ event: 'starting', roster: roster.fingerprint }, 'Gateway starting');
const board = new BoardClient(config.MESSAGE_BOARD_URL, { timeoutMs: 5_000, tries: 3, session: sessionsOf(roster, identity) });
const limits = {
  maxUnfinished: config.MAX_UNFINISHED,
  maxWaiting: config.MAX_WAITING,
  lifetimeMs: 1_000 * config.REQUEST_LIFETIME_SECONDS,
  retentionMs: 1_000 * config.RETENTION_SECONDS,
};
const disk = new DiskWatch({ folder: config.DATA_DIR, open: STORE_FILES, disk: systemDisk, clock: systemClock });
const looking = disk.start();
const service = createApp({ ...limits, store, disk, roster, identity, board, clock: systemClock, random: systemRandom, logger });
if (sealKey.kind === 'none') {
  logger.warn({ event: 'clear_text_files' }, 'SEAL_KEY is none: whoever can read the identity file can ask the nodes for signatures');
}
if (sealKey.warning !== null) logger.warn({ event: 'secret_file_readable' }, sealKey.warning);
const stopping = new AbortController();
const sweeping = service.gateway.run(stopping.signal);
await runService(service, config, logger, async () => {
  stopping.abort();
  looking.stop();
  const delivered = new AbortController();
  const delivering = sweeping.finally(() => { delivered.abort(); });
  await Promise.race([delivering, sleep(systemClock, LAST_CALLS_MS, delivered.signal)]);
  await board.close();
  await delivering;
  await store.close();
});
const requireOwnRoster = () => requireSameRoster({ board, roster, clock: systemClock }, stopping.signal);
// At the start somebody is there to mend it. Later, clients can still be told what is on the disk, and the board may come back as it was.
board.onRestart(() => {
  requireOwnRoster().catch((error: unknown) => {
    if (error instanceof OtherRoster) logger.error({ event: 'other_roster', err: error }, error.message);
  });
});
await requireOwnRoster().catch((error: unknown) => {
  if (!(error instanceof OtherRoster)) return;
  logger.fatal({ event: 'stopped', err: error }, error.message);
  process.exitCode = 2;
  process.kill(process.pid, 'SIGTERM');
});
