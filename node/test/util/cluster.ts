import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePoint, keyMaterialDigest, serializeKeyShare, type KeyShare } from 'cggmp24';
import { SMALL_FOR_TESTS } from 'cggmp24/testing';
import { createApp, verifierFor, type AppDeps } from 'message-board/app';
import { BoardClient } from 'message-board/client';
import { sessionsOf, type NodeStatus, type Payload, type RequestRecord, type SignSession } from 'message-board/contract';
import { isSignatureOf } from 'message-board/payload';
import { serve, type Running } from 'service/serve';
import { pino, type Logger } from 'pino';
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import { systemClock, type Clock } from 'service/clock';
import { TransportError } from 'service/errors';
import { systemRandom } from 'service/random';
import { AuditLog } from '../../src/audit/audit_log.js';
import { memberMode, messageMode } from '../../src/cluster_modes.js';
import { CpuBudget } from '../../src/workers/cpu_budget.js';
import { Culprits } from '../../src/evidence/culprits.js';
import { EvidenceFolder } from '../../src/evidence/evidence_folder.js';
import { DecidedRequestsFile } from '../../src/storage/decided_requests.js';
import { ExecutionJournal } from '../../src/storage/execution_journal.js';
import { ALLOW_ALL, type Policy } from '../../src/approval/policy.js';
import { PoolDemand } from '../../src/presigning/pool_demand.js';
import { Presence } from '../../src/cluster/presence.js';
import type { Seals } from '../../src/mail/seals.js';
import { runSigning } from '../../src/signing/signing_coordinator.js';
import type { SigningDeps } from '../../src/signing/signing_deps.js';
import { nodeId } from '../../src/base/utils.js';
import { workerThreads, WorkerPool } from '../../src/workers/worker_pool.js';
import { members, originOf, type Members } from 'testkit/roster';
import { present } from 'testkit/present';
import { PacedClock } from './paced_clock.js';
import { smallShares } from 'testkit/key_shares';
import { configOf } from './config.js';

export { eventually } from 'testkit/eventually';

const COMPILED_WORKER = new URL('../../dist/workers/protocol_worker.js', import.meta.url);
const setUp = { ready: true, next: 1, running: null, completed: null, committed: 'a'.repeat(64) };

type Limits = AppDeps['limits'];

/** The settings of a node that matter here, by environment variable. */
export type Settings = Readonly<Record<string, string>>;

/** A log that keeps what was written. */
export function memoryLog(): { logger: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  return { logger, lines };
}

/** The board as it may lie to a node: what it answers about requests is changed, and what is null is not in its lists. */
class LyingBoard extends BoardClient {
  constructor(
    url: string,
    session: SignSession | undefined,
    private readonly show: (record: RequestRecord) => RequestRecord | null,
  ) {
    super(url, { session });
  }

  override async listRequests(query: Parameters<BoardClient['listRequests']>[0]): Promise<RequestRecord[]> {
    return (await super.listRequests(query)).flatMap((record) => this.show(record) ?? []);
  }

  override async updateRequest(...call: Parameters<BoardClient['updateRequest']>): Promise<RequestRecord> {
    const record = await super.updateRequest(...call);
    return this.show(record) ?? record;
  }
}

/** One signing node with a complete key share, from its start to its stop. */
class RunningNode {
  constructor(
    private readonly stopping: AbortController,
    private readonly parts: readonly Promise<void>[],
    private readonly close: () => Promise<void>,
    /** What this node reports about itself. */
    readonly status: () => NodeStatus,
  ) {}

  /** Ends it with no goodbye: its last heartbeat just becomes old. */
  async stop(): Promise<void> {
    this.stopping.abort(new DOMException('stopped', 'AbortError'));
    await Promise.all(this.parts);
    await this.close();
  }
}

/**
 * A board of its own on a free port, in this process.
 * @param roster against which it checks; null for none @param limits other than usual
 */
export async function startBoard(clock: Clock = systemClock, roster: Roster | null = null, limits: Partial<Limits> = {}): Promise<Running> {
  const silent = pino({ level: 'silent' });
  let ids = 0;
  const service = createApp({
    limits: {
      maxEntriesPerRequest: 10_000,
      maxPendingRequests: 1_000,
      maxOpenSessions: 1_000,
      maxFinished: 1_000,
      maxStoredBytes: 1 << 30,
      retentionMs: 3_600_000,
      entryRetentionMs: 3_600_000,
      idleMs: 3_600_000,
      requestDeadlineMs: 3_600_000,
      ...limits,
    },
    verifier: verifierFor(roster),
    maxBodyBytes: 2 << 20,
    maxWaiting: 1_000,
    clock,
    random: () => (++ids).toString(16).padStart(16, '0'),
    logger: silent,
  });
  return serve(service, '127.0.0.1', 0, silent);
}

