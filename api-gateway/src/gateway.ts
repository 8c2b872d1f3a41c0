import { setTimeout as sleep } from 'node:timers/promises';
import { verify } from 'cggmp24';
import { ServiceError, type BoardClient } from 'message-board/client';
import { parseSignature, type RequestRecord } from 'message-board/contract';
import { newRequestId } from 'message-board/ids';
import type { Logger } from 'pino';
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import { BoardUnavailable, viaBoard } from './board_unavailable.js';
import type { Health, SigningStatus } from './contract.js';
import { PinnedKey } from './public_key.js';

export interface GatewayDeps {
  readonly board: BoardClient;
  readonly roster: Roster;
  /** The gateway's own, with its secrets. */
  readonly identity: Identity;
  /** Requests that are not finished, at most. */
  readonly maxUnfinished: number;
  /** Clients that wait for the end of a request at one time; one more is answered at once. */
  readonly maxWaiting: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** At least 64 random bits, in hexadecimal. */
  readonly random: () => string;
  readonly logger: Logger;
}

const SWEEP_EVERY_MS = 1_000;
/** Between two tries while the board is away and a client waits. */
const RETRY_MS = 200;
/** Requests settled with the board at one time. */
const BATCH = 16;
const ORIGIN = 'gateway';

/** Takes requests to the board, keeps them there until they are finished, and checks what comes out. */
export class Gateway {
  readonly key: PinnedKey;
  /** Messages by request id. */
  private readonly unfinished = new Map<string, string>();
  private waiting = 0;
  private boardUp = false;

  constructor(private readonly deps: GatewayDeps) {
    this.key = new PinnedKey(deps.board, deps.logger);
  }

  /**
   * @param wait milliseconds for the request to finish
   * @param ended stops the waiting
   * @throws ServiceError 429 or 503: the request was not accepted
   */
  async sign(message: string, wait: number, ended: AbortSignal): Promise<SigningStatus> {
    this.key.refuseConflict();
    if (this.unfinished.size >= this.deps.maxUnfinished) {
      throw new ServiceError(429, 'too_many_unfinished', `${this.unfinished.size} requests are unfinished already`);
    }
    const id = newRequestId(this.deps.now(), this.deps.random());
    await this.post(id, message);
    this.unfinished.set(id, message);
    this.deps.logger.info({ request_id: id }, 'request_accepted');
    const pending: SigningStatus = { request_id: id, status: 'pending' };
    if (wait === 0) return pending;
    try {
      return (await this.status(id, wait, ended)) ?? pending;
    } catch (error) {
      // It was accepted: the client has to learn its id, whatever happened since.
      if (!ended.aborted) this.deps.logger.warn({ request_id: id, err: error }, 'waiting_failed');
      return pending;
    }
  }

  /**
   * @param wait milliseconds for the request to finish
   * @returns undefined when there is no such signing request
   * @throws ServiceError 503 when the board cannot be asked, or shows a signature that is not valid
   */
  async status(id: string, wait: number, ended: AbortSignal): Promise<SigningStatus | undefined> {
    const end = performance.now() + (this.waiting < this.deps.maxWaiting ? wait : 0);
    this.waiting += 1;
    try {
      return await this.follow(id, end, ended);
    } finally {
      this.waiting -= 1;
    }
  }

  /** Sweeps every second until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.sweep();
      await sleep(SWEEP_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Looks at the board: has it the key, and all unfinished requests? What it lost, when it was restarted, is posted again. */
  async sweep(): Promise<void> {
    try {
      await this.key.look();
      this.sawBoard(true);
      await this.settleMissing();
    } catch (error) {
      if (error instanceof BoardUnavailable) this.sawBoard(false);
      else this.deps.logger.error({ err: error }, 'sweep_failed');
    }
  }

  /** @throws ServiceError 503 with the reason why nothing can be signed now */
  async ready(): Promise<void> {
    const hasKey = await this.key.look();
    this.key.refuseConflict();
    if (!hasKey) throw new ServiceError(503, 'no_public_key', 'the message board has no public key yet');
  }

