import { Presignature } from 'cggmp24';
import type { PresignatureRequest } from 'message-board/contract';
import { Refused } from 'sealing/errors';
import { PRESIGNATURE_REQUEST } from 'sealing/kinds';
import { sleep } from 'service/clock';
import type { NodeContext } from '../context.js';
import type { SessionRecord } from '../mail/session_record.js';
import { runOverBoard } from '../transport/http_transport.js';
import { MOST_BATCHES, PoolLeader } from './pool_leader.js';
import { PresignaturePool, type StoredPresignature } from './presignature_pool.js';
import { keepReading } from '../cluster/reading.js';
import { BATCH } from '../workers/batch.js';
import { nodeId, nodeIndex, signersLabel } from '../base/utils.js';

/** Presignatures in whose making this node takes part at a time at most, whoever asks: two leaders' batches, while one takes over from another. */
const JOINED_AT_A_TIME = 2 * MOST_BATCHES * BATCH;
/** The leader, and 128 random bits. */
const ID = /^presig_gen_(node-\d+)_[0-9a-f]{32}$/;

/** Takes part in filling the pool: when a leader asks the members of a signer set to make presignatures together, each keeps its halves in its own pool. */
export class PresignatureMaker {
  readonly pool: PresignaturePool;
  readonly enabled: boolean;
  readonly #making = new Map<string, Promise<void>>();
  readonly #leader: PoolLeader;
  readonly #incarnations = new Map<number, string>();
  /** Cursor of the last presignature request before this start. */
  #start: string | undefined;
  #report: NodeJS.Timeout | null = null;

  /**
   * @param isBusy are requests being signed in full? Then the pool waits
   * @param onAdded told when there is one more
   */
  constructor(
    private readonly context: NodeContext,
    isBusy: () => boolean,
    private readonly onAdded: () => void,
  ) {
    this.pool = new PresignaturePool(context.config.poolMax);
    this.#leader = new PoolLeader(context, { pool: this.pool, isBusy, isMaking: (id) => this.#making.has(id) });
    this.enabled = context.config.poolTarget > 0 && !context.config.rustInterop;
  }

  /**
   * Passes over what was asked for before this start: it is for another incarnation of this node. To be done before
   * the others hear that this one is ready, or they would ask for something that it then passes over.
   */
  async prepare(signal: AbortSignal): Promise<void> {
    const requests = await this.context.client.listPresignatureRequests({ status: 'pending', signal });
    this.#start = requests.at(-1)?.id;
  }

  /** Fills the pool until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, presence, config } = this.context;
    if (!this.enabled) {
      logger.info({ event: 'pool_off' }, 'Presignature pool is off: every request is signed in full');
      return;
    }
    logger.info({ event: 'pool_initialized', target: config.poolTarget, max: config.poolMax }, 'Presignature pool initialized');
    const unsubscribe = presence.onChange(() => {
      this.#dropLost();
      this.#leader.notify();
    });
    try {
      await Promise.all([this.#follow(signal), this.#leader.run(signal)]);
    } finally {
      unsubscribe();
      if (this.#report !== null) clearTimeout(this.#report);
    }
  }

  /** Is somebody there to fill the pool? */
  get isFilling(): boolean {
    return this.#leader.isThere;
  }

  /** Does this node hold it, or take part in making it? */
  has(id: string): boolean {
    return this.pool.has(id) || this.#making.has(id);
  }

  /** Who made a presignature; null when this node does not hold it. One that is still being made is waited for. */
  async makersOf(id: string, patienceMs: number, signal: AbortSignal): Promise<readonly number[] | null> {
    const making = this.#making.get(id);
    if (making !== undefined) await Promise.race([making, sleep(this.context.clock, patienceMs, signal)]);
    return this.pool.makersOf(id);
  }

  /** Takes a presignature out of the pool, once. @returns null when this node does not hold it */
  take(id: string): StoredPresignature | null {
    const stored = this.pool.take(id);
    this.#changed();
    return stored;
  }

  // ---- as a participant ----

