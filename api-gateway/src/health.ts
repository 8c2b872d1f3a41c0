import type { Clock } from 'service/clock';
import type { DiskWatch } from 'service/disk';
import { ServiceError } from 'service/errors';
import { untilAborted, within } from './board_unavailable.js';
import type { BoardWatch } from './board_watch.js';
import type { ClusterMode } from './cluster_mode.js';
import type { Health, ProblemCode } from './contract.js';
import type { PinnedKey } from './public_key.js';
import type { RequestBook, Unfinished } from './request_book.js';

/** `GET /ready` asks the board for this long. Smaller: one slow answer counts. Larger: whoever asks waits longer for the news. */
const PATIENCE_MS = 3_000;
/**
 * Requests are stuck when one that nodes may still sign is this old and none was completed for this long. Smaller: a slow machine that
 * signs in full seems stuck. Larger: nobody is told for longer.
 */
const STUCK_MS = 60_000;
/** Smaller: slow heartbeats look like a clock that is off. Larger: less time to set a clock before its member cannot sign, at 30 s. */
const SKEW_MS = 10_000;

export interface GatewayHealthDeps {
  readonly cluster: Pick<ClusterMode, 'health' | 'culprits'>;
  readonly key: Pick<PinnedKey, 'look' | 'state' | 'isShown' | 'refuseConflict'>;
  readonly watch: Pick<BoardWatch, 'isUp'>;
  readonly book: Pick<RequestBook, 'unfinished' | 'completedAt'>;
  /** Of the folder with the requests. */
  readonly disk: Pick<DiskWatch, 'state'>;
  /** How many nodes sign. */
  readonly t: number;
  readonly clock: Clock;
}

/** What one answer rests on. */
interface Facts {
  readonly cluster: ReturnType<ClusterMode['health']>;
  readonly unfinished: Unfinished;
}

/** Would a request that is made now be signed? */
export class GatewayHealth {
  constructor(private readonly deps: GatewayHealthDeps) {}

  /** @throws ServiceError 503 with the reason why a request that is made now would not be signed; BoardUnavailable */
  async ready(ended: AbortSignal): Promise<void> {
    const { clock, key } = this.deps;
    await within(clock, PATIENCE_MS, ended, (signal) => untilAborted(key.look(), signal));
    key.refuseConflict();
    const [first] = this.#obstacles(await this.#look());
    if (first !== undefined) throw first;
  }

  async health(): Promise<Health> {
    const { cluster, key, watch } = this.deps;
    const facts = await this.#look();
    const { nodes, presignatures, clockSkewMs } = facts.cluster;
    const { count, oldestMs } = facts.unfinished;
    const problems = this.#problems(facts);
    return {
      status: problems.length === 0 ? 'ok' : 'degraded',
      problems,
      board: watch.isUp ? 'up' : 'down',
      public_key: key.state,
      unfinished: count,
      oldest_pending_ms: Math.round(oldestMs),
      nodes,
      presignatures,
      clock_skew_ms: clockSkewMs,
      disk_free_bytes: this.deps.disk.state.freeBytes,
      culprits: cluster.culprits(),
    };
  }

  async #look(): Promise<Facts> {
    const { cluster, book } = this.deps;
    const unfinished = await book.unfinished();
    return { cluster: cluster.health(), unfinished };
  }

  /** What an operator should look at: first what keeps requests from being signed. */
  #problems(facts: Facts): ProblemCode[] {
    const { key, watch } = this.deps;
    const { nodes, clockSkewMs } = facts.cluster;
    const isOff = (skew: number | null): boolean => skew !== null && Math.abs(skew) > SKEW_MS;
    const found: readonly (ProblemCode | false)[] = [
      !watch.isUp && 'board_unavailable',
      key.state === 'conflict' && 'public_key_conflict',
      ...this.#obstacles(facts).map(({ code }) => code as ProblemCode),
      nodes.some(({ stage, live }) => !live || stage !== 'ready') && 'node_not_ready',
      [clockSkewMs, ...nodes.map(({ clock_skew_ms }) => clock_skew_ms)].some(isOff) && 'clock_skew',
    ];
    return found.filter((code) => code !== false);
  }

  /** Why a request would not be signed, as far as board and key are not the reason. */
  #obstacles({ cluster: { signers }, unfinished: { oldestInTime } }: Facts): ServiceError[] {
    const { disk, book, clock, t } = this.deps;
    const idleMs = clock.monotonic() - book.completedAt;
    const unavailable = (code: ProblemCode, message: string): ServiceError => new ServiceError(503, code, message);
    const found: readonly (ServiceError | false)[] = [
      !this.#hasKey(signers)
        && unavailable('no_public_key', 'no public key is shown yet: ask again when the nodes have generated it'),
      disk.state.problem !== null && unavailable('disk_full', disk.state.problem.reason),
      signers !== null && signers < t
        && unavailable('not_enough_nodes', `${signers} nodes can sign together and ${t} have to: see nodes in GET /health`),
      oldestInTime !== undefined && oldestInTime.ageMs > STUCK_MS && idleMs > STUCK_MS
        && unavailable('requests_stuck', stuck(oldestInTime)),
    ];
    return found.filter((error) => error !== false);
  }

  /** Where nodes prove what they state, a known key stays, and too few nodes are a problem of their own. */
  #hasKey(signers: number | null): boolean {
    const { state, isShown } = this.deps.key;
    return state !== 'unknown' && (signers !== null || isShown);
  }
}

function stuck({ id, ageMs }: { readonly id: string; readonly ageMs: number }): string {
  const advice = `GET /status/${id} says what it waits for, GET /health what its nodes lack, and DELETE /requests/${id} ends it`;
  return `${id} waits for ${Math.round(ageMs / 1000)} s, and nothing was signed meanwhile: ${advice}`;
}
