/** What this node says on the board about a request: its signature, or what it waits for. */
import type { Signature } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import { formatSignature, type RequestRecord } from 'message-board/contract';
import { payloadSha256 } from 'message-board/payload';
import type { Logger } from 'pino';
import { REQUEST_STATUS } from 'sealing/kinds';
import { sleep, type Clock } from 'service/clock';
import type { AuditLog } from '../audit/audit_log.js';
import { signersLabel } from '../base/utils.js';
import type { Seals } from '../mail/seals.js';
import type { DecidedRequests } from '../storage/decided_requests.js';
import type { SigningTask } from './signing_task.js';

/**
 * How long the news of a published signature may take. Smaller: a request that has its signature is signed again. Larger: a request whose
 * signature the board has lost waits longer.
 */
const NEWS_PATIENCE_MS = 1_000;

export interface PublicationDeps {
  readonly client: Pick<BoardClient, 'updateRequest'>;
  readonly seals: Pick<Seals, 'state'>;
  readonly audit: Pick<AuditLog, 'note'>;
  readonly decided: Pick<DecidedRequests, 'complete'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Who made a signature, and how. */
export interface SignatureOrigin {
  readonly signers: readonly number[];
  readonly path: 'fast' | 'full';
  /** How long it took. */
  readonly ms: number;
}

/**
 * Keeps a signature, which has been verified, and publishes it. The news of it ends the task.
 * @param patienceMs wait this long first: another signer publishes it, unless it dies
 */
export async function submitSignature(
  { client, audit, decided, clock, logger }: Omit<PublicationDeps, 'seals'>,
  task: SigningTask,
  signature: Signature,
  { signers, path, ms }: SignatureOrigin,
  patienceMs: number,
): Promise<void> {
  const label = signersLabel(signers);
  logger.info({ event: 'signature_generated', request_id: task.id, signers: label, path, ms: Math.round(ms) }, 'signature generated');
  const fields = { request_id: task.id, message_sha256: payloadSha256(task.request), signers: label, path };
  audit.note({ event: 'signature_verified', fields });
  const text = formatSignature(signature);
  decided.complete({ id: task.id, messageSha256: fields.message_sha256 }, text);
  // It is no share: it may be published after the request has expired, while the board takes it.
  if (patienceMs > 0) await sleep(clock, patienceMs, task.ended);
  await client.updateRequest(task.id, { signature: text }, task.ended);
  logger.info({ event: 'signature_submitted', request_id: task.id }, 'Signature submitted');
  await sleep(clock, NEWS_PATIENCE_MS, task.ended);
}

/** Says on the board what a request waits for. */
export async function reportWaiting(
  { client, seals }: Pick<PublicationDeps, 'client' | 'seals'>,
  requestId: string,
  reason: string,
  signal: AbortSignal,
): Promise<RequestRecord> {
  const statement = await seals.state(REQUEST_STATUS, { request_id: requestId, reason });
  return client.updateRequest(requestId, { reason, statement }, signal);
}
