/**
 * A gateway as a process that kills itself, as `kill -9` does, at one step of accepting its first request. Node.js runs this file as it is.
 * Arguments: the step, the folder, the URL of the board, the roster, the gateway's identity.
 */
import { BoardClient } from 'message-board/client';
import { Identity } from 'sealing/identity';
import { Roster } from 'sealing/roster';
import { systemClock } from 'service/clock';
import { DiskWatch, systemDisk } from 'service/disk';
import { createLogger } from 'service/log';
import { systemRandom } from 'service/random';
import { runService } from 'service/serve';
import type * as App from '../src/app.js';
import type * as Store from '../src/store/open_store.js';

// A process runs what was built.
const built = (path: string): Promise<unknown> => import(new URL(`../dist/${path}`, import.meta.url).href);
const { createApp } = (await built('app.js')) as typeof App;
const { openStore, STORE_FILES } = (await built('store/open_store.js')) as typeof Store;

const [step, folder = '', boardUrl = '', rosterText = '', identityText = ''] = process.argv.slice(2);

/** Nothing after this call happens: neither timers nor answers. */
const die = (): void => {
  process.kill(process.pid, 'SIGKILL');
};

const roster = Roster.parse(rosterText);
const board = new BoardClient(boardUrl);
const store = await openStore(folder, roster.hash);

const register = store.register.bind(store);
store.register = async (request, maxPending) => {
  if (step === 'before the disk') die();
  const kept = await register(request, maxPending);
  if (step === 'before the board') die();
  return kept;
};
const createRequest = board.createRequest.bind(board);
board.createRequest = async (body, signal) => {
  const record = await createRequest(body, signal);
  if (step === 'before the answer') die();
  return record;
};
const end = store.end.bind(store);
store.end = async (id, outcome, endedAt) => {
  if (step === 'before the outcome is on the disk') die();
  const ended = await end(id, outcome, endedAt);
  if (step === 'before the outcome is told') die();
  return ended;
};

const limits = { maxUnfinished: 100, maxWaiting: 100, lifetimeMs: 3_600_000, retentionMs: 86_400_000 };
const logger = createLogger('info', { service: 'api-gateway' });
const identity = Identity.parse(identityText);
const disk = new DiskWatch({ folder, open: STORE_FILES, disk: systemDisk, clock: systemClock });
const service = createApp({ ...limits, store, disk, roster, identity, board, clock: systemClock, random: systemRandom, logger });
const stopping = new AbortController();
const sweeping = service.gateway.run(stopping.signal);
await runService(service, { HOST: '127.0.0.1', PORT: 0, ALLOWED_HOSTS: [] }, logger, async () => {
  stopping.abort();
  await sweeping;
});
