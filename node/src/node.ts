import { once, setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { completeKeyShare, encodePoint, keyMaterialDigest, parseAuxInfo, parseCoreKeyShare, serializeKeyShare, type SecurityParams } from 'cggmp24';
import { BoardClient } from 'message-board/client';
import type { SetupStatus } from 'message-board/contract';
import type { Clock } from 'service/clock';
import type { RandomBytes } from 'service/random';
import { serve } from 'service/serve';
import type { Logger } from 'pino';
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import type { SealKey } from 'sealing/seal_key';
import { agree, initialStatus, runOnlyAttempt, type Phase } from './setup/agreement.js';
import { AuditLog } from './audit/audit_log.js';
import { auxInfoPhase } from './setup/aux_info.js';
import type { Config } from './config.js';
import { watchForConflicts } from './setup/conflicts.js';
import { CpuBudget } from './workers/cpu_budget.js';
import { Culprits } from './evidence/culprits.js';
import { EvidenceFolder } from './evidence/evidence_folder.js';
import { ExecutionJournal } from './storage/execution_journal.js';
import { healthService, Problems } from './health.js';
import { keyFiles, openDataFolder } from './storage/key_store.js';
import { keygenPhase } from './setup/keygen.js';
import { openPolicy, type Policy } from './approval/policy.js';
import { PoolDemand } from './presigning/pool_demand.js';
import { Presence } from './cluster/presence.js';
import { keepPublicKeyPosted } from './cluster/public_key.js';
import { PrimeSupply, type PrimeSource } from './primes/safe_primes.js';
import { Seals } from './mail/seals.js';
import { PLAIN_CLUSTER, SEALED_CLUSTER } from './signing/cluster_kind.js';
import { runSigning } from './signing/signing_coordinator.js';
import { ownVersion } from './base/version.js';
import { nodeIndex } from './base/utils.js';
import { WorkerPool, type StartThread } from './workers/worker_pool.js';

/** Why a node goes on without taking part in anything. */
const CLONED = new DOMException('another process runs with the identity of this node', 'AbortError');
const NOTHING_YET: SetupStatus = { ready: false, next: 0, running: null, completed: null, committed: null };

export interface NodeOptions {
  readonly config: Config;
  /** It contains the identity. */
  readonly roster: Roster;
  readonly identity: Identity;
  /** Under which the node's secret files are sealed. */
  readonly sealKey: SealKey;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly logger: Logger;
  /** The security level. Not in the environment, so that nobody selects the small one by accident. */
  readonly params: SecurityParams;
  readonly startThread: StartThread;
  /** Instead of searching for primes, in tests. */
  readonly primes?: PrimeSource;
}

/** Everything that a node has from its start on. */
interface Parts extends NodeOptions {
  readonly journal: ExecutionJournal;
  readonly audit: AuditLog;
  readonly policy: Policy;
  readonly client: BoardClient;
  readonly presence: Presence;
  readonly runner: WorkerPool;
  readonly problems: Problems;
  readonly seals: Seals;
  readonly culprits: Culprits;
  readonly evidence: EvidenceFolder;
  readonly demand: PoolDemand;
}

/**
 * The whole life of a node, until the signal aborts: it generates the key with the others, or loads its share, and then signs.
 * @throws DamagedFile, SetupRefused; the signal's reason
 */
export async function runNode(options: NodeOptions, stopping: AbortSignal): Promise<void> {
  const { config, clock, random, logger, roster, identity, params, startThread } = options;
  const life = new AbortController();
  const takingPart = new AbortController();
  // Every loop, session and search of the node ends with them.
  setMaxListeners(0, life.signal, takingPart.signal);
  const stop = (): void => {
    life.abort(stopping.reason);
  };
  stopping.addEventListener('abort', stop);
  life.signal.addEventListener('abort', () => {
    takingPart.abort(life.signal.reason);
  });
  const client = new BoardClient(config.boardUrl);
  const runner = new WorkerPool({ threads: config.workers, startThread, budget: new CpuBudget(config.poolCores, clock), clock, logger });
  const problems = new Problems();
  const onClone = (): void => {
    problems.set('clone', 'another process runs with the identity of this node, or the clock was set back. Stop one of the two');
    takingPart.abort(CLONED);
  };
  const started = clock.now();
  const incarnation = `${started}-${random(8).toString('hex')}`;
  const { index, n, t, peerDeadAfterMs: deadAfterMs } = config;
  const seals = new Seals(roster, identity);
  const presence = new Presence({ client, clock, logger, seals, index, n, incarnation, started, onClone, deadAfterMs, keygen: NOTHING_YET, auxInfo: NOTHING_YET });
  const evidence = new EvidenceFolder({ folder: join(config.dataDir, 'evidence'), roster, params, index, logger });
  const culprits = new Culprits({ presence, evidence, logger, n, t });
  const demand = new PoolDemand({ target: config.poolTarget, max: config.poolMax }, clock);
  const ending: (() => Promise<unknown>)[] = [() => client.close(), () => runner.close()];
  try {
    stopping.throwIfAborted();
    await openDataFolder(config.dataDir);
    for (const { member, code } of await evidence.load()) culprits.add(nodeIndex(member, n) ?? -1, code);
    const journal = await ExecutionJournal.open(join(config.dataDir, `executions_${config.nodeId}.log`));
    ending.push(() => journal.close());
    const policy = await openPolicy(config.policyFile, clock);
    const onProblem = (reason: string | null): void => { problems.set('audit_log', reason); };
    const audit = await AuditLog.open(join(config.dataDir, `audit_${config.nodeId}.log`), { clock, logger, onProblem });
    ending.push(() => audit.close());
    await recordStart(audit, { ...options, policy, incarnation });
    if (config.healthPort !== 0) {
      const health = await serve(healthService({ config, presence, problems, culprits, demand, logger }), config.host, config.healthPort, logger);
      ending.push(() => health.close());
    }
    const background: Promise<void>[] = [];
    ending.push(() => Promise.all(background));
    const parts = { ...options, journal, audit, policy, client, presence, runner, problems, seals, culprits, evidence, demand };
    await live(parts, background, { life: life.signal, takingPart: takingPart.signal }).catch((error: unknown) => {
      if (takingPart.signal.reason !== CLONED) throw error;
    });
    if (takingPart.signal.reason === CLONED) await once(life.signal, 'abort');
  } finally {
    stopping.removeEventListener('abort', stop);
    life.abort(new DOMException('the node is stopping', 'AbortError'));
    for (const end of ending.reverse()) await end();
  }
}

async function recordStart(audit: AuditLog, { config, roster, logger, policy, incarnation }: NodeOptions & { readonly policy: Policy; readonly incarnation: string }): Promise<void> {
  const { length, head } = audit;
  logger.info({ event: 'audit_log_opened', lines: length, head }, 'Note the head of the audit log elsewhere: that its end was cut off shows by it alone');
  const fields = { node: config.nodeId, version: await ownVersion(), incarnation, roster: roster.hash, policy_sha256: policy.sha256 };
  await audit.record({ event: 'started', fields });
}

/** Until one of the signals aborts: `takingPart` does no later than `life`. */
async function live(parts: Parts, background: Promise<void>[], { life, takingPart: signal }: Record<'life' | 'takingPart', AbortSignal>): Promise<void> {
  const { config, params, journal, presence, runner, sealKey, logger, problems } = parts;
  const { clock, random } = parts;
  const { index, n, t, dataDir: folder, nodeId, workers } = config;
  const files = keyFiles(folder, { index, n, t, params }, sealKey);
  const primes = parts.primes ?? (await PrimeSupply.open({ folder, nodeId, sealKey, params, runner, workers, clock, random, logger }));
  const keygen = keygenPhase(parts, files.keyShare);
  const auxInfo = auxInfoPhase({ ...parts, primes }, files.auxInfo);
  presence.update({ keygen: await initialStatus(keygen, journal), aux_info: await initialStatus(auxInfo, journal) });
  background.push(presence.run(life));
  const { completed, committed } = presence.status.aux_info;
  // The longest part of the set-up: it begins at once. If it fails, whoever waits for the primes will see why.
  if (completed === null && committed === null) background.push(primes.prepare(signal).catch(() => undefined));

  const fromFile = { keygen: presence.status.keygen.committed !== null, auxInfo: committed !== null };
  const core = parseCoreKeyShare(await obtain(keygen, parts, signal));
  const publicKey = Buffer.from(encodePoint(core.sharedPublicKey, true)).toString('hex');
  logger.info({ event: 'keygen_completed', public_key: publicKey, from_file: fromFile.keygen }, 'Keygen completed');
  presence.update({ public_key: publicKey });
  const aux = parseAuxInfo(await obtain(auxInfo, parts, signal), params);
  logger.info({ event: 'aux_info_completed', from_file: fromFile.auxInfo }, 'AuxInfo generation completed');

  const share = completeKeyShare(core, aux);
  parts.evidence.key = share;
  runner.loadKeyShare(serializeKeyShare(share));
  watchForConflicts({ ...parts, onProblem: (reason) => { problems.set('conflict', reason); } }, signal);
  background.push(keepPublicKeyPosted({ ...parts, onProblem: (reason) => { problems.set('public_key', reason); } }, publicKey, signal));
  const cluster = config.rustInterop ? PLAIN_CLUSTER : SEALED_CLUSTER;
  const authorize = cluster.authorizer({ roster: parts.roster, maxAgeMs: config.requestMaxAgeMs, clock });
  const keyShare = { sharedPublicKey: core.sharedPublicKey, materialDigest: keyMaterialDigest(share) };
  await runSigning({ ...parts, index, n, t, cluster, authorize, keyShare }, signal);
}

/** The result of a phase: from its file, or by running the protocol with the others. */
async function obtain(phase: Phase, parts: Parts, signal: AbortSignal): Promise<string> {
  const { config, presence, journal, problems } = parts;
  if (!config.rustInterop) return agree(phase, { ...parts, onProblem: (reason) => { problems.set(phase.name, reason); } }, signal);
  presence.update({ stage: phase.name });
  return runOnlyAttempt(phase, journal, signal);
}
