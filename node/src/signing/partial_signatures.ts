import type { BoardClient } from 'message-board/client';
import type { RequestRecord } from 'message-board/contract';
import type { Clock } from 'service/clock';
import type { AuditLog } from '../audit/audit_log.js';
import { nodeId, signersLabel } from '../base/utils.js';
import type { PresenceView } from '../cluster/presence.js';
import { sleepWhile } from '../cluster/reading.js';
import { isReady } from '../cluster/readiness.js';
import type { Culprits } from '../evidence/culprits.js';
import type { StoredPresignature } from '../presigning/presignature_pool.js';
import { announcedAttempts, type AnnouncementDeps } from './announcements.js';
import { Collection, type CollectionDeps, type CollectionOutcome } from './collection.js';

/**
 * The signer that posts the last partial signature gets all of them in the answer, and publishes the signature. The others look for
 * themselves only after this long, times their place. Smaller: needless calls for every signature. Larger: when the last poster has died,
 * the signature comes later.
 */
const LOOK_PATIENCE_MS = 500;
/** The longest time for which the board may hold back an empty answer. */
const READ_MS = 30_000;

export interface PartialSignaturesDeps extends CollectionDeps, AnnouncementDeps {
  readonly client: Pick<BoardClient, 'exchangePartialSignature' | 'listPartialSignatures'>;
  readonly presence: Pick<PresenceView, 'status' | 'peers' | 'onChange'>;
  readonly culprits: Pick<Culprits, 'has'>;
  readonly audit: Pick<AuditLog, 'record'>;
  readonly clock: Clock;
}

/** For how long a share may leave this node. */
export interface SharePermit {
  /** Aborts when there is no use in it any more. */
  readonly signal: AbortSignal;
  /** Called at the last moment before it leaves. @throws why it may not */
  readonly checkMayIssue: () => void;
}

/**
 * Signs with one presignature: issues this node's partial signature, posts it, and combines it with the others' once they are there. The
 * caller has taken the presignature out of the pool: it is used up, whatever comes out.
 *
 * The partial signature is in the audit log before it is computed.
 *
 * @param deadline on the monotonic clock
 * @returns `silent` with the missing signers when the deadline passes, or as soon as one of them is known to be down
 * @throws the permit's reason when it ends; what the audit log or the board's client throws
 */
export async function exchangePartialSignatures(
  deps: PartialSignaturesDeps,
  request: RequestRecord,
  stored: StoredPresignature,
  deadline: number,
  permit: SharePermit,
): Promise<CollectionOutcome> {
  const collection = new Collection(deps, request, stored);
  const posted = await issue(deps, collection, request, stored, permit);
  await collection.add(posted);
  // Without its own, the answer is a page that others have filled.
  const isWhole = posted.some(({ from_node }) => from_node === nodeId(deps.index));
  const wait = { after: posted.at(-1)?.id, isWhole, deadline, signal: permit.signal };
  return collection.outcome() ?? awaitOthers(deps, collection, request, stored, wait);
}

/** Posts this node's partial signature, once it is recorded. @returns all that the board then has */
async function issue(
  { index, client, audit }: PartialSignaturesDeps,
  collection: Collection,
  request: RequestRecord,
  { id, participants }: StoredPresignature,
  { signal, checkMayIssue }: SharePermit,
): ReturnType<BoardClient['exchangePartialSignature']> {
  const { messageHash: message_sha256 } = collection;
  const fields = { request_id: request.id, message_sha256, presignature_id: id, signers: signersLabel(participants) };
  signal.throwIfAborted();
  await audit.record({ event: 'partial_signature', fields });
  signal.throwIfAborted();
  checkMayIssue();
  const payload = await collection.own();
  checkMayIssue();
  return client.exchangePartialSignature({ request_id: request.id, from_node: nodeId(index), payload }, signal);
}

/** How a node waits for the others. */
interface Awaiting {
  /** The last entry that it has read. */
  after: string | undefined;
  /** Has it read all that was there? */
  readonly isWhole: boolean;
  readonly deadline: number;
  readonly signal: AbortSignal;
}

/** Reads on until all partial signatures are there, the deadline passes, or a signer whose own is missing is down. */
async function awaitOthers(
  deps: PartialSignaturesDeps,
  collection: Collection,
  request: RequestRecord,
  { participants }: StoredPresignature,
  { after, isWhole, deadline, signal }: Awaiting,
): Promise<CollectionOutcome> {
  const { index, client, clock, presence } = deps;
  const silent = (): CollectionOutcome => ({ kind: 'silent', missing: collection.missing() });
  const isLost = (): boolean => collection.missing().some((party) => !isReady(deps, party));
  const patience = isWhole ? Math.min(LOOK_PATIENCE_MS * (1 + participants.indexOf(index)), deadline - clock.monotonic()) : 0;
  await sleepWhile(deps, patience, signal, () => !isLost() && announcedAttempts(deps, request.id).length === 0);
  signal.throwIfAborted();

  const lost = new AbortController();
  const look = (): void => {
    if (isLost()) lost.abort(new DOMException('a signer is down', 'AbortError'));
  };
  const unsubscribe = presence.onChange(look);
  const waiting = AbortSignal.any([signal, lost.signal]);
  let wait = 0;
  try {
    for (;;) {
      const entries = await client.listPartialSignatures(request.id, { after, wait: Math.min(wait, READ_MS), signal: waiting });
      await collection.add(entries);
      after = entries.at(-1)?.id ?? after;
      const outcome = collection.outcome();
      if (outcome !== null) return outcome;
      look();
      wait = Math.ceil(deadline - clock.monotonic());
      if (wait <= 0 || lost.signal.aborted) return silent();
    }
  } catch (error) {
    if (lost.signal.aborted && !signal.aborted) return silent();
    throw error;
  } finally {
    unsubscribe();
  }
}
