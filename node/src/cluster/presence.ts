import type { BoardClient } from 'message-board/client';
import type { Heartbeat, NodeRecord, NodeStatus, SetupStatus } from 'message-board/contract';
import { isLater, type NodeStatement } from 'message-board/node_statement';
import { sleep, type Clock } from 'service/clock';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import { NODE_STATUS } from 'sealing/kinds';
import type { Seals } from '../mail/seals.js';
import { nodeId, nodeIndex } from '../base/utils.js';
import { Wakeup } from '../base/wakeup.js';

const HEARTBEAT_MS = 1_000;
/** How long a reading is held back at most; each answer has everybody's age. */
const READ_MS = 1_000;
/** Pause after a call that failed. */
const PAUSE_MS = 250;

/** What the board last said about another node. */
export interface PeerView {
  readonly index: number;
  readonly nodeId: string;
  /** Was its last heartbeat recent when the board last answered? */
  readonly live: boolean;
  /** Milliseconds since its last heartbeat, up to now; Infinity when it has never been heard of. */
  readonly ageMs: number;
  readonly status: NodeStatus | undefined;
}

/** What this node says and the others say about themselves. */
export interface PresenceView {
  readonly incarnation: string;
  /** What this node says about itself. */
  readonly status: NodeStatus;
  /** Changes it, if that is a change, and publishes it at once. */
  update(patch: Partial<Omit<NodeStatus, 'incarnation'>>): void;
  /** The other nodes of the cluster, by index. */
  peers(): readonly PeerView[];
  /** 0 for this node itself. */
  ageMs(index: number): number;
  /** Calls back when a peer's status or liveness has changed. @returns how to unsubscribe */
  onChange(callback: () => void): () => void;
}

export interface PresenceOptions {
  readonly client: Pick<BoardClient, 'putNode' | 'listNodes' | 'onRestart'>;
  readonly logger: Logger;
  readonly seals: Seals;
  /** Own party index. */
  readonly index: number;
  /** Nodes in the cluster; others that the board knows are ignored. */
  readonly n: number;
  readonly incarnation: string;
  /** When this life began, ms since 1970. */
  readonly started: number;
  /** Told when a later process runs under this identity: this one has to stop. */
  readonly onClone: () => void;
  /** Milliseconds. */
  readonly deadAfterMs: number;
  /** Where this node starts from: the first that the others see. */
  readonly keygen: SetupStatus;
  readonly auxInfo: SetupStatus;
  readonly clock: Clock;
}

/** What a node has stated about itself. */
interface Stated extends Pick<NodeStatement, 'started' | 'sequence' | 'status'> {
  readonly statement: string | undefined;
}

interface Heard {
  readonly stated: Stated;
  readonly revision: string;
  readonly live: boolean;
  /** When its last heartbeat was, by our clock. */
  readonly heardAt: number;
}

/**
 * Tells the board every second that this node is alive, and learns from it who else is. It survives the board's absence
 * and its restart. While the board does not answer, liveness stays as it was last known: without the board nobody can do
 * anything, and a board that comes back must not find every session given up.
 *
 * In a sealed cluster a status counts when its node has signed it, and never after a later one: the board can keep back
 * what a node says, and make it seem alive, but not make it say what it has not said.
 */
