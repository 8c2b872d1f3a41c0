import { once } from 'node:events';
import { join } from 'node:path';
import { encodePoint, keyMaterialDigest, serializeKeyShare, type PublicKeyMaterial, type SecurityParams } from 'cggmp24';
import { BoardClient } from 'message-board/client';
import { requireSameRoster } from 'message-board/roster_check';
import { sessionsOf, type SetupStatus } from 'message-board/contract';
import type { Logger } from 'pino';
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import type { SealKey } from 'sealing/seal_key';
import type { Clock } from 'service/clock';
import type { RandomBytes } from 'service/random';
import { DiskWatch, type Disk } from 'service/disk';
import { serve } from 'service/serve';
import { Problems } from './base/problems.js';
import { nodeIndex } from './base/utils.js';
import { memberMode, messageMode } from './cluster_modes.js';
import { Presence } from './cluster/presence.js';
import { keepPublicKeyPosted } from './cluster/public_key.js';
import { watchSelf } from './cluster/self_watch.js';
import type { Config } from './config.js';
import { Culprits } from './evidence/culprits.js';
import { EvidenceFolder } from './evidence/evidence_folder.js';
import { healthService } from './health.js';
import { NodeLife } from './base/node_life.js';
import { openRecords, reloadPolicy } from './node_records.js';
import { PoolDemand } from './presigning/pool_demand.js';
import { PrimeSupply, type PrimeSource } from './primes/safe_primes.js';
import { watchForConflicts } from './setup/conflicts.js';
import { KeySetup } from './setup/key_setup.js';
import { runSigning } from './signing/signing_coordinator.js';
import { refuseUnsignedRequests } from './signing/unsigned_requests.js';
import { keyFiles, openDataFolder } from './storage/key_store.js';
import { CpuBudget } from './workers/cpu_budget.js';
import { WorkerPool, type StartThread } from './workers/worker_pool.js';

const NOTHING_YET: SetupStatus = { ready: false, next: 0, running: null, completed: null, committed: null };

export interface NodeDeps {
  readonly config: Config;
  /** It contains the identity. */
  readonly roster: Roster;
  readonly identity: Identity;
  /** Under which the node's secret files are sealed. */
  readonly sealKey: SealKey;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: RandomBytes;
  readonly logger: Logger;
  /** The security level. Not in the environment, so that nobody selects the small one by accident. */
  readonly params: SecurityParams;
  readonly startThread: StartThread;
  /** Calls back whenever the operator asks to read the policy again. */
  readonly onHangup: (callback: () => void) => void;
  /** Instead of searching for primes, in tests. */
  readonly primes?: PrimeSource;
}

/**
 * The whole life of a node, until the signal aborts. It generates the key with the others, or loads its share, and then signs.
 * @throws DamagedFile; SetupStopped; Refused when the policy is not valid; the signal's reason
 * @throws OtherRoster when the board is of another cluster
 */
export async function runNode(deps: NodeDeps, stopping: AbortSignal): Promise<void> {
  stopping.throwIfAborted();
  const life = new NodeLife(stopping);
  const opened = new AsyncDisposableStack();
  try {
    await live(deps, life, opened).catch((error: unknown) => {
      if (!life.isCloned) throw error;
    });
    // It tells its operator so until it is stopped.
    if (life.isCloned && !life.ended.aborted) await once(life.ended, 'abort');
  } finally {
    await life.end();
    await opened.disposeAsync();
  }
}

