import type { BoardClient } from 'message-board/client';
import type { Logger } from 'pino';
import { PRESIGNATURE_REQUEST } from 'sealing/kinds';
import { sleep, type Clock } from 'service/clock';
import type { RandomBytes } from 'service/random';
import { signersLabel } from '../base/utils.js';
import { Wakeup } from '../base/wakeup.js';
import type { PeerView } from 'message-board/peer_view';
import { canSignTogether, isReady, type ReadinessDeps } from '../cluster/readiness.js';
import { signerSets } from '../cluster/signer_sets.js';
import type { Seals } from '../mail/seals.js';
import { newPresignatureId } from './presignature_id.js';
import { countsByParty, type PoolCounts, type PresignaturePool } from './presignature_pool.js';
import type { PresigningDeps } from './presigning_deps.js';
import { batchSize, nextBatch, type SetLevel } from './refill_plan.js';

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

/** A presignature that this node has asked for. */
interface LedPresignature {
  readonly signers: readonly number[];
  readonly batch: number;
  /** When it was asked for, on the monotonic clock. */
  readonly since: number;
  /** When its making was over, on the monotonic clock; undefined while it is not. */
  overSince?: number;
}

export interface PoolLeaderDeps extends ReadinessDeps, Pick<PresigningDeps, 'n' | 't' | 'demand'> {
  readonly client: Pick<BoardClient, 'createPresignatureRequest' | 'listPresignatureRequests'>;
  readonly seals: Pick<Seals, 'state'>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly logger: Logger;
  readonly config: Pick<PresigningDeps['config'], 'workers' | 'fullSigningTimeoutMs' | 'poolLeaderTimeoutMs'>;
  readonly pool: PresignaturePool;
  /** Is this node taking part in making this one now? */
  readonly isMaking: (id: string) => boolean;
  /** Are requests being signed in full? Then the pool waits. */
  readonly isBusy: () => boolean;
}

/**
 * Keeps the pool at its aim while this node leads. The lowest node that was heard from lately leads: it asks the members of a signer set to
 * make presignatures together, in batches. Sets take turns, so that any node may be missing.
 */
export class PoolLeader {
  readonly #led = new Map<string, LedPresignature>();
  readonly #wakeup: Wakeup;
  #batches = 0;
  /** Since when peers have been alive but not ready, by index. */
  readonly #unreadySince = new Map<number, number>();
  /** Is the first one over? It is asked for alone, because the first signature waits for it. */
  #isBegun = false;

  constructor(private readonly deps: PoolLeaderDeps) {
    this.#wakeup = new Wakeup(deps.clock);
  }

  /** There may be something to do. */
  notify(): void {
    this.#wakeup.notify();
  }

  /** A making in which this node took part is over, well or not. */
  ended(id: string): void {
    this.#over(id);
    this.notify();
  }

  /** Runs until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.deps;
    while (!signal.aborted) {
      try {
        this.#noteReadiness();
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
    const { n, t, demand, config, clock, logger, pool } = this.deps;
    const begun = this.#underWay();
    const most = this.#isBegun ? Math.min(MAX_BATCHES, Math.max(MIN_BATCHES, config.workers)) : 1;
    if (!this.#isLeader() || this.deps.isBusy() || begun.length >= most) return false;
    const sets = signerSets('', n, t);
    const pools = countsByParty(this.deps, pool);
    const levels = sets.filter((set) => canSignTogether(this.deps, set)).map((set) => this.#levelOf(set, pools));
    // Batches that are evenly staggered begin at least twice as far apart.
    const justNow = clock.monotonic() - demand.refillMs / most / 2;
    const together = begun.filter((since) => since > justNow).length;
    const next = nextBatch(levels, sets.length, demand.aim, this.#isBegun ? batchSize(together, most) : 1);
    if (next === null) return false;
    const held = levels.reduce((sum, { count }) => sum + count, 0);
    const fields = { event: 'pool_refill', signers: signersLabel(next.signers), size: next.size, held, ...demand.summary };
    logger.info(fields, 'Asking for presignatures');
    this.#batches += 1;
    const asked = await Promise.allSettled(Array.from({ length: next.size }, () => this.#ask(next.signers, this.#batches, signal)));
    // Those that the board took are made; the others are still missing.
    const failed = asked.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return true;
  }

  /** When each batch that is under way was begun. */
  #underWay(): number[] {
    const running = [...this.#led.values()].filter(({ overSince }) => overSince === undefined);
    return [...new Map(running.map(({ batch, since }) => [batch, since])).values()];
  }

