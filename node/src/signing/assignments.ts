import type { RequestRecord } from 'message-board/contract';
import { isPresignable } from 'message-board/payload';
import { askingFor } from 'message-board/signing_request';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import { NAMING } from 'sealing/kinds';
import type { Roster } from 'sealing/roster';
import type { Clock } from 'service/clock';
import { nodeIndex } from '../base/utils.js';
import type { Seals } from '../mail/seals.js';
import type { PresignatureMaker } from '../presigning/presignature.js';
import { orderOf, type SigningTask } from './signing_task.js';
import { needsNoPresignature, proposalOf } from './task_state.js';

export interface AssignmentsDeps {
  readonly roster: Roster;
  readonly seals: Pick<Seals, 'stated'>;
  /** Nodes in the cluster. */
  readonly n: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A statement by which a node assigns a presignature, as it was verified. */
interface VerifiedAssignment {
  readonly statement: string;
  readonly presignatureId: string;
  /** Party index of its author; null when the statement is invalid. */
  readonly author: number | null;
}

/**
 * Which presignature signs which request, as this node sees it. The gateway proposes one with the request, or one of the makers assigns
 * one. This node assigns no presignature to two requests, and drops those of requests that it does not sign.
 */
export class Assignments {
  readonly #verified = new WeakMap<SigningTask, VerifiedAssignment>();
  /** When the board last showed that a request has got a presignature or is completed, on the monotonic clock. */
  #movedAt = -Infinity;
  /** The youngest request that has a presignature, by `orderOf`. */
  #youngest = '';

  constructor(
    private readonly deps: AssignmentsDeps,
    private readonly presignatures: Pick<PresignatureMaker, 'pool' | 'take'>,
  ) {}

  /**
   * When a presignature was last assigned, or a request completed, on the monotonic clock. Until then no waiting request was passed over.
   */
  get movedAt(): number {
    return this.#movedAt;
  }

  /** Has a younger request a presignature? */
  isPassedOver(order: string): boolean {
    return order < this.#youngest;
  }

  /**
   * Takes note of what the board shows of a request. Never throws.
   * @param task what this node does about it; undefined when it has only just come, or is over
   */
  async note(record: RequestRecord, task?: SigningTask): Promise<void> {
    const { pool } = this.presignatures;
    const state = task?.state ?? null;
    const id = (state === null ? undefined : proposalOf(state)) ?? record.presignature_id;
    // A record that is read again, as it was, is no change.
    const isNews = task === undefined || record.presignature_id !== task.request.presignature_id;
    if (record.status === 'completed' || (id !== undefined && isNews)) this.#movedAt = this.deps.clock.monotonic();
    if (id === undefined) return;
    const order = orderOf(record);
    if (order > this.#youngest) this.#youngest = order;
    if (!pool.has(id)) return;
    const willUse = record.status === 'pending' && isPresignable(record) && (state === null || !needsNoPresignature(state));
    // The decision about the request shows whether the gateway proposes it. Until then it is assigned to no other request.
    const isUndecided = willUse && record.naming === undefined && (state === null || state.kind === 'deciding');
    if (!isUndecided && !(await this.#isAssigned(record, task).catch(() => false))) return;
    if (willUse) pool.setAside(id);
    else this.presignatures.take(id);
  }

  /** This node has decided about a request. A presignature that only the board calls the gateway's proposal is free again. */
  decided({ request: { presignature_id: shown, naming }, state }: SigningTask): void {
    if (shown !== undefined && naming === undefined && shown !== proposalOf(state)) this.presignatures.pool.release(shown);
  }

  /** Remembers an assignment of this node's own. */
  remember(task: SigningTask, assignment: VerifiedAssignment): void {
    this.#verified.set(task, assignment);
  }

  /**
   * The party that has assigned its presignature to a request; null when that cannot be told. Only holders of the presignature can tell
   * whether it is one of the makers.
   */
  async authorOf(record: RequestRecord, task?: SigningTask): Promise<number | null> {
    const { presignature_id: presignatureId = '', naming: statement = '' } = record;
    const verified = task === undefined ? undefined : this.#verified.get(task);
    if (verified?.statement === statement && verified.presignatureId === presignatureId) return verified.author;
    const author = await this.#verifiedAuthor(record);
    if (task !== undefined) this.remember(task, { statement, presignatureId, author });
    return author;
  }

  async #verifiedAuthor({ id, presignature_id, naming: statement }: RequestRecord): Promise<number | null> {
    const { seals, n, logger } = this.deps;
    try {
      if (statement === undefined) throw new Refused('it is not signed');
      const { signer, claims } = await seals.stated(NAMING, statement);
      const isHere = claims.request_id === id && claims.presignature_id === presignature_id;
      if (!isHere) throw new Refused('it is for another request or presignature');
      return nodeIndex(signer, n);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const fields = { event: 'naming_refused', request_id: id, presignature_id, reason: error.message };
      logger.warn(fields, 'The assignment of a presignature is invalid');
      return null;
    }
  }

  /**
   * Has the gateway or a node assigned this presignature to this request? Even when that node has no part in it, and it is not used for
   * this request, the board refuses it to every other one.
   */
  async #isAssigned(record: RequestRecord, task: SigningTask | undefined): Promise<boolean> {
    if (task !== undefined && proposalOf(task.state) !== undefined) return true;
    if (record.naming === undefined) return (await askingFor(this.deps.roster, record))?.proposal === record.presignature_id;
    return (await this.authorOf(record, task)) !== null;
  }
}
