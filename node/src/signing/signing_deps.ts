import type { Point } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import type { Roster } from 'sealing/roster';
import type { Clock } from 'service/clock';
import type { DecisionDeps } from '../approval/decision.js';
import type { PresigningDeps } from '../presigning/presigning_deps.js';
import type { AuditLog } from '../audit/audit_log.js';
import type { ExecutionJournal } from '../storage/execution_journal.js';
import type { ClusterKind } from './cluster_kind.js';

/** What signing needs, with the filling of the pool. */
export interface SigningDeps extends PresigningDeps, DecisionDeps {
  readonly clock: Clock;
  /** Who belongs to the cluster. */
  readonly roster: Roster;
  readonly cluster: ClusterKind;
  readonly client: PresigningDeps['client']
    & Pick<BoardClient, 'listRequests' | 'getRequest' | 'updateRequest' | 'exchangePartialSignature' | 'listPartialSignatures'>;
  readonly audit: Pick<AuditLog, 'record' | 'note'>;
  /** The public side of this node's key share. The secret side is in the worker threads, which have the key share loaded. */
  readonly keyShare: PresigningDeps['keyShare'] & { readonly sharedPublicKey: Point };
  /** The executions that this node has begun, also in earlier lives. */
  readonly journal: Pick<ExecutionJournal, 'claim' | 'ids'>;
  readonly config: PresigningDeps['config'] & {
    /** The makers of a presignature have this long to sign with it. */
    readonly fastSigningTimeoutMs: number;
  };
}