  async #ask(signers: readonly number[], batch: number, signal: AbortSignal): Promise<void> {
    const { client, index, seals, clock, random } = this.deps;
    const id = newPresignatureId(index, random);
    const participants = [...signers];
    const origin = await seals.state(PRESIGNATURE_REQUEST, { id, participants });
    await client.createPresignatureRequest({ request_id: id, participants, origin }, signal);
    this.#led.set(id, { signers, batch, since: clock.monotonic() });
  }

  #over(id: string): void {
    const led = this.#led.get(id);
    if (led === undefined) return;
    led.overSince ??= this.deps.clock.monotonic();
    this.#isBegun = true;
  }

  /** Finds out which makings are over. Where this node takes no part it asks the board: a maker that would report the end may be gone. */
  async #settleLed(signal: AbortSignal): Promise<void> {
    const { client, clock, config } = this.deps;
    for (const [id, { overSince = Infinity }] of this.#led) {
      if (clock.monotonic() > overSince + REPORTED_MS) this.#led.delete(id);
    }
    const others = [...this.#led].filter(([id, { overSince }]) => overSince === undefined && !this.deps.isMaking(id));
    if (others.length === 0) return;
    const pending = new Set((await client.listPresignatureRequests({ status: 'pending', signal })).map(({ id }) => id));
    const oldest = clock.monotonic() - config.fullSigningTimeoutMs;
    for (const [id, { signers, since }] of others) {
      if (!pending.has(id) || since < oldest || !signers.every((party) => isReady(this.deps, party))) this.#over(id);
    }
  }

  /** Is the node that leads live and past its set-up? */
  get isThere(): boolean {
    const { index, presence } = this.deps;
    const lower = presence.peers().filter((peer) => peer.index < index && !this.#isPassedOver(peer));
    return lower.every((peer) => isReady(this.deps, peer.index));
  }

  #isLeader(): boolean {
    const { index, presence } = this.deps;
    return presence.peers().every((peer) => peer.index > index || this.#isPassedOver(peer));
  }

  #noteReadiness(): void {
    for (const peer of this.deps.presence.peers()) {
      if (isReady(this.deps, peer.index)) this.#unreadySince.delete(peer.index);
      else if (!this.#unreadySince.has(peer.index)) this.#unreadySince.set(peer.index, this.deps.clock.monotonic());
    }
  }

  /** Nobody waits for long for a node that is silent, nor for one that is alive but cannot sign. Nor for a culprit. */
  #isPassedOver({ index, ageMs }: PeerView): boolean {
    const { config, clock, culprits } = this.deps;
    const unreadyMs = clock.monotonic() - (this.#unreadySince.get(index) ?? Infinity);
    return Math.max(ageMs, unreadyMs) > config.poolLeaderTimeoutMs || culprits.has(index);
  }

  #levelOf(signers: readonly number[], poolsByParty: ReadonlyMap<number, PoolCounts>): SetLevel {
    const { demand } = this.deps;
    const label = signersLabel(signers);
    const pools = signers.map((party) => poolsByParty.get(party) ?? {});
    const making = [...this.#led.values()].filter((led) => signersLabel(led.signers) === label).length;
    const held = Math.min(...pools.map((counts) => counts[label] ?? 0));
    const fullest = Math.max(...pools.map((counts) => Object.values(counts).reduce((sum, count) => sum + count, 0)));
    return { signers, count: held + making, room: demand.bounds.max - fullest };
  }
}
