import type { Express } from 'express';
import type { Logger } from 'pino';
import type { Clock } from 'service/clock';
import { jsonService, type Ended, type Service } from 'service/http';
import { INSTANCE_HEADER } from '../contract/contract.js';
import type { Limits } from '../store/limits.js';
import { Board } from './board.js';
import { bodyLimits } from './body_limits.js';
import { addRoutes, holder, REQUESTS_OF_ALL } from './routes.js';
import { Sessions } from './sessions.js';
import type { Verifier } from './verifier.js';
import { Waiters } from './waiters.js';

export { verifierFor } from './verifiers.js';

/** What the board's HTTP service needs. */
export interface AppDeps {
  readonly limits: Limits;
  /** Decides what the board keeps. */
  readonly verifier: Verifier;
  /** A larger body is answered 413. */
  readonly maxBodyBytes: number;
  /** Upper bound of the readers that `wait` holds back at one time. One more is answered 429. */
  readonly maxWaiting: number;
  /** What a sealed board does with a signing request that the gateway has not signed. By default it refuses it. */
  readonly unsignedRequests?: 'keep' | 'refuse';
  readonly clock: Clock;
  /** At least 64 random bits, hexadecimal. With fewer, two ids may be equal. */
  readonly random: () => string;
  readonly logger: Logger;
}

/** The board as an HTTP service. */
export interface BoardService extends Service {
  /** Forgets what is old. Call it every few seconds. */
  readonly expire: () => void;
}

/** Puts a board together. It listens nowhere yet. */
export function createApp(deps: AppDeps): BoardService {
  const { verifier, unsignedRequests = 'refuse' } = deps;
  const waiters = new Waiters({ max: deps.maxWaiting, shares: verifier.shares, clock: deps.clock });
  const changed = (topic: string, isUrgent = true): void => {
    if (isUrgent) waiters.wake(topic);
    else waiters.wakeSoon(topic);
    if (topic === 'requests' || topic === 'unsigned-requests') waiters.wakeSoon(REQUESTS_OF_ALL);
  };
  const board = new Board({ ...deps, changed });
  const keepsUnsigned = unsignedRequests === 'keep';
  const callers = board.isSealed ? new Sessions({ verifier, board: board.instance, keepsUnsigned, clock: deps.clock }) : undefined;
  const addAll = (app: Express, ended: Ended): void => {
    app.use((_request, response, next) => {
      response.set(INSTANCE_HEADER, board.instance);
      next();
    });
    app.get('/health', (_request, response) => {
      response.json(board.health(waiters.size));
    });
    addRoutes({ app, board, held: holder(waiters, ended, deps.clock, callers?.turns), logger: deps.logger });
  };
  const service = jsonService(deps.logger, bodyLimits(deps.maxBodyBytes), addAll, callers);
  const expire = (): void => {
    board.expire();
  };
  return { ...service, expire };
}
