import type { Point } from 'cggmp24';
import type { RequestRecord } from 'message-board/contract';
import { provenFailure } from 'message-board/outcome';
import { isSignatureOf, payloadSha256 } from 'message-board/payload';
import { askingFor } from 'message-board/signing_request';
import type { Logger } from 'pino';
import type { Roster } from 'sealing/roster';
import type { DecidedRequests } from '../storage/decided_requests.js';
import type { ClusterKind } from './cluster_kind.js';

export interface OutcomesDeps {
  readonly roster: Roster;
  readonly cluster: Pick<ClusterKind, 'refusals'>;
  readonly keyShare: { readonly sharedPublicKey: Point };
  readonly decided: DecidedRequests;
  readonly logger: Logger;
}

/**
 * How requests have ended, as far as this node can verify that: completed by a signature that holds under its own key, failed by
 * n − t + 1 refusals or by the gateway's closing. That the board calls a request finished counts for nothing, except in a plain cluster.
 */
export class Outcomes {
  /** Requests about which the board has said what it cannot prove. */
  readonly #doubted = new WeakSet<object>();

  constructor(private readonly deps: OutcomesDeps) {}

  /**
   * Keeps what the record proves about the end of its request.
   * @returns the outcome, for people; undefined when the record proves none
   * @throws when it cannot be kept: the request must not be signed
   */
  async learn(record: RequestRecord): Promise<string | undefined> {
    if (record.status === 'completed') return this.#learnSignature(record);
    if (!this.deps.cluster.refusals) return record.status === 'failed' ? 'it has failed' : undefined;
    return this.#learnFailure(record);
  }

  /**
   * The same for a request about which this node does nothing now: one that it has accepted, or one that has ended before it could decide
   * and may be shown as pending again. Never throws.
   */
  async learnLate(record: RequestRecord): Promise<void> {
    const { decided, logger } = this.deps;
    try {
      const earlier = decided.get(record.id);
      const isOpen = earlier === undefined || (earlier.refusal === null && earlier.signature === null);
      if (isOpen) await this.learn(record);
    } catch (error) {
      logger.warn({ event: 'outcome_not_kept', request_id: record.id, err: error }, 'The outcome of a request could not be kept');
    }
  }

  /** The board calls a request finished, and proves nothing. Tells the log, once for each task. */
  doubt(task: object, { id, status }: RequestRecord): void {
    if (this.#doubted.has(task)) return;
    this.#doubted.add(task);
    const fields = { event: 'outcome_doubted', request_id: id, status };
    this.deps.logger.warn(fields, 'The board calls a request finished without a proof');
  }

  async #learnSignature(record: RequestRecord): Promise<string | undefined> {
    const { roster, decided } = this.deps;
    const { id, signature } = record;
    if (signature === undefined) return undefined;
    // It was signed before this node could decide. If nothing were kept, the nodes that had no part in it could sign it a second time when
    // the board has forgotten it: there may be t of them.
    const asking = decided.get(id) === undefined ? await askingFor(roster, record) : null;
    if (!this.#holds(record, signature)) return undefined;
    const payload = { id, messageSha256: payloadSha256(record) };
    if (asking !== null) decided.accept({ ...payload, expires: asking.expires.getTime() });
    decided.complete(payload, signature);
    return 'it is completed';
  }

  async #learnFailure(record: RequestRecord): Promise<string | undefined> {
    const { roster, decided } = this.deps;
    const isRefused = record.refusals !== undefined || record.closing !== undefined;
    const reason = isRefused ? await provenFailure(roster, record) : undefined;
    if (reason === undefined) return undefined;
    const asking = await askingFor(roster, record);
    // What the gateway has not asked for is not signed anyway.
    if (asking !== null) {
      const payload = { id: record.id, messageSha256: payloadSha256(record), expires: asking.expires.getTime() };
      const [code = 'failed'] = reason.split(':');
      decided.refuse(payload, code);
    }
    return `it has failed: ${reason}`;
  }

  #holds(record: RequestRecord, signature: string): boolean {
    return isSignatureOf(record, signature, this.deps.keyShare.sharedPublicKey);
  }
}
