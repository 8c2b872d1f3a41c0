/** What a simulation makes nodes of. */
export { Culprits } from './evidence/culprits.js';
export { SealedAccuser } from './evidence/accuser.js';
export { Presence, type OwnLife } from './cluster/presence.js';
export { Problems } from './base/problems.js';
export { watchSelf, type SelfWatchDeps } from './cluster/self_watch.js';
export { ProtocolAborted } from './base/errors.js';
export { Seals } from './mail/seals.js';
export { DecidedRequestsFile } from './storage/decided_requests.js';
export { PoolDemand } from './presigning/pool_demand.js';
export { announce } from './signing/attempt.js';
export { SEALED_CLUSTER } from './signing/cluster_kind.js';
export { runSigning } from './signing/signing_coordinator.js';
export type { AuditRecord } from './audit/audit_log.js';
export type { Policy, PolicyAnswer } from './approval/policy.js';
export type { SigningDeps } from './signing/signing_deps.js';
export type { Job, JobEvents, JobResult, PresignatureRunner, RunningJob } from './workers/jobs.js';
