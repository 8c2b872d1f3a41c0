import { Presignature } from 'cggmp24';
import type { PresignatureRequest } from 'message-board/contract';
import { Refused } from 'sealing/errors';
import { PRESIGNATURE_REQUEST } from 'sealing/kinds';
import { every, sleep, type Timer } from 'service/clock';
import { SessionTimeout } from '../base/errors.js';
import { nodeId, nodeIndex, signersLabel } from '../base/utils.js';
import { keepReading } from '../cluster/reading.js';
import type { SessionRecord } from '../mail/session_record.js';
import { runOverBoard } from '../transport/http_transport.js';
import { Joining, type Joined, type Making } from './joining.js';
import { LostPresignatures } from './lost_presignatures.js';
import { pendingRequests } from './pending_requests.js';
import { PoolLeader } from './pool_leader.js';
import { leaderOf } from './presignature_id.js';
import { PresignaturePool, type StoredPresignature } from './presignature_pool.js';
import type { PresigningDeps } from './presigning_deps.js';

/** What the pool holds is reported at most this often. Smaller: many statements during a burst. Larger: others propose what is gone. */
const REPORT_MS = 100;
/**
 * Of each node that asks, a refusal is logged this often at most. Smaller: one that asks in vain fills the logs of the others. Larger: it
 * is later known that it goes on.
 */
const REFUSAL_LOGGED_MS = 60_000;
/** The pool is searched for what is lost this often; news of the other nodes searches it earlier. Larger: it takes up room for longer. */
const SEARCH_MS = 1_000;
/** The longest time for which the board may hold back an empty answer. */
const READ_MS = 25_000;

interface OwnMaking extends Making {
  owing: readonly number[];
  /** Never rejects. */
  ended: Promise<void>;
}

export interface PresignatureMakerDeps extends PresigningDeps {
  /** Told when the pool has one more. */
  readonly onAdded: () => void;
  /** Told whose messages were missing when a making failed, party indices. */
  readonly onSilent: (parties: readonly number[]) => void;
}

/**
 * Takes part in filling the pool: when a leader asks the members of a signer set to make a presignature together, each keeps its half in
 * its own pool.
 */
export class PresignatureMaker {
  readonly pool: PresignaturePool;
  readonly enabled: boolean;
  readonly #making = new Map<string, OwnMaking>();
  readonly #joining: Joining;
  /** When a refusal was last logged and how many were not since then, by the party that asked; null for requests that name none. */
  readonly #refused = new Map<number | null, { readonly loggedAt: number; unlogged: number }>();
  readonly #leader: PoolLeader;
  readonly #lost: LostPresignatures;
  /** Cursor of the last presignature request before this start. */
  #start: string | undefined;
  #report: Timer | null = null;

  constructor(private readonly deps: PresignatureMakerDeps) {
    this.pool = new PresignaturePool(deps.config.poolMax);
    this.#joining = new Joining({ n: deps.n, t: deps.t, pool: this.pool, making: () => this.#making.values() });
    this.#lost = new LostPresignatures(deps, this.pool);
    const worksFor = (asker: number): boolean => this.#joining.worksFor(asker);
    this.#leader = new PoolLeader({ ...deps, pool: this.pool, isMaking: (id) => this.#making.has(id), worksFor });
    this.enabled = deps.config.poolTarget > 0;
  }

  /**
   * Skips what was asked for before this start: it is for another incarnation of this node. It has to be done before the others hear that
   * this node is ready, or they would ask for something that it then skips.
   */
  async prepare(signal: AbortSignal): Promise<void> {
    for await (const { id } of pendingRequests(this.deps.client, signal)) this.#start = id;
  }

  /** Fills the pool until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger, presence, config, clock } = this.deps;
    if (!this.enabled) {
      logger.info({ event: 'pool_off' }, 'Presignature pool is off: every request is signed in full');
      return;
    }
    logger.info({ event: 'pool_initialized', target: config.poolTarget, max: config.poolMax }, 'Presignature pool initialized');
    const unsubscribe = presence.onChange(() => {
      this.#dropLost();
      this.#leader.notify();
    });
    const searching = every(clock, SEARCH_MS, () => {
      this.#dropLost();
    });
    try {
      await Promise.all([this.#follow(signal), this.#leader.run(signal)]);
    } finally {
      unsubscribe();
      searching.stop();
      this.#report?.stop();
    }
  }

  /** Is there a node that fills the pool? */
  get isFilling(): boolean {
    return this.#leader.isThere;
  }

  /** Does this node hold it, or take part in making it? */
  has(id: string): boolean {
    return this.pool.has(id) || this.#making.has(id);
  }

  /** Who made a presignature; null when this node does not hold it. While it is being made, this waits for it, at most `patienceMs`. */
  async makersOf(id: string, patienceMs: number, signal: AbortSignal): Promise<readonly number[] | null> {
    const making = this.#making.get(id);
    if (making !== undefined) await Promise.race([making.ended, sleep(this.deps.clock, patienceMs, signal)]);
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
    const { client } = this.deps;
    await keepReading(this.deps, 'presignature_requests', signal, async (after = this.#start) => {
      const requests = await client.listPresignatureRequests({ status: 'pending', after, wait: READ_MS, signal });
      for (const request of requests) await this.#join(request, signal);
      return requests.at(-1)?.id ?? after;
    });
  }

