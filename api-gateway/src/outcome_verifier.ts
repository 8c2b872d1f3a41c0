import { verify } from 'cggmp24';
import { parseSignature, type RequestRecord } from 'message-board/contract';
import type { Logger } from 'pino';
import { ServiceError } from 'service/errors';
import type { ClusterMode } from './cluster_mode.js';
import type { SigningStatus } from './contract.js';
import type { PinnedKey } from './public_key.js';
import type { UnfinishedRequests } from './unfinished_requests.js';

export interface OutcomeVerifierDeps {
  readonly cluster: Pick<ClusterMode, 'mayHaveAskedFor' | 'refusalReason'>;
  readonly key: Pick<PinnedKey, 'get'>;
  readonly requests: Pick<UnfinishedRequests, 'has' | 'finish'>;
  readonly logger: Logger;
}

/** Checks what the board says of a request, before a client hears of it. */
export class OutcomeVerifier {
  readonly #deps: OutcomeVerifierDeps;

  constructor(deps: OutcomeVerifierDeps) {
    this.#deps = deps;
  }

  /**
   * What the record says, as far as it can be checked. A request that is finished leaves the book.
   * @throws ServiceError 503 `invalid_signature`, and the request stays in the book; 503 `no_public_key`; BoardUnavailable
   */
  async verified(record: RequestRecord): Promise<SigningStatus> {
    const { id: request_id, status, reason, signature } = record;
    if (status === 'completed') {
      if (signature === undefined || !(await this.#isValid(record, signature))) throw this.#invalidSignature(request_id);
      this.#deps.requests.finish(record);
      return { request_id, status, signature };
    }
    if (status === 'failed') {
      this.#deps.requests.finish(record);
      return { request_id, status, reason };
    }
    return { request_id, status: 'pending', reason: (await this.#deps.cluster.refusalReason(record)) ?? reason };
  }

  async #isValid(record: RequestRecord, signature: string): Promise<boolean> {
    const { requests, cluster, key } = this.#deps;
    // What is in the book was asked for. Of other requests only their origin can tell.
    const isAskedFor = requests.has(record.id) || (await cluster.mayHaveAskedFor(record));
    const publicKey = Buffer.from(await key.get(), 'hex');
    return isAskedFor && verify(parseSignature(signature), publicKey, Buffer.from(record.message));
  }

  #invalidSignature(id: string): ServiceError {
    this.#deps.logger.error({ event: 'invalid_signature', request_id: id }, 'The message board shows a signature that is not valid');
    const advice = 'ask again; if it repeats, an operator has to find out who writes to the message board';
    const problem = `the message board shows a signature of ${id} that is not valid for what was asked under the public key`;
    return new ServiceError(503, 'invalid_signature', `${problem}: ${advice}`);
  }
}
