import { signatureEncodings, signatureForms } from 'cggmp24';
import { parseSignature, type RequestRecord } from 'message-board/contract';
import { digestOf, isSignatureOf } from 'message-board/payload';
import type { Logger } from 'pino';
import { ServiceError } from 'service/errors';
import type { ClusterMode } from './cluster_mode.js';
import type { SigningStatus } from './contract.js';
import type { PinnedKey } from './public_key.js';
import type { RequestBook } from './request_book.js';
import type { Outcome, StoredRequest } from './store/request_store.js';

export interface OutcomeVerifierDeps {
  readonly cluster: Pick<ClusterMode, 'othersMayAsk' | 'failure' | 'pendingReason'>;
  readonly key: Pick<PinnedKey, 'get' | 'look' | 'state'>;
  readonly book: Pick<RequestBook, 'end' | 'isOver'>;
  readonly logger: Logger;
}

/** Checks what the board says of a request. What holds becomes the one outcome, before a client hears of it. */
export class OutcomeVerifier {
  readonly #deps: OutcomeVerifierDeps;

  constructor(deps: OutcomeVerifierDeps) {
    this.#deps = deps;
  }

  /**
   * How a request stands of which the board shows this record. An outcome that the record proves ends it.
   * @throws ServiceError 503 `invalid_signature`, and the request stays pending; 503 `no_public_key`; BoardUnavailable
   */
  async settle(request: StoredRequest, record: RequestRecord): Promise<SigningStatus> {
    if (request.state.status !== 'pending') return statusOf(request.id, request.state);
    const outcome = await this.#outcome(record, true);
    if (outcome !== undefined) return statusOf(request.id, await this.#deps.book.end(request.id, outcome));
    // What nodes have said earlier is not what it waits for: nobody signs it any more, and the gateway ends it after its grace.
    if (this.#deps.book.isOver(request)) return { request_id: request.id, status: 'pending', reason: 'expiring' };
    return this.#pending(record);
  }

  /** What the board says of a request that is not the gateway's. @throws as {@link settle} */
  async shown(record: RequestRecord): Promise<SigningStatus> {
    const { id, status, reason } = record;
    const outcome = await this.#outcome(record, this.#deps.cluster.othersMayAsk);
    if (outcome !== undefined) return statusOf(id, outcome);
    return status === 'failed' ? { request_id: id, status, reason } : this.#pending(record);
  }

  /** @param mayBeSigned has somebody asked for it whose requests nodes sign? */
  async #outcome(record: RequestRecord, mayBeSigned: boolean): Promise<Outcome | undefined> {
    const { id, status, signature } = record;
    if (status === 'completed') {
      const recoveryId = signature === undefined || !mayBeSigned ? undefined : await this.#recoveryId(record, signature);
      if (signature === undefined || recoveryId === undefined) throw this.#invalidSignature(id);
      return { status, signature, recoveryId };
    }
    const reason = await this.#deps.cluster.failure(record);
    return reason === undefined ? undefined : { status: 'failed', reason };
  }

  async #pending(record: RequestRecord): Promise<SigningStatus> {
    const { cluster, key } = this.#deps;
    const isKeyKnown = key.state !== 'unknown' || (await key.look());
    const reason = (await cluster.pendingReason(record)) ?? (isKeyKnown ? undefined : 'no_public_key');
    return { request_id: record.id, status: 'pending', reason };
  }

  /** @returns undefined when the signature is not valid */
  async #recoveryId(record: RequestRecord, signature: string): Promise<number | undefined> {
    const publicKey = Buffer.from(await this.#deps.key.get(), 'hex');
    if (!isSignatureOf(record, signature, publicKey)) return undefined;
    return signatureForms(parseSignature(signature), publicKey, digestOf(record)).recoveryId;
  }

  #invalidSignature(id: string): ServiceError {
    this.#deps.logger.error({ event: 'invalid_signature', request_id: id }, 'The message board shows a signature that is not valid');
    const advice = 'ask again; if it repeats, an operator has to find out who writes to the message board';
    const problem = `the message board shows a signature of ${id} that is not valid for what was asked under the public key`;
    return new ServiceError(503, 'invalid_signature', `${problem}: ${advice}`);
  }
}

/** How clients see a request. */
export function statusOf(request_id: string, state: StoredRequest['state']): SigningStatus {
  switch (state.status) {
    case 'pending':
      return { request_id, status: 'pending' };
    case 'completed':
      return {
        request_id,
        status: 'completed',
        signature: state.signature,
        ...signatureEncodings(parseSignature(state.signature)),
        recovery_id: state.recoveryId,
      };
    case 'failed':
      return { request_id, status: 'failed', reason: state.reason };
  }
}
