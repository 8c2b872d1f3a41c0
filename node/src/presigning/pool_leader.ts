import { randomBytes } from 'node:crypto';
import { sleep } from 'service/clock';
import { PRESIGNATURE_REQUEST } from 'sealing/kinds';
import type { NodeContext } from '../context.js';
import { countsByParty, type PresignaturePool } from './presignature_pool.js';
import type { PeerView } from '../cluster/presence.js';
import { batchSize, nextBatch, type SetLevel } from './refill_plan.js';
import { canSignTogether, isReady } from '../cluster/readiness.js';
import { signerSets } from '../cluster/signer_sets.js';
import { nodeId, signersLabel } from '../base/utils.js';
import { Wakeup } from '../base/wakeup.js';

/** Batches under way at a time, as each keeps one thread busy: while one waits for messages the other computes. */
const LEAST_BATCHES = 2;
export const MOST_BATCHES = 4;
/** How often a leader looks whether the pool needs filling, ms; news wakes it earlier. */
const LOOK_MS = 1_000;
/** One that is over counts for so long as if it were being made, ms: its makers report what they hold a moment later. */
const REPORTED_MS = 500;

/** A presignature that this node has asked for. */
interface Led {
  readonly signers: readonly number[];
  readonly batch: number;
  /** By performance.now(). */
  readonly since: number;
  /** Since when it is over, by performance.now(). */
  overSince?: number;
}

export interface PoolLeaderDeps {
  readonly pool: PresignaturePool;
  /** Does this node take part in the making of this one just now? */
  readonly isMaking: (id: string) => boolean;
  /** Are requests being signed in full? Then the pool waits. */
  readonly isBusy: () => boolean;
}

/**
 * Keeps the pool at its aim, while this node leads (the lowest that has been heard of lately): it asks the members of a signer set to make
 * presignatures together, several in one go when several are missing. Sets take turns, so that any node may be missing.
 */
export class PoolLeader {
  readonly #led = new Map<string, Led>();
  readonly #wakeup: Wakeup;
  #batches = 0;
  /** Is one that it asked for over? The first is asked for alone: the first signature waits for it. */
  #isBegun = false;

  constructor(
    private readonly context: NodeContext,
    private readonly deps: PoolLeaderDeps,
  ) {
    this.#wakeup = new Wakeup(context.clock);
  }

  /** There may be something to do. */
  notify(): void {
    this.#wakeup.notify();
  }

  /** The making of one in which this node takes part is over, well or not. */
  ended(id: string): void {
    this.#over(id);
    this.notify();
  }

  /** Until the signal aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#settleLed(signal);
        if (!(await this.#askForNext(signal))) await this.#wakeup.sleep(LOOK_MS, signal);
      } catch (error) {
        if (error === signal.reason) return;
        this.context.logger.warn({ event: 'presignature_request_failed', err: error }, 'Could not ask for a presignature, trying again');
        await sleep(this.context.clock, LOOK_MS, signal);
      }
    }
  }

  /** @returns false when nothing is to be asked for now */
  async #askForNext(signal: AbortSignal): Promise<boolean> {
    const { n, t, demand, config, logger } = this.context;
    const underWay = new Map([...this.#led.values()].flatMap(({ batch, overSince, since }) => (overSince === undefined ? [[batch, since] as const] : [])));
    const most = this.#isBegun ? Math.min(MOST_BATCHES, Math.max(LEAST_BATCHES, config.workers)) : 1;
    if (!this.#isLeader() || this.deps.isBusy() || underWay.size >= most) return false;
    const sets = signerSets('', n, t);
    const pools = countsByParty(this.context, this.deps.pool);
    const levels = sets.filter((set) => canSignTogether(this.context, set)).map((set) => this.#levelOf(set, pools));
    // Evenly one after the other they would be begun twice as far from each other at least.
    const justNow = performance.now() - demand.refillMs / most / 2;
    const together = [...underWay.values()].filter((since) => since > justNow).length;
    const next = nextBatch(levels, sets.length, demand.aim, this.#isBegun ? batchSize(together, most) : 1);
    if (next === null) return false;
    const held = levels.reduce((sum, { count }) => sum + count, 0);
    logger.info({ event: 'pool_refill', signers: signersLabel(next.signers), size: next.size, held, ...demand.summary }, 'Asking for presignatures');
    this.#batches += 1;
    const asked = await Promise.allSettled(Array.from({ length: next.size }, () => this.#ask(next.signers, this.#batches, signal)));
    // Those that were asked for are made; the others are still missing.
    const failed = asked.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return true;
  }

  async #ask(signers: readonly number[], batch: number, signal: AbortSignal): Promise<void> {
    const { client, index, seals } = this.context;
    const id = `presig_gen_${nodeId(index)}_${randomBytes(16).toString('hex')}`;
    const participants = [...signers];
    const origin = await seals.state(PRESIGNATURE_REQUEST, { id, participants });
    await client.createPresignatureRequest({ request_id: id, participants, origin }, signal);
    this.#led.set(id, { signers, batch, since: performance.now() });
  }

  #over(id: string): void {
    const led = this.#led.get(id);
    if (led === undefined) return;
    led.overSince ??= performance.now();
    this.#isBegun = true;
  }

  /** Looks which of the led ones are over. In some of them this node has no part, so the board is asked; one who would tell it may have gone. */
  async #settleLed(signal: AbortSignal): Promise<void> {
    for (const [id, { overSince = Infinity }] of this.#led) if (performance.now() > overSince + REPORTED_MS) this.#led.delete(id);
    const others = [...this.#led].filter(([id, { overSince }]) => overSince === undefined && !this.deps.isMaking(id));
    if (others.length === 0) return;
    const pending = new Set((await this.context.client.listPresignatureRequests({ status: 'pending', signal })).map(({ id }) => id));
    const oldest = performance.now() - this.context.config.fullSigningTimeoutMs;
    for (const [id, { signers, since }] of others) {
      if (!pending.has(id) || since < oldest || !signers.every((party) => isReady(this.context, party))) this.#over(id);
    }
  }

  /** Is the node that leads live and past its set-up? */
  get isThere(): boolean {
    const { index, presence } = this.context;
    const lower = presence.peers().filter((peer) => peer.index < index && !this.#isPassedOver(peer));
    return lower.every((peer) => isReady(this.context, peer.index));
  }

  #isLeader(): boolean {
    return this.context.presence.peers().every((peer) => peer.index > this.context.index || this.#isPassedOver(peer));
  }

  #isPassedOver({ index, ageMs }: PeerView): boolean {
    return ageMs > this.context.config.poolLeaderTimeoutMs || this.context.culprits.has(index);
  }

  #levelOf(signers: readonly number[], poolsByParty: ReturnType<typeof countsByParty>): SetLevel {
    const { demand } = this.context;
    const label = signersLabel(signers);
    const pools = signers.map((party) => poolsByParty.get(party) ?? {});
    const making = [...this.#led.values()].filter((led) => signersLabel(led.signers) === label).length;
    const held = Math.min(...pools.map((counts) => counts[label] ?? 0));
    const fullest = Math.max(...pools.map((counts) => Object.values(counts).reduce((sum, count) => sum + count, 0)));
    return { signers, count: held + making, room: demand.bounds.max - fullest };
  }
}
