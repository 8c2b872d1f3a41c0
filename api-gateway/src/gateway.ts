import { verify } from 'cggmp24';
import type { BoardClient } from 'message-board/client';
import { parseSignature, type RequestRecord } from 'message-board/contract';
import { newRequestId } from 'message-board/ids';
import { keysStatedBy } from 'message-board/node_statement';
import { wasAskedFor } from 'message-board/signing_request';
import type { Logger } from 'pino';
import type { Identity } from 'sealing/identity';
import type { Roster } from 'sealing/roster';
import { sleep, type Clock } from 'service/clock';
import { ServiceError } from 'service/errors';
import type { RandomBytes } from 'service/random';
import { BoardUnavailable, viaBoard } from './board_unavailable.js';
import type { Health, SigningStatus } from './contract.js';
import { NodeStatuses } from './node_statuses.js';
import { originOf } from './origin.js';
import { Proposals } from './proposals.js';
import { PinnedKey } from './public_key.js';
import { reasonOfRefusals } from './refusals.js';

export interface GatewayDeps {
  readonly board: BoardClient;
  readonly roster: Roster;
  /** The gateway's own, with its secrets. */
  readonly identity: Identity;
  /** Requests that are not finished, at most. */
  readonly maxUnfinished: number;
  /** Clients that wait for the end of a request at one time; one more is answered at once. */
  readonly maxWaiting: number;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly logger: Logger;
}

/** Random bytes of a request's id. Fewer: two requests may get the same id. More: ids are longer than they need to be. */
const RANDOM_BYTES_OF_ID = 8;
const SWEEP_EVERY_MS = 1_000;
/** Between two tries while the board is away and a client waits. */
const RETRY_MS = 200;
/** Requests settled with the board at one time. */
const BATCH = 16;

/** What was posted, to be posted again as it was. */
type Asked = Pick<RequestRecord, 'message' | 'origin' | 'presignature_id'>;

/** Takes requests to the board, keeps them there until they are finished, and checks what comes out. */
export class Gateway {
  readonly key: PinnedKey;
  /** By request id. */
  private readonly unfinished = new Map<string, Asked>();
  /** null in a plain cluster, where nodes sign nothing. */
  private readonly nodes: NodeStatuses | null;
  private readonly proposals: Proposals;
  private waiting = 0;
  private boardUp = false;

  constructor(private readonly deps: GatewayDeps) {
    const { board, roster, logger } = deps;
    this.nodes = roster.sealed ? new NodeStatuses(board, roster, logger) : null;
    this.proposals = new Proposals(roster, deps.clock);
    this.key = new PinnedKey(() => this.shownKeys(), logger);
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
    const { identity, roster, clock, random } = this.deps;
    const time = clock.now();
    const id = newRequestId(time, random(RANDOM_BYTES_OF_ID).toString('hex'));
    const presignature_id = this.nodes === null ? undefined : this.proposals.next(this.nodes.views());
    const asked = { message, presignature_id, origin: await originOf(identity, roster, { id, message, presignature_id }, time) };
    await this.post(id, asked);
    this.unfinished.set(id, asked);
    this.deps.logger.info({ event: 'request_accepted', request_id: id, presignature_id }, 'Signing request accepted');
    const pending: SigningStatus = { request_id: id, status: 'pending' };
    if (wait === 0) return pending;
    try {
      return (await this.status(id, wait, ended)) ?? pending;
    } catch (error) {
      // It was accepted: the client has to learn its id, whatever happened since.
      if (!ended.aborted) this.deps.logger.warn({ event: 'waiting_failed', request_id: id, err: error }, 'A client waited in vain and is told that its request is pending');
      return pending;
    }
  }

  /**
   * @param wait milliseconds for the request to finish
   * @returns undefined when there is no such signing request
   * @throws ServiceError 503 when the board cannot be asked, or shows what is not true
   */
  async status(id: string, wait: number, ended: AbortSignal): Promise<SigningStatus | undefined> {
    const end = this.deps.clock.monotonic() + (this.waiting < this.deps.maxWaiting ? wait : 0);
    this.waiting += 1;
    try {
      return await this.follow(id, end, ended);
    } finally {
      this.waiting -= 1;
    }
  }

  /** Sweeps every second, and hears what nodes say as soon as they do, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const following = this.nodes?.follow(signal);
    while (!signal.aborted) {
      await this.sweep();
      await sleep(this.deps.clock, SWEEP_EVERY_MS, signal);
    }
    await following;
  }

  /** Looks at the board: has it the key, and all unfinished requests? What it lost, when it was restarted, is posted again. */
  async sweep(): Promise<void> {
    try {
      await this.key.look();
      this.sawBoard(true);
      await this.settleMissing();
    } catch (error) {
      if (error instanceof BoardUnavailable) this.sawBoard(false);
      else this.deps.logger.error({ event: 'sweep_failed', err: error }, 'The unfinished requests could not be compared with the message board');
    }
  }

  /** @throws ServiceError 503 with the reason why nothing can be signed now */
  async ready(): Promise<void> {
    const hasKey = await this.key.look();
    this.key.refuseConflict();
    if (!hasKey) throw new ServiceError(503, 'no_public_key', 'no public key is known yet');
  }

  health(): Health {
    const status = this.boardUp && this.key.state !== 'conflict' ? 'ok' : 'degraded';
    const culprits = this.nodes?.culprits() ?? [];
    return { status, board: this.boardUp ? 'up' : 'down', public_key: this.key.state, unfinished: this.unfinished.size, culprits };
  }