export interface ClusterOptions {
  readonly parties?: number;
  readonly threshold?: number;
  readonly settings?: Settings;
  readonly messages?: 'sealed' | 'plain';
  /** How a node speaks; a cheat's own way, for one. */
  readonly sealsOf?: (index: number, roster: Roster, identity: Identity) => Seals;
  /** What a node signs; everything that it is asked for by default. */
  readonly policyOf?: (index: number) => Policy;
  /** Has the board the roster, so that it keeps only what members have signed? */
  readonly checking?: boolean;
  readonly limits?: Partial<Limits>;
  /** What the board makes the nodes believe of a request. */
  readonly show?: (record: RequestRecord) => RequestRecord | null;
  /** Done to the board before any node starts. */
  readonly prepare?: (cluster: SigningCluster) => Promise<void>;
}

/** A board, and the signing side of up to n nodes over it, in this process; protocols run in real worker threads on small primes. */
export class SigningCluster {
  readonly #nodes = new Map<number, RunningNode>();
  readonly log = memoryLog();
  /** Who belongs to the cluster. */
  readonly members: Members;
  #incarnations = 0;
  #requests = 0;

  private constructor(
    private readonly clock: PacedClock,
    private readonly board: Running,
    readonly client: BoardClient,
    private readonly shares: readonly KeyShare[],
    threshold: number,
    private readonly folder: string,
    private readonly options: ClusterOptions,
  ) {
    this.members = members(shares.length, threshold, options.messages);
  }

  static async start(options: ClusterOptions): Promise<SigningCluster> {
    const { parties = 4, threshold = 3, prepare, checking = false, messages, limits } = options;
    const clock = new PacedClock();
    const { roster, gateway } = members(parties, threshold, messages);
    const board = await startBoard(clock, checking ? roster : null, limits);
    const client = new BoardClient(`http://127.0.0.1:${board.port}`, { session: sessionsOf(roster, gateway) });
    const shares = smallShares(threshold, parties);
    const folder = await mkdtemp(join(tmpdir(), 'signing-cluster-'));
    const cluster = new SigningCluster(clock, board, client, shares, threshold, folder, options);
    // Otherwise the board takes it from its nodes.
    if (!checking) await client.postPublicKey(cluster.publicKey);
    await prepare?.(cluster);
    for (const index of shares.keys()) await cluster.startNode(index);
    return cluster;
  }

  get publicKey(): string {
    const key = this.shares[0]?.core.sharedPublicKey;
    if (key === undefined) throw new Error('no parties');
    return Buffer.from(encodePoint(key, true)).toString('hex');
  }

