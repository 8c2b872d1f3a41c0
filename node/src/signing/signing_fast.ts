import { ServiceError } from 'service/errors';
import type { RequestRecord } from 'message-board/contract';
import { askingFor } from 'message-board/signing_request';
import { Refused } from 'sealing/errors';
import { NAMING } from 'sealing/kinds';
import type { NodeContext } from '../context.js';
import { exchangePartialSignatures, type CollectionOutcome } from './partial_signatures.js';
import type { PresignatureMaker } from '../presigning/presignature.js';
import { countsByParty, type StoredPresignature } from '../presigning/presignature_pool.js';
import { sleepWhile } from '../cluster/reading.js';
import { SignerRefuses } from './refusals.js';
import { FULL_SIGNINGS } from './signing.js';
import { announcedAttempts } from './signing_plan.js';
import { canSignTogether, isLate, isReady } from '../cluster/readiness.js';
import { signerSets } from '../cluster/signer_sets.js';
import { orderOf, submitSignature, type SigningTask } from './signing_task.js';
import { nodeId, nodeIndex, signersLabel } from '../base/utils.js';

/** A participant waits this long, times its place among them, before it names a presignature in the first one's stead. */
const NAMING_PATIENCE_MS = 1_000;

/** What is free may have been proposed with a request that is still on its way: one that came without a proposal is named nothing for so long, ms. */
const PROPOSALS_MS = 250;

/** A request that waits for a presignature looks so often whether it still should, ms; news wakes it earlier. */
const WAITING_LOOK_MS = 1_000;
/** ... and waits as long as some request is named one, or is completed, within so many times the time that one takes to be made. */
const REFILLS_WAITED = 2;

/** It may propose any presignature. */
const GATEWAY = 'gateway';
/** Who has named a presignature: the gateway with its request, or a node, by its party index. */
type Namer = typeof GATEWAY | number;

/**
 * Signs requests with presignatures: the gateway proposes one with the request, or one of its makers names it, once, and all of them use that one
 * or none. When there is none a request waits for the next, as long as they come: signing in full costs as much as making one, and holds up those that others
 * wait for. So a few at a time are signed in full, the oldest first.
 * What anybody else names is not followed: the request is signed in full.
 */
export class FastSigning {
  readonly #presignatures: PresignatureMaker;
  /** When the board last showed that a request was named a presignature, or is completed, by performance.now(). */
  #movedAt = -Infinity;
  /** The youngest request that was named one, by `SigningTask.order`. */
  #youngestNamed = '';

  /** @param inFull how many requests are signed in full, or wait for their turn */
  constructor(
    private readonly context: NodeContext,
    presignatures: PresignatureMaker,
    private readonly inFull: () => number,
  ) {
    this.#presignatures = presignatures;
  }

  /** Returns when the fast path has failed or there is none; the task's signal aborts once the request is completed. */
  async run(task: SigningTask): Promise<void> {
    const { index, logger } = this.context;
    const { signal } = task.controller;
    const since = performance.now();
    let isWaiting = false;
    while (!signal.aborted) {
      if (task.named !== undefined) {
        await this.#follow(task, task.named);
        return;
      }
      const signers = this.#presignedSet(task);
      if (signers === null && this.#shouldWait(task, since)) {
        if (!isWaiting) logger.info({ event: 'waiting_for_presignature', request_id: task.id }, 'No presignature is free, waiting for the next one');
        isWaiting = true;
        task.isWaiting = true;
        await task.wakeup.sleep(WAITING_LOOK_MS, signal);
        task.isWaiting = false;
        continue;
      }
      const place = signers?.indexOf(index) ?? -1;
      const patience = signers === null ? 0 : this.#namingTime(task, since, place < 0 ? signers.length : place) - performance.now();
      if (signers === null || (patience <= 0 && place < 0)) {
        logger.info({ event: 'no_presignature', request_id: task.id }, 'No presignature available, using full protocol');
        // The next one that is about to do the same sees it.
        task.inFull = true;
        return;
      }
      if (patience <= 0) await this.#name(task, signers);
      else await task.wakeup.sleep(patience, signal);
    }
  }

  /** Should this request wait for a presignature, or for others that are signed in full now? */
  #shouldWait(task: SigningTask, since: number): boolean {
    const { n, t, config, demand } = this.context;
    const isLive = signerSets(task.id, n, t).some((set) => this.#areFit(task, set));
    if (!isLive || announcedAttempts(this.context, task.id, task.refusals.parties).length > 0) return false;
    if (this.inFull() >= FULL_SIGNINGS) return true;
    const patience = Math.min(config.fullSigningTimeoutMs, Math.max(config.fastSigningTimeoutMs, REFILLS_WAITED * demand.refillMs));
    return this.#presignatures.isFilling && performance.now() <= this.#turnSince(task, since) + patience;
  }