  /**
   * In a sealed cluster as many nodes as sign have to state a key: what the board itself says of it is nothing. They state it
   * as soon as it is made, and sign when they are ready.
   */
  private async shownKeys(): Promise<string[]> {
    const { board, roster } = this.deps;
    if (this.nodes !== null) return keysStatedBy(roster.t, (await this.nodes.look()).filter(({ stage }) => stage === 'ready'));
    const key = await viaBoard(board.getPublicKey());
    return key === undefined ? [] : [key];
  }

  /** Asks until the request is finished or it is `end`; also while the board is away. */
  private async follow(id: string, end: number, ended: AbortSignal): Promise<SigningStatus | undefined> {
    for (;;) {
      const left = Math.max(0, Math.ceil(end - this.deps.clock.monotonic()));
      const last = left === 0 || ended.aborted;
      try {
        const record = await this.read(id, left, ended);
        if (record === undefined || last || record.status !== 'pending') return record && (await this.outcome(record));
      } catch (error) {
        if (ended.aborted) throw new ServiceError(503, 'closing', 'the gateway is shutting down');
        if (last || !(error instanceof BoardUnavailable)) throw error;
        await sleep(this.deps.clock, Math.min(RETRY_MS, left), ended);
      }
    }
  }

  /** The signing request, posted again if the board lost it. */
  private async read(id: string, wait: number, ended: AbortSignal): Promise<RequestRecord | undefined> {
    const record = await viaBoard(this.deps.board.getRequest(id, { status: 'pending', wait, signal: ended }));
    const asked = this.unfinished.get(id);
    if (asked !== undefined && (record?.id !== id || !isOf(asked, record))) return this.settle(id, asked);
    if (record === undefined || record.message === '') return undefined;
    if (record.id !== id) throw displaced(id);
    return record;
  }

  /** What the record says, as far as it can be checked. @throws ServiceError 503 `invalid_signature`, and the request stays unfinished */
  private async outcome(record: RequestRecord): Promise<SigningStatus> {
    const { id, signature, reason } = record;
    if (record.status === 'completed') {
      if (signature === undefined || !(await this.isSigned(record, signature))) {
        this.deps.logger.error({ event: 'invalid_signature', request_id: id }, 'The message board shows a signature that is not valid');
        throw new ServiceError(503, 'invalid_signature', `the message board shows a signature of ${id} that is not valid for what was asked under the public key`);
      }
      this.forget(record);
      return { request_id: id, status: 'completed', signature };
    }
    if (record.status === 'failed') {
      this.forget(record);
      return { request_id: id, status: 'failed', reason };
    }
    const refused = this.nodes === null ? undefined : await reasonOfRefusals(this.deps.roster, record);
    return { request_id: id, status: 'pending', reason: refused ?? reason };
  }

  private async isSigned(record: RequestRecord, signature: string): Promise<boolean> {
    const { roster } = this.deps;
    // Of unfinished requests it knows what they are; of others by its signature of them, which a plain cluster has not.
    const asked = this.unfinished.has(record.id) || !roster.sealed || (await wasAskedFor(roster, record));
    const key = Buffer.from(await this.key.get(), 'hex');
    return asked && verify(parseSignature(signature), key, Buffer.from(record.message));
  }

  private forget({ id, status }: RequestRecord): void {
    if (this.unfinished.delete(id)) this.deps.logger.info({ event: 'request_finished', request_id: id, status }, 'Signing request finished');
  }

  private async post(id: string, asked: Asked): Promise<RequestRecord> {
    try {
      const record = await viaBoard(this.deps.board.createRequest({ id, ...asked }));
      if (record.id === id && isOf(asked, record)) return record;
    } catch (error) {
      const conflict = error instanceof Error && error.cause instanceof ServiceError && error.cause.status === 409;
      if (!conflict) throw error;
    }
    throw displaced(id);
  }

  /** For a request that the board does not have as it was asked: posts it again if it was lost, and only reads it if it is finished. */
  private async settle(id: string, asked: Asked): Promise<RequestRecord> {
    const record = await this.post(id, asked);
    if (record.status === 'pending') this.deps.logger.info({ event: 'request_posted_again', request_id: id }, 'The message board had lost a signing request: it is posted again');
    return record;
  }

  private async settleMissing(): Promise<void> {
    const missing = new Map(this.unfinished);
    let after: string | undefined;
    while (missing.size > 0) {
      const page = await viaBoard(this.deps.board.listRequests({ status: 'pending', after }));
      if (page.length === 0) break;
      for (const record of page) {
        const asked = missing.get(record.id);
        if (asked !== undefined && isOf(asked, record)) missing.delete(record.id);
      }
      after = page.at(-1)?.id;
    }
    const entries = [...missing];
    for (let k = 0; k < entries.length; k += BATCH) {
      await Promise.all(entries.slice(k, k + BATCH).map(([id, asked]) => this.trySettle(id, asked)));
    }
  }

  /** What the board refuses, or says falsely, of one request does not keep the others from it. */
  private async trySettle(id: string, asked: Asked): Promise<void> {
    try {
      await this.outcome(await this.settle(id, asked));
    } catch (error) {
      if (error instanceof BoardUnavailable) throw error;
      this.deps.logger.error({ event: 'request_not_settled', request_id: id, err: error }, 'The message board does not take a signing request again, or shows it falsely');
    }
  }

  private sawBoard(up: boolean): void {
    if (up && !this.boardUp) this.deps.logger.info({ event: 'board_up' }, 'The message board answers');
    if (!up && this.boardUp) this.deps.logger.info({ event: 'board_down' }, 'The message board does not answer');
    this.boardUp = up;
  }
}

/** Is this the record of what was asked? */
function isOf(asked: Asked, record: RequestRecord | undefined): boolean {
  return record?.message === asked.message && record.origin === asked.origin;
}

function displaced(id: string): ServiceError {
  return new ServiceError(503, 'request_displaced', `the message board shows something else under ${id}`);
}
