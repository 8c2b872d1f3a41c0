import { arithmeticBackend } from 'cggmp24';
import { ServiceError } from 'service/errors';
import { jsonService, type Service } from 'service/http';
import type { Logger } from 'pino';
import type { Problems } from './base/problems.js';
import type { Presence } from './cluster/presence.js';
import type { Culprits } from './evidence/culprits.js';
import type { PoolDemand } from './presigning/pool_demand.js';

/** A board that has not answered for this long counts as gone. Smaller: one slow answer counts. Larger: a node is called ready longer. */
const BOARD_GONE_AFTER_MS = 5_000;

export interface HealthDeps {
  readonly nodeId: string;
  /** The node is ready when this many nodes are known to be alive, itself included. */
  readonly requiredAlive: number;
  readonly presence: Presence;
  readonly problems: Problems;
  readonly culprits: Pick<Culprits, 'list'>;
  readonly demand: Pick<PoolDemand, 'summary'>;
  readonly logger: Logger;
}

/** Why this node cannot sign; null when it can. */
export function unreadiness(deps: Pick<HealthDeps, 'requiredAlive' | 'presence' | 'problems'>): string | null {
  const { requiredAlive, presence, problems } = deps;
  if (problems.first !== null) return problems.first;
  if (presence.status.stage !== 'ready') return presence.status.stage;
  if (presence.boardSilentMs > BOARD_GONE_AFTER_MS) return 'the message board does not answer';
  if (presence.refusal !== null) return `the message board refuses what this node says of itself: ${presence.refusal}`;
  const alive = 1 + presence.peers().filter(({ live }) => live).length;
  return alive >= requiredAlive ? null : `${alive} nodes are alive and ${requiredAlive} have to sign`;
}

/** `GET /health`: what the node does. `GET /ready`: 200 when it can sign, else 503 with the reason. */
export function healthService(deps: HealthDeps): Service {
  const { presence, culprits, demand, logger } = deps;
  return jsonService(logger, 1024, (app) => {
    app.get('/health', (_request, response) => {
      const { incarnation, stage, public_key, pool } = presence.status;
      const { backend, reason } = arithmeticBackend();
      const peers = presence.peers().map(({ nodeId: node_id, live, ageMs, status }) => ({
        node_id,
        live,
        age_ms: Number.isFinite(ageMs) ? Math.round(ageMs) : null,
        stage: status?.stage ?? null,
      }));
      response.json({
        status: 'ok',
        node_id: deps.nodeId,
        incarnation,
        stage,
        not_ready: unreadiness(deps),
        public_key,
        peers,
        pool,
        refill: { held: Object.values(pool).reduce((sum, count) => sum + count, 0), ...demand.summary },
        culprits: culprits.list().map(({ nodeId: node_id, reason, namedBy: named_by }) => ({ node_id, reason, named_by })),
        arithmetic: { backend: backend.name, reason },
      });
    });
    app.get('/ready', (_request, response) => {
      const reason = unreadiness(deps);
      if (reason !== null) throw new ServiceError(503, 'not_ready', reason);
      response.json({ status: 'ready' });
    });
  });
}