  health(): Health {
    const status = this.boardUp && this.key.state !== 'conflict' ? 'ok' : 'degraded';
    return { status, board: this.boardUp ? 'up' : 'down', public_key: this.key.state, unfinished: this.unfinished.size };
  }

  /** Asks until the request is finished or it is `end`; also while the board is away. */
  private async follow(id: string, end: number, ended: AbortSignal): Promise<SigningStatus | undefined> {
    for (;;) {
      const left = Math.max(0, Math.ceil(end - performance.now()));
      const last = left === 0 || ended.aborted;
      try {
        const record = await this.read(id, left, ended);
        if (record === undefined || last || record.status !== 'pending') return record && (await this.outcome(record));
      } catch (error) {
        if (ended.aborted) throw new ServiceError(503, 'closing', 'the gateway is shutting down');
        if (last || !(error instanceof BoardUnavailable)) throw error;
        await sleep(Math.min(RETRY_MS, left));
      }
    }
  }

  /** The signing request, posted again if the board lost it. */
  private async read(id: string, wait: number, ended: AbortSignal): Promise<RequestRecord | undefined> {
    const record = await viaBoard(this.deps.board.getRequest(id, { status: 'pending', wait, signal: ended }));
    if (record !== undefined && record.message !== '') return record;
    const message = this.unfinished.get(id);
    return message === undefined ? undefined : this.settle(id, message);
  }

  /** What the record says, its signature checked. */
  private async outcome(record: RequestRecord): Promise<SigningStatus> {
    const { id, signature, reason } = record;
    const message = this.unfinished.get(id) ?? record.message;
    this.forgetFinished(record);
    if (record.status === 'failed') return { request_id: id, status: 'failed', reason };
    if (record.status !== 'completed') return { request_id: id, status: 'pending', reason };
    const key = Buffer.from(await this.key.get(), 'hex');
    if (signature !== undefined && verify(parseSignature(signature), key, Buffer.from(message))) {
      return { request_id: id, status: 'completed', signature };
    }
    this.deps.logger.error({ request_id: id }, 'invalid_signature');
    throw new ServiceError(503, 'invalid_signature', `the message board shows a signature of ${id} that is not valid under the public key`);
  }

  private forgetFinished({ id, status }: RequestRecord): void {
    if (status === 'pending' || !this.unfinished.delete(id)) return;
    this.deps.logger.info({ request_id: id, status }, 'request_finished');
  }

  private post(id: string, message: string): Promise<RequestRecord> {
    return viaBoard(this.deps.board.createRequest({ id, message, origin: ORIGIN }));
  }

  /** For a request that is not pending on the board: posts it again if it was lost, and only reads it if it is finished. */
  private async settle(id: string, message: string): Promise<RequestRecord> {
    const record = await this.post(id, message);
    if (record.status === 'pending') this.deps.logger.info({ request_id: id }, 'request_posted_again');
    this.forgetFinished(record);
    return record;
  }

  private async settleMissing(): Promise<void> {
    const missing = new Map(this.unfinished);
    let after: string | undefined;
    while (missing.size > 0) {
      const page = await viaBoard(this.deps.board.listRequests({ status: 'pending', after }));
      if (page.length === 0) break;
      for (const { id } of page) missing.delete(id);
      after = page.at(-1)?.id;
    }
    const entries = [...missing];
    for (let k = 0; k < entries.length; k += BATCH) {
      await Promise.all(entries.slice(k, k + BATCH).map(([id, message]) => this.trySettle(id, message)));
    }
  }

  /** What the board refuses for one request does not keep the others from it. */
  private async trySettle(id: string, message: string): Promise<void> {
    try {
      await this.settle(id, message);
    } catch (error) {
      if (error instanceof BoardUnavailable) throw error;
      this.deps.logger.error({ request_id: id, err: error }, 'request_not_settled');
    }
  }

  private sawBoard(up: boolean): void {
    if (up !== this.boardUp) this.deps.logger.info(up ? 'board_up' : 'board_down');
    this.boardUp = up;
  }
}
