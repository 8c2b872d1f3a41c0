import type { BoardClient } from 'message-board/client';
import type { Logger } from 'pino';
import { PRESIGNATURE_REQUEST } from 'sealing/kinds';
import { sleep, type Clock } from 'service/clock';
import type { RandomBytes } from 'service/random';
import { signersLabel } from '../base/utils.js';
import { Wakeup } from '../base/wakeup.js';
import { canSignTogether, isReady, isSuspected, type ReadinessDeps } from '../cluster/readiness.js';
import { signerSets } from '../cluster/signer_sets.js';
import type { Seals } from '../mail/seals.js';
import { pendingRequests } from './pending_requests.js';
import { PoolLead, type PoolLeadDeps } from './pool_lead.js';
import { newPresignatureId } from './presignature_id.js';
import { countsByParty, type PoolCounts, type PresignaturePool } from './presignature_pool.js';
import type { PresigningDeps } from './presigning_deps.js';
import { batchSize, largestShare, neediestSets, nextBatch, type PoolAim, type SetLevel } from './refill_plan.js';

/**
 * Batches under way at a time: one for each worker thread, within these bounds. With fewer than two, all threads are idle while a batch
 * waits for messages. With more than four, each batch takes longer and the pool is filled no faster.
 */
const MIN_BATCHES = 2;
export const MAX_BATCHES = 4;
/** The leader looks this often whether the pool needs filling; news wakes it earlier. Larger: it is late where there is no news. */
const LOOK_MS = 1_000;
/**
 * A presignature that is ready counts as still being made for this long, because its makers report it a moment later. Smaller: it is
 * asked for a second time. Larger: the next one is asked for later.
 */
const REPORTED_MS = 500;
/**
 * A signer set of which a presignature has failed comes after the others for this long. Smaller: a member that makes none keeps the leader
 * asking for its sets. Larger: a member that is well again has fewer presignatures.
 */
const FAILED_SET_MS = 60_000;
/** Presignatures of one set that this node has asked for together. */
interface PoolBatch {
  /** On the monotonic clock. */
  readonly since: number;
  readonly isTrial: boolean;
}

/** A presignature that this node has asked for. */
interface LedPresignature {
  readonly signers: readonly number[];
  readonly batch: PoolBatch;
  /** When its making was over, on the monotonic clock; undefined while it is not. */
  overSince?: number;
}

export interface PoolLeaderDeps extends ReadinessDeps, Pick<PresigningDeps, 'n' | 't' | 'demand'> {
  readonly client: Pick<BoardClient, 'createPresignatureRequest' | 'listPresignatureRequests'>;
  readonly seals: Pick<Seals, 'state'>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly logger: Logger;
  readonly config: Pick<PresigningDeps['config'], 'workers' | 'poolLeaderTimeoutMs'>;
  readonly pool: PresignaturePool;
  /** Is this node taking part in making this one now? */
  readonly isMaking: (id: string) => boolean;
  readonly worksFor: PoolLeadDeps['worksFor'];
}

/**
 * Keeps the pool at its aim while this node leads. The lowest node that was heard from lately leads: it asks the members of a signer set to
 * make presignatures together, in batches. Sets take turns, so that any node may be missing.
 */
export class PoolLeader {
  readonly #led = new Map<string, LedPresignature>();
  readonly #wakeup: Wakeup;
  readonly #lead: PoolLead;
  readonly #sets: number;
  /** When a presignature of a signer set last failed, by label. */
  readonly #failedAt = new Map<string, number>();
  /** Is the first one that this node has asked for over? */
  #isFirstOver = false;

  constructor(private readonly deps: PoolLeaderDeps) {
    this.#wakeup = new Wakeup(deps.clock);
    this.#lead = new PoolLead(deps);
    this.#sets = signerSets('', deps.n, deps.t).length;
  }

  /** There may be something to do. */
  notify(): void {
    this.#wakeup.notify();
  }

  /** A making in which this node took part is over. @param isMade false when it has failed */
  ended(id: string, signers: readonly number[], isMade: boolean): void {
    if (!isMade) this.#hasFailed(signers);
    else this.#lead.made(id, signers);
    this.#over(id);
    this.notify();
  }