/** @param opened closes what is opened here, in reverse order */
async function live(deps: NodeDeps, life: NodeLife, opened: AsyncDisposableStack): Promise<void> {
  const { config, roster, identity, sealKey, clock, disk, random, logger, params, startThread } = deps;
  const { index, n, t, nodeId, dataDir, workers, peerDeadAfterMs: deadAfterMs } = config;
  const { seals, ...messages } = messageMode(roster, identity);
  const members = memberMode(config);

  // ---- what it has from earlier lives ----
  const problems = new Problems();
  await openDataFolder(dataDir);
  const records = await openRecords({ config, roster, clock, random, logger, problems }, opened);
  const { life: ownLife, journal, decided, audit, policy } = records;
  const { incarnation } = ownLife;
  deps.onHangup(() => void reloadPolicy({ policy, audit }, logger).then(problems.reporter('policy_not_reloaded')));

  // ---- the node, and what it knows of the others ----
  const client = opened.adopt(new BoardClient(config.boardUrl, { session: sessionsOf(roster, identity) }), (board) => board.close());
  const budget = new CpuBudget(config.poolCores, clock);
  const runner = opened.adopt(new WorkerPool({ threads: workers, startThread, budget, clock, logger }), (pool) => pool.close());
  const onClone = (): void => {
    problems.set('clone_detected', 'another process runs with the identity of this node. Stop one of the two');
    life.cloned();
  };
  const own = { index, n, life: ownLife, keygen: NOTHING_YET, auxInfo: NOTHING_YET };
  const presence = new Presence({ ...own, client, clock, logger, seals, onClone, deadAfterMs });
  const culprits = new Culprits({ presence, n, t });

  // ---- what may keep it from signing ----
  const disks = new DiskWatch({
    folder: dataDir,
    disk,
    clock,
    onChange: ({ freeBytes: disk_free_bytes, problem }) => {
      for (const code of ['disk_full', 'disk_failed'] as const) problems.set(code, problem?.code === code ? problem.reason : null);
      presence.update({ disk_free_bytes });
    },
  });
  const publish = (): void => {
    presence.impair(problems.list().map(({ code }) => code), problems.stopSigning);
  };
  problems.onChange(publish);
  publish();
  opened.adopt(disks.start(), (looking) => {
    looking.stop();
  });
  watchSelf({ index, n, t, presence, problems, clock }, life.ended);

  // ---- what it serves to its operator ----
  const evidenceAbout = (key: PublicKeyMaterial | null): EvidenceFolder =>
    new EvidenceFolder({ folder: join(dataDir, 'evidence'), roster, params, index, key, logger });
  for (const { member, code } of await evidenceAbout(null).load()) culprits.add(nodeIndex(member, n) ?? -1, code);
  const demand = new PoolDemand({ target: config.poolTarget, max: config.poolMax }, clock);
  if (config.healthPort !== 0) {
    const { requiredSigners } = members;
    const health = healthService({ nodeId, index, t, requiredSigners, presence, problems, disk: disks, culprits, demand, logger });
    opened.adopt(await serve(health, config.host, config.healthPort, logger, { names: config.allowedHosts }), (server) => server.close());
  }

  // ---- its key share ----
  const transport = { client, runner, seals, peers: messages.peers(presence), audit, clock, random, logger, incarnation, n };
  const accuserIn = (key: PublicKeyMaterial | null) => messages.accuser({ culprits, evidence: evidenceAbout(key), logger });
  const primeFolder = { folder: dataDir, nodeId, sealKey, params, clock, random };
  const setup = await KeySetup.open({
    ...transport,
    index,
    t,
    config,
    params,
    accuser: accuserIn(null),
    presence,
    culprits,
    journal,
    files: keyFiles(dataDir, { index, n, t, params }, sealKey),
    primes: deps.primes ?? (await PrimeSupply.open({ ...primeFolder, runner, workers, logger })),
    strategy: members.setup,
    prmFirstWordOnly: members.prmFirstWordOnly,
    onProblem: (phase, reason) => {
      problems.set(`${phase}_stopped`, reason);
    },
  });
  presence.update(setup.status);
  const rosterChecked = requireSameRoster({ board: client, roster, clock }, life.ended);
  life.inBackground(rosterChecked.catch((error: unknown) => {
    life.fail(error);
  }));
  life.inBackground(presence.run(life.ended));
  life.inBackground(setup.prepare(life.withdrawn));
  const share = await setup.run(life.withdrawn);

  // ---- signing ----
  const { sharedPublicKey } = share.core;
  const publicKey = Buffer.from(encodePoint(sharedPublicKey, true)).toString('hex');
  runner.loadKeyShare(serializeKeyShare(share));
  watchForConflicts({ presence, logger, onProblem: problems.reporter('setup_conflict') }, life.withdrawn);
  const onKeyProblem = problems.reporter('public_key_conflict');
  life.inBackground(keepPublicKeyPosted({ client, clock, logger, onProblem: onKeyProblem }, publicKey, life.withdrawn));
  if (roster.sealed) life.inBackground(refuseUnsignedRequests({ client, seals, audit, clock, logger }, life.withdrawn));
  const { signing: cluster } = members;
  const signing = {
    ...transport,
    index,
    t,
    config,
    roster,
    cluster,
    accuser: accuserIn(share),
    presence,
    culprits,
    journal,
    decided,
    policy,
    demand,
    authorize: cluster.authorizer({ roster, maxAgeMs: config.requestMaxAgeMs }),
    keyShare: { sharedPublicKey, materialDigest: keyMaterialDigest(share) },
  };
  await runSigning(signing, life.withdrawn);
}
