import type { Logger } from 'pino';
import type { Clock } from 'service/clock';
import { jsonService, type Service } from 'service/http';
import { INSTANCE_HEADER } from '../contract/contract.js';
import type { Limits } from '../store/limits.js';
import { Board } from './board.js';
import { addRoutes, holder } from './routes.js';
import type { Verifier } from './verifier.js';
import { Waiters } from './waiters.js';

export { verifierFor } from './verifiers.js';

export interface AppDeps {
  readonly limits: Limits;
  /** Against which envelopes and statements are checked. */
  readonly verifier: Verifier;
  readonly maxBodyBytes: number;
  /** Readers held back at one time. */
  readonly maxWaiting: number;
  readonly clock: Clock;
  /** At least 64 random bits, hexadecimal. */
  readonly random: () => string;
  readonly logger: Logger;
}

export interface BoardService extends Service {
  /** Forgets what is old; to be called every few seconds. */
  readonly expire: () => void;
}

export function createApp(deps: AppDeps): BoardService {
  const waiters = new Waiters(deps.maxWaiting, deps.clock);
  const changed = (topic: string, isUrgent = true): void => {
    if (isUrgent) waiters.wake(topic);
    else waiters.wakeSoon(topic);
  };
  const board = new Board({ ...deps, changed });
  const service = jsonService(deps.logger, deps.maxBodyBytes, (app, ended) => {
    app.use((_request, response, next) => {
      response.set(INSTANCE_HEADER, board.instance);
      next();
    });
    app.get('/health', (_request, response) => {
      response.json(board.health(waiters.size));
    });
    addRoutes({ app, board, held: holder(waiters, ended, deps.clock), logger: deps.logger });
  });
  const expire = (): void => {
    board.expire();
  };
  return { ...service, expire };
}
