import { arithmeticBackend } from 'cggmp24';
import { isReady, largestSignerSet, peerHealth, usablePresignatures, type PeerView } from 'message-board/peer_view';
import { SELF } from 'message-board/peers';
import type { Logger } from 'pino';
import type { DiskWatch } from 'service/disk';
import { ServiceError } from 'service/errors';
import { jsonService, type Service } from 'service/http';
import { PROBLEMS, type ProblemCode, type Problems } from './base/problems.js';
import type { Presence } from './cluster/presence.js';
import type { Culprits } from './evidence/culprits.js';
import type { PoolDemand } from './presigning/pool_demand.js';

export interface HealthDeps {
  readonly nodeId: string;
  /** Own party index. */
  readonly index: number;
  /** How many nodes sign. */
  readonly t: number;
  /** The node is ready when this many nodes, itself included, are known to be able to sign together. */
  readonly requiredSigners: number;
  readonly presence: Presence;
  readonly problems: Problems;
  readonly disk: Pick<DiskWatch, 'state'>;
  readonly culprits: Pick<Culprits, 'list'>;
  readonly demand: Pick<PoolDemand, 'summary'>;
  readonly logger: Logger;
}

export interface Unreadiness {
  readonly code: string;
  readonly reason: string;
}

/** With these it signs for its part, but does not reach the others, or they do not count on it. */
const OUT_OF_REACH: ReadonlySet<ProblemCode> = new Set(['board_unavailable', 'heartbeat_refused', 'ignored_by_peers']);

/** Why a request that is made now would not be signed by this node with others; null when it would. */
export function unreadiness(deps: Pick<HealthDeps, 'requiredSigners' | 'presence' | 'problems' | 'index' | 'nodeId'>): Unreadiness | null {
  const { requiredSigners, presence, problems } = deps;
  const problem = problems.list().find(({ code }) => PROBLEMS[code] || OUT_OF_REACH.has(code));
  if (problem !== undefined) return problem;
  const { stage } = presence.status;
  if (stage !== 'ready') return { code: 'not_ready', reason: stage };
  // Of all sets with this node: one corrupt node, which says that it does not hear this one, keeps only itself out of them.
  const together = largestSignerSet(allNodes(deps), deps.nodeId).length;
  if (together >= requiredSigners) return null;
  const who = `this node and ${together - 1} others can sign together and ${requiredSigners} have to`;
  const reason = `${who}: start the others, or look at their /health`;
  return { code: 'not_enough_nodes', reason };
}

/** This node, as the others see it, among them. */
function allNodes({ presence, index, nodeId }: Pick<HealthDeps, 'presence' | 'index' | 'nodeId'>): PeerView[] {
  return [...presence.peers(), { index, nodeId, live: true, ageMs: 0, status: presence.status }].sort((a, b) => a.index - b.index);
}

/** `GET /health`: what the node does. `GET /ready`: 200 when it can sign, else 503 with the reason. */
export function healthService(deps: HealthDeps): Service {
  return jsonService(deps.logger, 1024, (app) => {
    app.get('/health', (_request, response) => {
      response.json(healthOf(deps));
    });
    app.get('/ready', (_request, response) => {
      const why = unreadiness(deps);
      if (why !== null) throw new ServiceError(503, why.code, why.reason);
      response.json({ status: 'ready' });
    });
  });
}

function healthOf(deps: HealthDeps): object {
  const { presence, problems, disk, culprits, demand, t } = deps;
  const { incarnation, stage, public_key, pool } = presence.status;
  const { backend, reason } = arithmeticBackend();
  const usable = [...usablePresignatures(allNodes(deps), t)].map(([label, ids]) => [label, ids.length] as const);
  const skews = presence.clockSkews();
  return {
    status: 'ok',
    node_id: deps.nodeId,
    incarnation,
    stage,
    not_ready: unreadiness(deps)?.reason ?? null,
    problems: problems.list(),
    disk_free_bytes: disk.state.freeBytes,
    clock_skew_ms: skews.get(SELF) ?? null,
    public_key,
    peers: presence.peers().map((peer) => ({
      ...peerHealth(peer, skews),
      ready: isReady(peer),
      hears_this_node: peer.live ? (peer.status?.hears.includes(deps.nodeId) ?? false) : null,
    })),
    presignatures: Object.fromEntries(usable),
    pool,
    refill: { usable: usable.reduce((sum, [, count]) => sum + count, 0), ...demand.summary },
    culprits: culprits.list().map(({ nodeId: node_id, reason: why, namedBy: named_by }) => ({ node_id, reason: why, named_by })),
    arithmetic: { backend: backend.name, reason },
  };
}
