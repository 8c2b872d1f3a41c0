import { randomBytes } from 'node:crypto';
import { Presignature } from 'cggmp24';
import type { PresignatureRequest } from 'message-board/contract';
import { Refused } from 'sealing/errors';
import { PRESIGNATURE_REQUEST } from 'sealing/kinds';
import type { NodeContext } from './context.js';
import type { SessionRecord } from './culprits.js';
import { runOverBoard } from './http_transport.js';
import { PresignaturePool, type StoredPresignature } from './presignature_pool.js';
import { keepReading, sleepUntilAborted } from './reading.js';
import { isReady } from './signing_plan.js';
import { nodeId, nodeIndex, signerSets, signersLabel } from './utils.js';
import { Wakeup } from './wakeup.js';

/** Presignatures that this node makes at a time as a leader, and joins at a time at most, whoever asks. */
const LED_AT_A_TIME = 2;
const JOINED_AT_A_TIME = 8;
/** How often a leader looks whether the pool needs filling, ms; news wakes it earlier. */
const LOOK_MS = 1_000;
/** The leader, and 128 random bits. */
const ID = /^presig_gen_(node-\d+)_[0-9a-f]{32}$/;

/** A presignature that this node has asked for. */
interface Led {
  readonly signers: string;
  /** By performance.now(). */
  readonly since: number;
}

/**
 * Fills the pool. One node leads (the lowest that has been heard of lately): it asks the members of a signer set to make a presignature
 * together; each keeps its half in its own pool. Sets take turns, so that any node may be missing.
 */
export class PresignatureMaker {
  readonly pool: PresignaturePool;
  readonly enabled: boolean;
  readonly #making = new Map<string, Promise<void>>();
  readonly #led = new Map<string, Led>();
  readonly #incarnations = new Map<number, string>();
  readonly #wakeup = new Wakeup();
  /** Cursor of the last presignature request before this start. */
  #start: string | undefined;
  #report: NodeJS.Timeout | null = null;

  /** @param isBusy are requests being signed in full? Then the pool waits. */
  constructor(
    private readonly context: NodeContext,
    private readonly isBusy: () => boolean,
  ) {
    this.pool = new PresignaturePool(context.config.poolMax);
    this.enabled = context.config.poolTarget > 0 && !context.config.rustInterop;
  }

  /**
   * Passes over what was asked for before this start: it is for another incarnation of this node. To be done before
   * the others hear that this one is ready, or they would ask for something that it then passes over.
   */
  async prepare(signal: AbortSignal): Promise<void> {
    const requests = await this.context.client.listPresignatureRequests({ signal });
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
      this.#wakeup.notify();
    });
    try {
      await Promise.all([this.#follow(signal), this.#lead(signal)]);
    } finally {
      unsubscribe();
      if (this.#report !== null) clearTimeout(this.#report);
    }
  }

  /** Who made a presignature; null when this node does not hold it. One that is still being made is waited for. */
  async makersOf(id: string, patienceMs: number, signal: AbortSignal): Promise<readonly number[] | null> {
    const making = this.#making.get(id);
    if (making !== undefined) await Promise.race([making, sleepUntilAborted(patienceMs, signal)]);
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
    if (participants?.includes(this.context.index) !== true || this.#making.has(id) || this.pool.has(id)) return;
    const obstacle = await this.#obstacle(request, participants);
    if (obstacle !== null) {
      this.context.logger.warn({ event: 'presignature_refused', presignature_id: id, pool_size: this.pool.size, reason: obstacle }, 'Presignature request refused');
      return;
    }
    const making = this.#make(id, participants, signal).finally(() => {
      this.#making.delete(id);
      this.#wakeup.notify();
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
    const { index, client, logger, config } = this.context;
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
      const { size } = this.pool;
      logger.info({ event: 'presignature_generated', ...fields, pool_size: size, ms: Math.round(performance.now() - started) }, 'Presignature added to the pool');
      await report('completed');
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ event: 'presignature_failed', ...fields, err: error }, 'Presignature generation failed');
      await report('failed').catch(() => undefined);
    }
  }

  // ---- as the leader ----

  async #lead(signal: AbortSignal): Promise<void> {
    const { logger } = this.context;
    while (!signal.aborted) {
      try {
        await this.#settleLed(signal);
        const signers = this.#isLeader() && !this.isBusy() ? this.#neediestSet() : null;
        if (signers === null) await this.#wakeup.sleep(LOOK_MS, signal);
        else await this.#ask(signers, signal);
      } catch (error) {
        if (error === signal.reason) return;
        logger.warn({ event: 'presignature_request_failed', err: error }, 'Could not ask for a presignature, trying again');
        await sleepUntilAborted(LOOK_MS, signal);
      }
    }
  }

  async #ask(signers: readonly number[], signal: AbortSignal): Promise<void> {
    const { client, index, seals } = this.context;
    const id = `presig_gen_${nodeId(index)}_${randomBytes(16).toString('hex')}`;
    const participants = [...signers];
    const origin = await seals.state(PRESIGNATURE_REQUEST, { id, participants });
    await client.createPresignatureRequest({ request_id: id, participants, origin }, signal);
    this.#led.set(id, { signers: signersLabel(signers), since: performance.now() });
  }

  /** Forgets the led ones that are over: in some of them this node has no part, so the board is asked. */
  async #settleLed(signal: AbortSignal): Promise<void> {
    const others = [...this.#led.keys()].filter((id) => !this.#making.has(id));
    if (others.length === 0) return;
    const pending = await this.context.client.listPresignatureRequests({ status: 'pending', signal });
    const oldest = performance.now() - this.context.config.fullSigningTimeoutMs;
    for (const id of others) {
      const isOld = (this.#led.get(id)?.since ?? 0) < oldest;
      if (isOld || !pending.some((request) => request.id === id)) this.#led.delete(id);
    }
  }

  #isLeader(): boolean {
    const { index, presence, config, culprits } = this.context;
    return presence.peers().every((peer) => peer.index > index || peer.ageMs > config.poolLeaderTimeoutMs || culprits.has(peer.index));
  }

  /** The live signer set with the fewest presignatures; null when each has its share of the target, or enough are being made. */
  #neediestSet(): readonly number[] | null {
    const { n, t, config } = this.context;
    if (this.#led.size >= LED_AT_A_TIME) return null;
    const all = signerSets('', n, t);
    // A share for each set, live or not: when a node comes back the others' pools still have room for its sets.
    const share = Math.ceil(config.poolTarget / all.length);
    const live = all.filter((set) => set.every((party) => isReady(this.context, party)));
    const counts = live.map((set) => this.#count(signersLabel(set), set));
    const least = Math.min(...counts);
    return least >= share ? null : (live[counts.indexOf(least)] ?? null);
  }

  /** How many presignatures all members of a set hold, those being made included. */
  #count(label: string, members: readonly number[]): number {
    const { index, presence } = this.context;
    const held = members.map((party) => {
      const counts = party === index ? this.pool.counts() : presence.peers().find((peer) => peer.index === party)?.status?.pool;
      return counts?.[label] ?? 0;
    });
    return Math.min(...held) + [...this.#led.values()].filter(({ signers }) => signers === label).length;
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
      this.context.presence.update({ pool: this.pool.counts() });
    }, 100);
  }
}