  async #join(request: PresignatureRequest, signal: AbortSignal): Promise<void> {
    const { id, participants } = request;
    const { index } = this.deps;
    if (participants?.includes(index) !== true || this.has(id)) return;
    const asker = leaderOf(id, this.deps.n);
    if (asker === null) {
      this.#logRefusal(id, null, 'it is not well formed');
      return;
    }
    const reason = await this.#obstacle(request, { asker, signers: participants });
    if (reason !== null) {
      this.#logRefusal(id, asker, reason);
      return;
    }
    const making: OwnMaking = { asker, signers: participants, owing: [], ended: Promise.resolve() };
    this.#making.set(id, making);
    making.ended = this.#make(id, making, signal).then((isMade) => {
      this.#making.delete(id);
      this.#leader.ended(id, participants, isMade);
    });
  }

  /** The reason not to take part; null when there is none. */
  async #obstacle({ id, origin }: PresignatureRequest, asked: Joined): Promise<string | null> {
    const { seals, culprits, journal } = this.deps;
    const { asker, signers } = asked;
    if (culprits.has(asker)) return `${nodeId(asker)} has cheated`;
    const objection = this.#joining.objection(asked);
    if (objection !== null) return objection;
    try {
      if (origin === undefined) throw new Refused('it is not signed');
      const { signer, claims } = await seals.stated(PRESIGNATURE_REQUEST, origin);
      if (signer !== nodeId(asker)) throw new Refused(`it is signed by ${signer}`);
      if (claims.id !== id || claims.participants.join() !== signers.join()) throw new Refused('another one was signed');
      // What its makers said in an earlier run is no answer to what this node would say in a second one.
      return (await journal.claim(id)) ? null : 'it was begun before';
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return error.message;
    }
  }

  /** @returns whether it is in the pool. Never throws */
  async #make(id: string, current: OwnMaking, signal: AbortSignal): Promise<boolean> {
    const { index, client, clock, logger, demand, keyShare, runner } = this.deps;
    const { signers: participants } = current;
    const [started, heldBefore] = [clock.monotonic(), runner.heldMs];
    const fields = { presignature_id: id, signers: signersLabel(participants) };
    const report = async (status: 'completed' | 'failed'): Promise<void> => {
      if (participants[0] === index) await client.updatePresignatureRequest(id, status, signal);
    };
    const lives = this.#lives();
    let making: SessionRecord | null = null;
    let isMade = false;
    try {
      const handedOver = await runOverBoard(this.deps, {
        namespace: 'presignature-messages',
        requestId: id,
        participants,
        self: index,
        keyMaterial: keyShare.materialDigest,
        job: { kind: 'presign', executionId: id, signers: participants },
        silenceMs: demand.silenceMs,
        signal,
        onOwed: (parties) => {
          current.owing = parties;
        },
        onRecord: (record) => {
          making = record;
        },
      });
      // It has lost its half: this one is of no use.
      const isLost = participants.some((party) => lives.has(party) && lives.get(party) !== this.#lives().get(party));
      if (isLost) throw new Error('one of its makers was restarted meanwhile');
      this.pool.add({ id, participants, presignature: Presignature.takeOver(handedOver), making });
      isMade = true;
      this.#changed();
      this.deps.onAdded();
      const ms = clock.monotonic() - started;
      // Full signings come first. What they take is no reason to wait longer for a leader, or to aim for more.
      demand.made(ms - (runner.heldMs - heldBefore));
      const made = { event: 'presignature_generated', ...fields, pool_size: this.pool.size, ms: Math.round(ms) };
      logger.info(made, 'Presignature added to the pool');
      await report('completed');
    } catch (error) {
      if (signal.aborted) return isMade;
      logger.warn({ event: 'presignature_failed', ...fields, err: error }, 'Presignature generation failed');
      if (error instanceof SessionTimeout) this.deps.onSilent(error.missing.flatMap((name) => nodeIndex(name, this.deps.n) ?? []));
      await report('failed').catch(() => undefined);
    }
    return isMade;
  }

  // ---- bookkeeping ----

  #logRefusal(id: string, asker: number | null, reason: string): void {
    const { clock, logger } = this.deps;
    const [now, before] = [clock.monotonic(), this.#refused.get(asker)];
    if (before !== undefined && now - before.loggedAt < REFUSAL_LOGGED_MS) {
      before.unlogged += 1;
      return;
    }
    this.#refused.set(asker, { loggedAt: now, unlogged: 0 });
    const { unlogged = 0 } = before ?? {};
    const fields = { event: 'presignature_refused', presignature_id: id, pool_size: this.pool.size, reason, unlogged };
    logger.warn(fields, 'Presignature request refused');
  }

  /** The life of each node that was heard of, by party. */
  #lives(): ReadonlyMap<number, string> {
    return new Map(this.deps.presence.peers().flatMap(({ index, status }) => (status === undefined ? [] : [[index, status.incarnation]])));
  }

  #dropLost(): void {
    const { logger, audit } = this.deps;
    for (const [party, dropped] of this.#lost.drop()) {
      audit.note({ event: 'presignatures_dropped', fields: { lost: nodeId(party), dropped } });
      const fields = { event: 'presignatures_dropped', lost: nodeId(party), dropped, pool_size: this.pool.size };
      logger.info(fields, 'Presignatures of a lost half dropped');
      this.#changed();
    }
  }

  /** Tells the others, after a moment in which more may change. */
  #changed(): void {
    const { clock, presence } = this.deps;
    this.#report ??= clock.after(REPORT_MS, () => {
      this.#report = null;
      presence.update({ pool: this.pool.counts(), offers: this.pool.offers() });
    });
  }
}