  async startNode(index: number): Promise<void> {
    const share = this.shares[index];
    if (share === undefined) throw new Error('no such party');
    const { roster, identities } = this.members;
    const identity = present(identities[index]);
    const url = `http://127.0.0.1:${this.board.port}`;
    const place = { NODE_ID: nodeId(index), MESSAGE_BOARD_URL: url, WORKERS: '1', PEER_DEAD_AFTER_MS: '1500' };
    const config = configOf({ ...place, ...this.options.settings }, roster);
    const logger = this.log.logger.child({ node: nodeId(index) });
    const client = new LyingBoard(config.boardUrl, sessionsOf(roster, identity), this.options.show ?? ((record) => record));
    const { n } = config;
    const { clock } = this;
    const started = ++this.#incarnations;
    const incarnation = `run-${started}`;
    const messages = messageMode(roster, identity);
    const seals = this.options.sealsOf?.(index, roster, identity) ?? messages.seals;
    const deadAfterMs = config.peerDeadAfterMs;
    const onClone = (): void => undefined;
    const life = { incarnation, started, outlive: () => Promise.resolve() };
    const own = { index, n, life, onClone, deadAfterMs };
    const presence = new Presence({ ...own, client, clock, logger, seals, keygen: setUp, auxInfo: setUp });
    const evidence = new EvidenceFolder({ folder: this.evidenceOf(index), roster, params: SMALL_FOR_TESTS, index, key: share, logger });
    const culprits = new Culprits({ presence, n, t: config.t });
    const accuser = messages.accuser({ culprits, evidence, logger });
    presence.update({ public_key: this.publicKey });
    const startThread = workerThreads(SMALL_FOR_TESTS, COMPILED_WORKER);
    const budget = new CpuBudget(config.poolCores, systemClock);
    const runner = new WorkerPool({ threads: config.workers, startThread, budget, clock: systemClock, logger });
    runner.loadKeyShare(serializeKeyShare(share));
    const journal = await ExecutionJournal.open(join(this.folder, `journal-${index}`));
    const decided = DecidedRequestsFile.open(join(this.folder, `decided-${index}.sqlite`), { clock });
    const audit = await AuditLog.open(this.auditPath(index), { clock, logger });
    const policy = this.options.policyOf?.(index) ?? ALLOW_ALL;
    const keyShare = { sharedPublicKey: share.core.sharedPublicKey, materialDigest: keyMaterialDigest(share) };
    const demand = new PoolDemand({ target: config.poolTarget, max: config.poolMax }, clock);
    const { signing: cluster } = memberMode(config);
    const authorize = cluster.authorizer({ roster, maxAgeMs: config.requestMaxAgeMs });
    const parties = { index, n, t: config.t, presence, peers: messages.peers(presence), culprits, accuser };
    const environment = { config, incarnation, clock, random: systemRandom, logger, client, runner, journal, decided, audit };
    const deps: SigningDeps = { ...parties, ...environment, roster, cluster, seals, keyShare, demand, authorize, policy };
    const stopping = new AbortController();
    setMaxListeners(0, stopping.signal);
    const stopped = (error: unknown): void => {
      if (error !== stopping.signal.reason) throw error;
    };
    const parts = [presence.run(stopping.signal), runSigning(deps, stopping.signal).catch(stopped)];
    const close = async (): Promise<void> => {
      await runner.close();
      await journal.close();
      decided.close();
      await audit.close();
      await client.close();
    };
    this.#nodes.set(index, new RunningNode(stopping, parts, close, () => presence.status));
  }

  /** Where a node keeps its evidence. */
  evidenceOf(index: number): string {
    return join(this.folder, `evidence-${index}`);
  }

  async stopNode(index: number): Promise<void> {
    const node = this.#nodes.get(index);
    this.#nodes.delete(index);
    await node?.stop();
  }

  status(index: number): NodeStatus | undefined {
    return this.#nodes.get(index)?.status();
  }

  /** Presignatures that all running nodes report, summed over nodes. */
  pooled(): number {
    return [...this.#nodes.values()].reduce((sum, node) => sum + Object.values(node.status().pool).reduce((a, b) => a + b, 0), 0);
  }

  auditPath(index: number): string {
    return join(this.folder, `audit-${index}.log`);
  }

  /** Asks for a signature as the gateway does. */
  async request(asked: string | Payload, id = `req_1_${++this.#requests}`, presignature_id?: string): Promise<RequestRecord> {
    const payload = typeof asked === 'string' ? { message: asked } : asked;
    const origin = await originOf(this.members, id, payload, 0, presignature_id);
    return await this.client.createRequest({ id, ...payload, presignature_id, origin });
  }

  /** Waits until the request is no longer pending. @throws when that takes longer than `ms` */
  async finished(id: string, ms = 240_000): Promise<RequestRecord> {
    const end = performance.now() + ms;
    while (performance.now() < end) {
      const wait = Math.min(10_000, Math.ceil(end - performance.now()));
      const record = await this.client.getRequest(id, { status: 'pending', wait }).catch((error: unknown) => {
        // The board ends a connection that was idle while this process was busy.
        if (error instanceof TransportError && error.retryable) return undefined;
        throw error;
      });
      if (record !== undefined && record.status !== 'pending') return record;
    }
    throw new Error(`${id} is still pending after ${ms} ms`);
  }

  /** Is the record completed with a valid signature of its message? */
  isSigned(record: RequestRecord): boolean {
    const { status, signature } = record;
    return status === 'completed' && signature !== undefined && isSignatureOf(record, signature, Buffer.from(this.publicKey, 'hex'));
  }

  /** How a request was signed: the `path` of what the nodes logged. */
  pathOf(id: string): unknown {
    return this.log.lines.find((line) => line.event === 'signature_generated' && line.request_id === id)?.path;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map((node) => node.stop()));
    await this.client.close();
    await this.board.close();
    this.clock.stop();
    await rm(this.folder, { recursive: true });
  }
}