  /** Since when it might have been this one's turn: others come first, unless it was passed over for long. */
  #turnSince(task: SigningTask, since: number): number {
    const turn = Math.max(since, this.#movedAt);
    return task.order < this.#youngestNamed ? Math.min(turn, since + this.context.config.fullSigningTimeoutMs) : turn;
  }

  /** When the maker in this place names a presignature, if none of those before it has. */
  #namingTime(task: SigningTask, since: number, place: number): number {
    const proposals = this.context.roster.sealed ? since + PROPOSALS_MS : since;
    return Math.max(proposals, this.#turnSince(task, since) + place * NAMING_PATIENCE_MS);
  }

  #areFit({ refusals }: SigningTask, signers: readonly number[]): boolean {
    return canSignTogether(this.context, signers) && signers.every((party) => refusals.codeOf(party) === undefined);
  }

  /** The first signer set, in the request's order, whose members are all ready and willing and whose first member has a presignature; one in which nobody is late if there is any. */
  #presignedSet(task: SigningTask): number[] | null {
    const { n, t } = this.context;
    const pools = countsByParty(this.context, this.#presignatures.pool);
    // Many may be waiting: most of the time there is nothing to look for.
    if (![...pools.values()].some((counts) => Object.values(counts).some((count) => count > 0))) return null;
    const has = (party: number, label: string): boolean => (pools.get(party)?.[label] ?? 0) > 0;
    const sets = signerSets(task.id, n, t).filter((set) => this.#areFit(task, set) && has(set[0] ?? -1, signersLabel(set)));
    return sets.find((set) => !set.some((party) => isLate(this.context, party))) ?? sets[0] ?? null;
  }

  async #name(task: SigningTask, signers: readonly number[]): Promise<void> {
    const { client, seals, index } = this.context;
    const { pool } = this.#presignatures;
    const id = pool.reserve(signers);
    if (id === null) {
      // The first member's count was news of a moment ago: what it had is named for other requests by now.
      await task.wakeup.sleep(50, task.controller.signal);
      return;
    }
    try {
      const naming = await seals.state(NAMING, { request_id: task.id, presignature_id: id });
      task.verifiedNaming = { naming, presignatureId: id, namer: index };
      task.request = await client.updateRequest(task.id, { presignature_id: id, naming }, task.controller.signal);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      // Another one was named first, or the request is finished: what the board has decides.
      const record = await client.getRequest(task.id, { signal: task.controller.signal });
      if (record !== undefined) task.request = record;
    } finally {
      if (task.request.presignature_id !== id) pool.release(id);
    }
  }

  /** Who has named a presignature for this request; null when it cannot be told. Whether it may is for the holders to see. */
  async #namer(record: RequestRecord, task: SigningTask | undefined): Promise<number | null> {
    const { presignature_id: presignatureId = '', naming = '' } = record;
    const verified = task?.verifiedNaming;
    if (verified?.naming === naming && verified.presignatureId === presignatureId) return verified.namer;
    const namer = await this.#verifiedNamer(record);
    if (task !== undefined) task.verifiedNaming = { naming, presignatureId, namer };
    return namer;
  }

  async #verifiedNamer({ id, presignature_id, naming }: RequestRecord): Promise<number | null> {
    const { seals, n, logger } = this.context;
    try {
      if (naming === undefined) throw new Refused('it is not signed');
      const { signer, claims } = await seals.stated(NAMING, naming);
      if (claims.request_id !== id || claims.presignature_id !== presignature_id) throw new Refused('it is for another request or presignature');
      return nodeIndex(signer, n);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      logger.warn({ event: 'naming_refused', request_id: id, presignature_id, reason: error.message }, 'The naming of a presignature was refused');
      return null;
    }
  }

  /** Uses what was named, if it was by one who may. */
  async #follow(task: SigningTask, named: string): Promise<void> {
    const namer = task.proposal === undefined ? await this.#namer(task.request, task) : GATEWAY;
    if (namer !== null) await this.#useNamed(task, named, namer);
  }

  async #useNamed(task: SigningTask, presignatureId: string, namer: Namer): Promise<void> {
    const { context } = this;
    const { signal } = task.controller;
    const started = performance.now();
    const fields = { request_id: task.id, presignature_id: presignatureId };
    const makers = await this.#presignatures.makersOf(presignatureId, context.config.fastSigningTimeoutMs, signal);
    if (namer !== GATEWAY && makers?.includes(namer) === false) {
      context.logger.warn({ event: 'naming_refused', ...fields, reason: `${nodeId(namer)} has no part in it` }, 'The naming of a presignature was refused');
      return;
    }
    const stored = this.#presignatures.take(presignatureId);
    if (stored === null) {
      context.logger.info({ event: 'presignature_declined', ...fields }, 'Not a holder of the named presignature');
      // Whoever holds it may finish; if not, everybody goes on to full signing at about the same time.
      await this.#letHoldersFinish(task);
      return;
    }
    context.logger.info({ event: 'presignature_used', ...fields, signers: signersLabel(stored.participants), pool_size: this.#presignatures.pool.size }, 'Using presignature from pool');
    const outcome = await this.#exchange(task, stored);
    if (outcome === null) return;
    if (outcome.kind === 'signed') {
      await submitSignature(context, task, outcome.signature, { signers: stored.participants, path: 'fast', patienceMs: 0, ms: performance.now() - started });
      return;
    }
    task.idleSince = performance.now();
    if (outcome.kind === 'wrong') {
      const aborted = { protocol: 'combine', session: task.id, code: 'invalid_partial_signature', round: 'combine', culprits: outcome.makers.map(nodeId) };
      context.audit.note({ event: 'aborted', fields: aborted });
      context.logger.warn({ event: 'fast_signing_failed', ...fields, culprits: outcome.makers.map(nodeId) }, 'A partial signature is wrong, using full protocol');
      return;
    }
    task.suspects = new Set(outcome.missing);
    context.logger.warn({ event: 'fast_signing_timeout', ...fields, missing: outcome.missing.map(nodeId) }, 'Signers silent, using full protocol');
  }

  /** @returns null when one of the signers refuses: what it was to sign is signed in full, without it */
  async #exchange(task: SigningTask, stored: StoredPresignature): Promise<CollectionOutcome | null> {
    const { context } = this;
    const refused = task.refusals.signalFor(stored.participants);
    try {
      return await exchangePartialSignatures(context, task.request, stored, AbortSignal.any([task.controller.signal, refused]));
    } catch (error) {
      if (!(error instanceof SignerRefuses)) throw error;
      context.logger.info({ event: 'signer_refuses', request_id: task.id, refusing: nodeId(error.party) }, 'A signer refuses, using full protocol');
      task.idleSince = performance.now();
      return null;
    }
  }

  /** They have their time, unless one goes on to full signing; and when a node goes down meanwhile that may be one of them, who then do not finish. */
  async #letHoldersFinish(task: SigningTask): Promise<void> {
    const { context } = this;
    const { signal } = task.controller;
    const goOn = (): boolean => announcedAttempts(context, task.id, task.refusals.parties).length === 0;
    const ready = (): number[] => context.presence.peers().flatMap(({ index }) => (isReady(context, index) ? [index] : []));
    const before = ready();
    await sleepWhile(context, context.config.fastSigningTimeoutMs, signal, () => goOn() && before.every((party) => ready().includes(party)));
  }

  /**
   * If this request has been named a presignature, by one who may, no other one is. @throws never
   * @param willUse if this node will not, its half is dropped
   */
  async setAside(record: RequestRecord, willUse: boolean, task?: SigningTask): Promise<void> {
    const { pool } = this.#presignatures;
    const id = task?.proposal ?? record.presignature_id;
    if (id !== undefined || record.status === 'completed') this.#movedAt = performance.now();
    if (id === undefined) return;
    const order = orderOf(record);
    if (order > this.#youngestNamed) this.#youngestNamed = order;
    const makers = pool.makersOf(id);
    // Whether the gateway proposes it is seen when the request is judged, which takes one look at what it has signed; until then no other request is named it.
    const isToBeJudged = willUse && record.naming === undefined && task?.verdict === undefined;
    if (makers === null || !(isToBeJudged || (await this.#isNamed(record, makers, task).catch(() => false)))) return;
    if (willUse) pool.setAside(id);
    else this.#presignatures.take(id);
  }

  /** A request has been judged: what the board alone says that the gateway proposes is free again. */
  judged({ request: { presignature_id: shown, naming }, proposal }: SigningTask): void {
    if (shown !== undefined && naming === undefined && shown !== proposal) this.#presignatures.pool.release(shown);
  }

  /** Was this presignature named for this request by one who may? */
  async #isNamed(record: RequestRecord, makers: readonly number[], task: SigningTask | undefined): Promise<boolean> {
    if (task?.proposal !== undefined) return true;
    if (record.naming === undefined) return (await askingFor(this.context.roster, record))?.proposal === record.presignature_id;
    const namer = await this.#namer(record, task);
    return namer !== null && makers.includes(namer);
  }

  /** This node went on to full signing, but another one still knew of a presignature: without this half it would be wasted. */
  joinLate(task: SigningTask): void {
    const { named } = task;
    if (task.controller.signal.aborted || !task.inFull || named === undefined || !this.#presignatures.has(named)) return;
    this.#follow(task, named).catch((error: unknown) => {
      if (task.controller.signal.aborted) return;
      this.context.logger.warn({ event: 'fast_signing_failed', request_id: task.id, err: error }, 'The fast path failed beside full signing');
    });
  }
}
