import type { BoardClient } from 'message-board/client';
import type { AuditLog } from '../audit/audit_log.js';
import type { PresenceView } from '../cluster/presence.js';
import type { Culprits } from '../evidence/culprits.js';
import type { Seals } from '../mail/seals.js';
import type { ExecutionJournal } from '../storage/execution_journal.js';
import type { TransportDeps } from '../transport/http_transport.js';
import type { PresignatureRunner } from '../workers/jobs.js';
import type { PoolDemand } from './pool_demand.js';

/** What making presignatures needs. */
export interface PresigningDeps extends TransportDeps {
  /** Own party index; `node-1` is 0. */
  readonly index: number;
  /** Nodes in the cluster. */
  readonly n: number;
  /** How many of them sign. */
  readonly t: number;
  readonly client: TransportDeps['client']
    & Pick<BoardClient, 'createPresignatureRequest' | 'listPresignatureRequests' | 'updatePresignatureRequest'>;
  readonly runner: PresignatureRunner;
  readonly seals: TransportDeps['seals'] & Pick<Seals, 'state' | 'stated'>;
  readonly presence: PresenceView;
  readonly culprits: Pick<Culprits, 'has'>;
  readonly journal: Pick<ExecutionJournal, 'claim'>;
  readonly audit: Pick<AuditLog, 'note'>;
  readonly keyShare: {
    /** `keyMaterialDigest` of it. */
    readonly materialDigest: string;
  };
  /** How many presignatures the cluster should hold. */
  readonly demand: PoolDemand;
  readonly config: {
    /** Presignatures that the cluster keeps while nobody asks for signatures. 0: there is no pool. */
    readonly poolTarget: number;
    /** A node with this many free presignatures takes part in making no more. */
    readonly poolMax: number;
    /** Threads for protocol arithmetic. */
    readonly workers: number;
    /** A leader of the pool is passed over when it is silent for longer, or when no presignature comes of what it asks for. */
    readonly poolLeaderTimeoutMs: number;
  };
}