export class Presence implements PresenceView {
  readonly #options: PresenceOptions;
  readonly #callbacks = new Set<() => void>();
  readonly #news: Wakeup;
  #heard: ReadonlyMap<number, Heard> = new Map();
  #status: NodeStatus;
  #sequence = 0;
  #heartbeat: Heartbeat | null = null;
  #cloned = false;
  /** What was last refused of each node. */
  readonly #refused = new Map<string, string>();
  #boardAnsweredAt = -Infinity;
  #boardReachable: boolean | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#news = new Wakeup(options.clock);
    const { incarnation, keygen, auxInfo: aux_info } = options;
    this.#status = { incarnation, public_key: null, stage: 'starting', keygen, aux_info, pool: {}, attempts: [], culprits: [] };
  }

  get incarnation(): string {
    return this.#status.incarnation;
  }

  get status(): NodeStatus {
    return this.#status;
  }

  /** Milliseconds since the board last answered; Infinity when it never has. */
  get boardSilentMs(): number {
    return this.#options.clock.monotonic() - this.#boardAnsweredAt;
  }

  update(patch: Partial<Omit<NodeStatus, 'incarnation'>>): void {
    const status = { ...this.#status, ...patch };
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = status;
    this.#news.notify();
  }

  peers(): PeerView[] {
    const { n, index: own } = this.#options;
    return Array.from({ length: n }, (_, index) => index)
      .filter((index) => index !== own)
      .map((index) => {
        const heard = this.#heard.get(index);
        return { index, nodeId: nodeId(index), live: heard?.live ?? false, ageMs: this.ageMs(index), status: heard?.stated.status };
      });
  }

  ageMs(index: number): number {
    if (index === this.#options.index) return 0;
    return this.#options.clock.monotonic() - (this.#heard.get(index)?.heardAt ?? -Infinity);
  }

  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => {
      this.#callbacks.delete(callback);
    };
  }

  /** Runs until the signal aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const stopListening = this.#options.client.onRestart(() => {
      this.#boardRestarted();
    });
    await Promise.all([this.#publish(signal), this.#read(signal)]);
    stopListening();
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const { client, index } = this.#options;
    while (!signal.aborted && !this.#cloned) {
      const reached = await this.#reaches(async () => client.putNode(nodeId(index), await this.#currentHeartbeat(), signal), signal);
      // An update meanwhile ends this sleep at once.
      await this.#news.sleep(reached ? HEARTBEAT_MS : PAUSE_MS, signal);
    }
  }

  /** One and the same as long as the status is: the board then sees no news in it. */
  async #currentHeartbeat(): Promise<Heartbeat> {
    const { seals, started } = this.#options;
    const status = this.#status;
    if (this.#heartbeat?.status === status) return this.#heartbeat;
    const sequence = this.#sequence++;
    this.#heartbeat = seals.sealed ? { status, statement: await seals.state(NODE_STATUS, { started, sequence, status }) } : { status };
    return this.#heartbeat;
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    let changedAfter = '0';
    while (!signal.aborted) {
      const reached = await this.#reaches(async () => {
        const records = await client.listNodes({ changedAfter, wait: READ_MS, signal });
        changedAfter = records.map(({ revision }) => revision).sort().at(-1) ?? '0';
        await this.#hear(records);
      }, signal);
      if (!reached) await sleep(this.#options.clock, PAUSE_MS, signal);
    }
  }

  async #reaches(call: () => Promise<unknown>, signal: AbortSignal): Promise<boolean> {
    const { logger } = this.#options;
    try {
      await call();
      this.#boardAnsweredAt = this.#options.clock.monotonic();
      if (this.#boardReachable === false) logger.info({ event: 'board_reachable' }, 'The message board answers again');
      this.#boardReachable = true;
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (this.#boardReachable !== false) logger.warn({ event: 'board_unreachable', err: error }, 'The message board does not answer, trying on');
      this.#boardReachable = false;
      return false;
    }
  }

  async #hear(records: readonly NodeRecord[]): Promise<void> {
    const { n, index: own, deadAfterMs } = this.#options;
    const now = this.#options.clock.monotonic();
    const stated = await Promise.all(records.map((record) => this.#statedIn(record)));
    // One that the board does not know (it was restarted) keeps its status, and its age by our clock.
    const heard = new Map([...this.#heard].map(([index, peer]) => [index, { ...peer, live: peer.live && now - peer.heardAt <= deadAfterMs }]));
    records.forEach(({ node_id, revision, age_ms }, k) => {
      const index = nodeIndex(node_id, n);
      const said = stated[k] ?? null;
      if (index === null || said === null) return;
      if (index === own) this.#lookForClone(said);
      else heard.set(index, { stated: said, revision, live: age_ms <= deadAfterMs, heardAt: now - age_ms });
    });
    const before = this.#heard;
    this.#heard = heard;
    const changed = [...heard].some(([index, { revision, live }]) => revision !== before.get(index)?.revision || live !== before.get(index)?.live);
    if (changed) this.#announceChange();
  }

  /** null for what does not count: the node is as good as not heard. */
  async #statedIn({ node_id, status, statement }: NodeRecord): Promise<Stated | null> {
    const { n, index: own, logger, seals } = this.#options;
    const index = nodeIndex(node_id, n);
    if (index === null) return null;
    if (!seals.sealed) return { status, statement, started: 0, sequence: 0 };
    const before = this.#heard.get(index)?.stated;
    if (before !== undefined && before.statement === statement) return before;
    if (index === own && statement === this.#heartbeat?.statement) return null;
    try {
      if (statement === undefined) throw new Refused('it is not signed');
      const stated = { ...(await seals.statusOf(node_id, statement)), statement };
      if (before !== undefined && !isLater(stated, before)) throw new Refused('it is not later than what was heard before');
      this.#refused.delete(node_id);
      return stated;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const reason = error.message;
      if (this.#refused.get(node_id) !== reason) logger.warn({ event: 'status_refused', from: node_id, reason }, 'What a node is said to say does not count');
      this.#refused.set(node_id, reason);
      return null;
    }
  }

  /** What we said in an earlier life may still be there; a life that began later than ours is another process with our identity. */
  #lookForClone({ status, started }: Stated): void {
    const { logger, started: ownStart, onClone } = this.#options;
    if (this.#cloned || !this.#options.seals.sealed || status.incarnation === this.incarnation || started < ownStart) return;
    this.#cloned = true;
    this.update({ stage: 'refusing' });
    logger.error({ event: 'clone_detected', other: status.incarnation }, 'Another process runs with the identity of this node: this one takes no part any more');
    onClone();
  }

  /** Its ages are lost: who was alive has as much time again to be heard of. */
  #boardRestarted(): void {
    const { logger } = this.#options;
    logger.warn({ event: 'board_restarted' }, 'The message board was restarted');
    const now = this.#options.clock.monotonic();
    this.#heard = new Map([...this.#heard].map(([index, peer]) => [index, peer.live ? { ...peer, heardAt: now } : peer]));
    this.#news.notify();
  }

  #announceChange(): void {
    for (const callback of [...this.#callbacks]) {
      try {
        callback();
      } catch (error) {
        this.#options.logger.error({ event: 'presence_callback_failed', err: error }, 'A listener to presence failed');
      }
    }
  }
}
