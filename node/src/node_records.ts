import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Roster } from 'sealing/roster';
import type { Clock } from 'service/clock';
import type { RandomBytes } from 'service/random';
import { PolicyFile } from './approval/policy.js';
import { AuditLog } from './audit/audit_log.js';
import type { Problems } from './base/problems.js';
import { ownVersion } from './base/version.js';
import { CountedLife } from './storage/counted_life.js';
import { DecidedRequestsFile, type DecidedRequests } from './storage/decided_requests.js';
import { ExecutionJournal } from './storage/execution_journal.js';
import { lockRunning } from './storage/running_lock.js';

/** What binds a node beyond its life: which life it is in, what it has begun, what it has done, and what it may sign. */
export interface NodeRecords {
  readonly life: CountedLife;
  readonly journal: ExecutionJournal;
  readonly decided: DecidedRequests;
  readonly audit: AuditLog;
  readonly policy: PolicyFile;
}

/** What the policy is read again with. */
export interface ReloadedRecords extends Pick<NodeRecords, 'policy'> {
  readonly audit: Pick<AuditLog, 'record'>;
}

export interface NodeRecordsDeps {
  readonly config: { readonly nodeId: string; readonly dataDir: string; readonly policyFile: string | undefined };
  readonly roster: Roster;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly logger: Logger;
  /** Told why a record cannot be written. */
  readonly problems: Pick<Problems, 'reporter'>;
}

/**
 * Opens the records, and records that this life begins.
 * @param opened closes them
 * @throws DamagedFile; Refused when the policy is not valid, or the node runs already in this folder
 */
export async function openRecords(deps: NodeRecordsDeps, opened: AsyncDisposableStack): Promise<NodeRecords> {
  const { config, roster, clock, random, logger, problems } = deps;
  const { nodeId: node, dataDir, policyFile } = config;
  opened.use(lockRunning(dataDir, node));
  const life = await CountedLife.begin(join(dataDir, `life_${node}.json`), { clock, random });
  const journal = opened.adopt(await ExecutionJournal.open(join(dataDir, `executions_${node}.log`)), (file) => file.close());
  const forDecisions = { clock, onProblem: problems.reporter('decisions_failed') };
  const decided = opened.adopt(DecidedRequestsFile.open(join(dataDir, `decided_${node}.sqlite`), forDecisions), (file) => {
    file.close();
  });
  const policy = await PolicyFile.open(policyFile, clock);
  const forAudit = { clock, logger, onProblem: problems.reporter('audit_log_failed') };
  const audit = opened.adopt(await AuditLog.open(join(dataDir, `audit_${node}.log`), forAudit), (file) => file.close());
  const { length: lines, head } = audit;
  const advice = 'Note the head of the audit log elsewhere: nothing else shows that its end was cut off';
  logger.info({ event: 'audit_log_opened', lines, head }, advice);
  const fields = { node, version: await ownVersion(), incarnation: life.incarnation, roster: roster.hash, policy_sha256: policy.sha256 };
  await audit.record({ event: 'started', fields });
  return { life, journal, decided, audit, policy };
}

/**
 * Reads the policy again. It is recorded before it is in force. One that cannot be used, or cannot be recorded, changes nothing: then the
 * policy before stays in force. Never throws.
 * @returns why it could not be read again; null when it was
 */
export async function reloadPolicy({ policy, audit }: ReloadedRecords, logger: Logger): Promise<string | null> {
  const { sha256: before } = policy;
  try {
    const next = await policy.read();
    if (next.sha256 !== before) await audit.record({ event: 'policy_changed', fields: { before, policy_sha256: next.sha256 } });
    policy.use(next);
    const text = 'The policy was read again. It is asked about requests that come from now on';
    logger.info({ event: 'policy_reloaded', changed: next.sha256 !== before, policy_sha256: next.sha256 }, text);
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error({ event: 'policy_not_reloaded', err: error }, `The policy before stays in force. ${reason}`);
    return `the policy before stays in force: ${reason}`;
  }
}