  /** Runs until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.deps;
    while (!signal.aborted) {
      try {
        this.#look();
        await this.#settleLed(signal);
        if (!(await this.#askForNext(signal))) await this.#wakeup.sleep(LOOK_MS, signal);
      } catch (error) {
        if (error === signal.reason) return;
        logger.warn({ event: 'presignature_request_failed', err: error }, 'Could not ask for a presignature, trying again');
        await sleep(clock, LOOK_MS, signal);
      }
    }
  }

  /** @returns false when there is nothing to ask for now */
  async #askForNext(signal: AbortSignal): Promise<boolean> {
    const { demand, config, clock, logger } = this.deps;
    if (!this.#lead.isOwn) return false;
    const levels = this.#levels();
    const { sets, isTrial } = this.#choice(levels);
    const begun = this.#underWay(isTrial);
    const isBegun = this.#isBegun();
    const most = isBegun && !isTrial ? Math.min(MAX_BATCHES, Math.max(MIN_BATCHES, config.workers)) : 1;
    if (begun.length >= most) return false;
    // Batches that are evenly staggered begin at least twice as far apart.
    const justNow = clock.monotonic() - demand.refillMs / most / 2;
    const together = begun.filter(({ since }) => since > justNow).length;
    const next = nextBatch(sets, this.#aim(), isBegun ? batchSize(together, most) : 1);
    if (next === null) return false;
    const held = levels.reduce((sum, { count }) => sum + count, 0);
    const fields = { event: 'pool_refill', signers: signersLabel(next.signers), size: next.size, held, ...demand.summary };
    logger.info(fields, 'Asking for presignatures');
    const batch = { since: clock.monotonic(), isTrial };
    const asked = await Promise.allSettled(Array.from({ length: next.size }, () => this.#ask(next.signers, batch, signal)));
    // Those that the board took are made; the others are still missing.
    const failed = asked.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return true;
  }

  /** Has one been made? The first one is asked for alone, because the first signature waits for it; a node that takes over goes on. */
  #isBegun(): boolean {
    return this.#isFirstOver || this.deps.demand.refillMs > 0;
  }

  /** Who leads, after what has come of the lead. */
  #look(): void {
    const levels = this.#levels();
    const { sets, isTrial } = this.#choice(levels);
    this.#lead.look(levels, isTrial ? [] : neediestSets(sets, this.#aim()));
  }

  #aim(): PoolAim {
    const { aim, bounds } = this.deps.demand;
    return { all: aim, ofSet: largestShare(bounds.max, this.#sets) };
  }

  /**
   * Of these sets, those that come first as long as some are missing. Best are sets of which none has failed lately, and of them those
   * without a member that lately did not sign with what it has made. When all have failed, the one that failed longest ago is best. When
   * better sets have all that they may have, the others are tried: one batch at a time, beside those under way, so that a member that makes
   * none holds up nobody's.
   */
  #choice(levels: readonly SetLevel[]): { readonly sets: readonly SetLevel[]; readonly isTrial: boolean } {
    const failedAt = ({ signers }: SetLevel): number => this.#failedAt.get(signersLabel(signers)) ?? -Infinity;
    const lately = this.deps.clock.monotonic() - FAILED_SET_MS;
    const well = levels.filter((level) => failedAt(level) < lately);
    const trusted = well.filter(({ signers }) => !signers.some((party) => isSuspected(this.deps, party)));
    const [longestAgo] = [...levels].sort((a, b) => failedAt(a) - failedAt(b));
    const choices = [trusted, well, longestAgo === undefined ? [] : [longestAgo], levels].filter((sets) => sets.length > 0);
    const place = choices.findIndex((sets) => neediestSets(sets, this.#aim()).length > 0);
    return { sets: choices[place] ?? [], isTrial: place > 0 };
  }

  /** Of each signer set whose members can sign together. */
  #levels(): SetLevel[] {
    const { n, t, pool } = this.deps;
    const pools = countsByParty(this.deps, pool);
    return signerSets('', n, t).filter((set) => canSignTogether(this.deps, set)).map((set) => this.#levelOf(set, pools));
  }

  /** Batches that are under way. */
  #underWay(areTrials: boolean): PoolBatch[] {
    const running = [...this.#led.values()].filter(({ overSince, batch }) => overSince === undefined && batch.isTrial === areTrials);
    return [...new Set(running.map(({ batch }) => batch))];
  }

  async #ask(signers: readonly number[], batch: PoolBatch, signal: AbortSignal): Promise<void> {
    const { client, index, seals, random } = this.deps;
    const id = newPresignatureId(index, random);
    const participants = [...signers];
    const origin = await seals.state(PRESIGNATURE_REQUEST, { id, participants });
    await client.createPresignatureRequest({ request_id: id, participants, origin }, signal);
    this.#led.set(id, { signers, batch });
  }

  #hasFailed(signers: readonly number[]): void {
    this.#failedAt.set(signersLabel(signers), this.deps.clock.monotonic());
  }

  #over(id: string): void {
    const led = this.#led.get(id);
    if (led === undefined) return;
    led.overSince ??= this.deps.clock.monotonic();
    this.#isFirstOver = true;
  }

  /** Finds out which makings are over. Where this node takes no part it asks the board: a maker that would report the end may be gone. */
  async #settleLed(signal: AbortSignal): Promise<void> {
    const { client, clock, demand } = this.deps;
    for (const [id, { overSince = Infinity }] of this.#led) {
      if (clock.monotonic() > overSince + REPORTED_MS) this.#led.delete(id);
    }
    const others = [...this.#led].filter(([id, { overSince }]) => overSince === undefined && !this.deps.isMaking(id));
    if (others.length === 0) return;
    const pending = new Set<string>();
    for await (const { id } of pendingRequests(client, signal)) if (this.#led.has(id)) pending.add(id);
    const oldest = clock.monotonic() - demand.silenceMs;
    for (const [id, { signers, batch }] of others) {
      const isLost = batch.since < oldest || !signers.every((party) => isReady(this.deps, party));
      if (isLost && pending.has(id)) this.#hasFailed(signers);
      if (isLost || !pending.has(id)) this.#over(id);
    }
  }

  /** Is the node that leads live and past its set-up? */
  get isThere(): boolean {
    const { leader } = this.#lead;
    return leader === this.deps.index || isReady(this.deps, leader);
  }

  #levelOf(signers: readonly number[], poolsByParty: ReadonlyMap<number, PoolCounts>): SetLevel {
    const label = signersLabel(signers);
    const pools = signers.map((party) => poolsByParty.get(party) ?? {});
    const making = [...this.#led.values()].filter((led) => signersLabel(led.signers) === label).length;
    const held = Math.min(...pools.map((counts) => counts[label] ?? 0));
    return { signers, count: held + making };
  }
}
