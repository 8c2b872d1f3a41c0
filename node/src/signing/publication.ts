/** What this node says on the board about a request: its signature, or why there is none. */
import type { Signature } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import { formatSignature, type RequestRecord } from 'message-board/contract';
import { messageHash } from 'message-board/signing_request';
import type { Logger } from 'pino';
import { REQUEST_STATUS } from 'sealing/kinds';
import { sleep, type Clock } from 'service/clock';
import type { AuditLog } from '../audit/audit_log.js';
import { signersLabel } from '../base/utils.js';
import type { Seals } from '../mail/seals.js';
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
 * Publishes a signature, which has been verified. The news of it ends the task.
 * @param patienceMs wait this long first: another signer publishes it, unless it dies
 */
export async function submitSignature(
  { client, audit, clock, logger }: Omit<PublicationDeps, 'seals'>,
  task: SigningTask,
  signature: Signature,
  { signers, path, ms }: SignatureOrigin,
  patienceMs: number,
): Promise<void> {
  const label = signersLabel(signers);
  logger.info({ event: 'signature_generated', request_id: task.id, signers: label, path, ms: Math.round(ms) }, 'signature generated');
  const fields = { request_id: task.id, message_sha256: messageHash(task.request.message), signers: label, path };
  audit.note({ event: 'signature_verified', fields });
  if (patienceMs > 0) await sleep(clock, patienceMs, task.signing);
  await client.updateRequest(task.id, { signature: formatSignature(signature) }, task.signing);
  logger.info({ event: 'signature_submitted', request_id: task.id }, 'Signature submitted');
  await sleep(clock, NEWS_PATIENCE_MS, task.signing);
}

/** Says on the board that a request has failed, or what it waits for. */
export async function reportStatus(
  { client, seals }: Pick<PublicationDeps, 'client' | 'seals'>,
  requestId: string,
  status: 'pending' | 'failed',
  reason: string,
  signal: AbortSignal,
): Promise<RequestRecord> {
  const statement = await seals.state(REQUEST_STATUS, { request_id: requestId, status, reason });
  return client.updateRequest(requestId, { status, reason, statement }, signal);
}
