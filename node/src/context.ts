import type { Point } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import type { Logger } from 'pino';
import type { Clock } from 'service/clock';
import type { RandomBytes } from 'service/random';
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import type { AuditLog } from './audit/audit_log.js';
import type { Config } from './config.js';
import type { Culprits } from './evidence/culprits.js';
import type { ExecutionJournal } from './storage/execution_journal.js';
import type { ProtocolRunner } from './workers/jobs.js';
import type { Authorize } from './approval/authorization.js';
import type { Policy } from './approval/policy.js';
import type { PoolDemand } from './presigning/pool_demand.js';
import type { PresenceView } from './cluster/presence.js';
import type { Seals } from './mail/seals.js';

/** The public side of this node's key share. The secret side is in the worker threads, which have the key share loaded. */
export interface PublicKeyShare {
  readonly sharedPublicKey: Point;
  /** The same, compressed, hexadecimal. */
  readonly publicKey: string;
  /** `keyMaterialDigest` of it. */
  readonly materialDigest: string;
}

/** What the node's parts share, once the key share is complete. */
export interface NodeContext {
  readonly config: Config;
  /** Who belongs to the cluster. */
  readonly roster: Roster;
  /** This node's, with its secrets. */
  readonly identity: Identity;
  readonly seals: Seals;
  /** Own party index; `node-1` is 0. */
  readonly index: number;
  /** Nodes in the cluster. */
  readonly n: number;
  /** How many of them sign. */
  readonly t: number;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly logger: Logger;
  readonly client: BoardClient;
  readonly presence: PresenceView;
  /** Who is left out when signers are chosen. */
  readonly culprits: Culprits;
  readonly runner: ProtocolRunner;
  readonly journal: ExecutionJournal;
  readonly audit: AuditLog;
  readonly authorize: Authorize;
  /** What this node signs, of all that it is asked for by the gateway. */
  readonly policy: Policy;
  readonly keyShare: PublicKeyShare;
  /** How many presignatures the cluster should hold. */
  readonly demand: PoolDemand;
}