  async #follow(signal: AbortSignal): Promise<void> {
    const { client } = this.context;
    await keepReading(this.context, 'presignature_requests', signal, async (after = this.#start) => {
      const requests = await client.listPresignatureRequests({ status: 'pending', after, wait: 25_000, signal });
      for (const request of requests) await this.#join(request, signal);
      return requests.at(-1)?.id ?? after;
    });
  }

  async #join(request: PresignatureRequest, signal: AbortSignal): Promise<void> {
    const { id, participants } = request;
    if (participants?.includes(this.context.index) !== true || this.has(id)) return;
    const obstacle = await this.#obstacle(request, participants);
    if (obstacle !== null) {
      this.context.logger.warn({ event: 'presignature_refused', presignature_id: id, pool_size: this.pool.size, reason: obstacle }, 'Presignature request refused');
      return;
    }
    const making = this.#make(id, participants, signal).finally(() => {
      this.#making.delete(id);
      this.#leader.ended(id);
    });
    this.#making.set(id, making);
  }

  /** Why not to take part; null when there is no reason. */
  async #obstacle({ id, origin }: PresignatureRequest, participants: readonly number[]): Promise<string | null> {
    const { n, t, seals, culprits, journal } = this.context;
    const leader = ID.exec(id)?.[1] ?? '';
    const party = nodeIndex(leader, n);
    if (party === null || participants.length !== t || participants.some((index) => index >= n)) return 'it is not well formed';
    if (culprits.has(party)) return `${leader} has cheated`;
    if (this.#making.size >= JOINED_AT_A_TIME || this.pool.isFull) return 'there are enough';
    try {
      if (origin === undefined) throw new Refused('it is not signed');
      const { signer, claims } = await seals.stated(PRESIGNATURE_REQUEST, origin);
      if (signer !== leader) throw new Refused(`it is signed by ${signer}`);
      if (claims.id !== id || claims.participants.join() !== participants.join()) throw new Refused('another one was signed');
      // What its makers said in an earlier run is no answer to what this node would say in a second one.
      return (await journal.claim(id)) ? null : 'it was begun before';
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return error.message;
    }
  }

  async #make(id: string, participants: readonly number[], signal: AbortSignal): Promise<void> {
    const { index, client, logger, config, demand } = this.context;
    const started = performance.now();
    const fields = { presignature_id: id, signers: signersLabel(participants) };
    const report = async (status: 'completed' | 'failed'): Promise<void> => {
      if (participants[0] === index) await client.updatePresignatureRequest(id, status, signal);
    };
    let making: SessionRecord | null = null;
    try {
      const handedOver = await runOverBoard(this.context, {
        namespace: 'presignature-messages',
        requestId: id,
        participants,
        self: index,
        keyMaterial: this.context.keyShare.materialDigest,
        job: { kind: 'presign', executionId: id, signers: participants },
        silenceMs: config.fullSigningTimeoutMs,
        signal,
        onRecord: (record) => {
          making = record;
        },
      });
      this.pool.add({ id, participants, presignature: Presignature.takeOver(handedOver), making });
      this.#changed();
      this.onAdded();
      const ms = performance.now() - started;
      demand.made(ms);
      logger.info({ event: 'presignature_generated', ...fields, pool_size: this.pool.size, ms: Math.round(ms) }, 'Presignature added to the pool');
      await report('completed');
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ event: 'presignature_failed', ...fields, err: error }, 'Presignature generation failed');
      await report('failed').catch(() => undefined);
    }
  }

  // ---- bookkeeping ----

  /** A restarted node has lost its halves, one that is gone for long will, and one that has cheated is asked for nothing: the others drop theirs. */
  #dropLost(): void {
    const { presence, logger, config, culprits, audit } = this.context;
    for (const { index: party, status, ageMs } of presence.peers()) {
      const before = this.#incarnations.get(party);
      if (status !== undefined) this.#incarnations.set(party, status.incarnation);
      const restarted = status !== undefined && before !== undefined && before !== status.incarnation;
      if (!restarted && ageMs <= config.poolLeaderTimeoutMs && !culprits.has(party)) continue;
      const dropped = this.pool.dropParticipant(party);
      if (dropped === 0) continue;
      audit.note({ event: 'presignatures_dropped', fields: { lost: nodeId(party), dropped } });
      logger.info({ event: 'presignatures_dropped', lost: nodeId(party), dropped, pool_size: this.pool.size }, 'Presignatures of a lost half dropped');
      this.#changed();
    }
  }

  /** Tells the others, at most every 100 ms. */
  #changed(): void {
    this.#report ??= setTimeout(() => {
      this.#report = null;
      this.context.presence.update({ pool: this.pool.counts(), offers: this.pool.offers(this.context.index) });
    }, 100);
  }
}
