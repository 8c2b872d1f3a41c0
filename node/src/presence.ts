import type { BoardClient } from 'message-board/client';
import type { NodeRecord, NodeStatus, SetupStatus } from 'message-board/contract';
import type { Logger } from 'pino';
import { sleepUntilAborted } from './reading.js';
import { nodeId, nodeIndex } from './utils.js';
import { Wakeup } from './wakeup.js';

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
  /** Changes it and publishes it at once. */
  update(patch: Partial<Omit<NodeStatus, 'incarnation'>>): void;
  /** The other nodes of the cluster, by index. */
  peers(): readonly PeerView[];
  /** Is it alive, and through with its set-up, so that it can sign? True for this node itself. */
  isLive(index: number): boolean;
  /** 0 for this node itself. */
  ageMs(index: number): number;
  /** Calls back when a peer's status or liveness has changed. @returns how to unsubscribe */
  onChange(callback: () => void): () => void;
}

export interface PresenceOptions {
  readonly client: Pick<BoardClient, 'putNode' | 'listNodes' | 'onRestart'>;
  readonly logger: Logger;
  /** Own party index. */
  readonly index: number;
  /** Nodes in the cluster; others that the board knows are ignored. */
  readonly n: number;
  readonly incarnation: string;
  /** Milliseconds. */
  readonly deadAfterMs: number;
  /** Where this node starts from: the first that the others see. */
  readonly keygen: SetupStatus;
  readonly auxInfo: SetupStatus;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

interface Heard {
  readonly status: NodeStatus;
  readonly revision: string;
  readonly live: boolean;
  /** When its last heartbeat was, by our clock. */
  readonly heardAt: number;
}

/**
 * Tells the board every second that this node is alive, and learns from it who else is. It survives the board's absence
 * and its restart. While the board does not answer, liveness stays as it was last known: without the board nobody can do
 * anything, and a board that comes back must not find every session given up.
 */
export class Presence implements PresenceView {
  readonly #options: PresenceOptions;
  readonly #now: () => number;
  readonly #callbacks = new Set<() => void>();
  readonly #news = new Wakeup();
  #heard: ReadonlyMap<number, Heard> = new Map();
  #status: NodeStatus;
  #boardAnsweredAt = -Infinity;
  #boardReachable: boolean | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
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
    return this.#now() - this.#boardAnsweredAt;
  }

  update(patch: Partial<Omit<NodeStatus, 'incarnation'>>): void {
    this.#status = { ...this.#status, ...patch };
    this.#news.notify();
  }

  peers(): PeerView[] {
    const { n, index: own } = this.#options;
    return Array.from({ length: n }, (_, index) => index)
      .filter((index) => index !== own)
      .map((index) => {
        const heard = this.#heard.get(index);
        return { index, nodeId: nodeId(index), live: heard?.live ?? false, ageMs: this.ageMs(index), status: heard?.status };
      });
  }

  isLive(index: number): boolean {
    const heard = this.#heard.get(index);
    return index === this.#options.index || (heard?.live === true && heard.status.stage === 'ready');
  }

  ageMs(index: number): number {
    if (index === this.#options.index) return 0;
    return this.#now() - (this.#heard.get(index)?.heardAt ?? -Infinity);
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
    while (!signal.aborted) {
      const reached = await this.#reaches(() => client.putNode(nodeId(index), { status: this.#status }, signal), signal);
      // An update meanwhile ends this sleep at once.
      await this.#news.sleep(reached ? HEARTBEAT_MS : PAUSE_MS, signal);
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    let changedAfter = '0';
    while (!signal.aborted) {
      const reached = await this.#reaches(async () => {
        const records = await client.listNodes({ changedAfter, wait: READ_MS, signal });
        changedAfter = records.map(({ revision }) => revision).sort().at(-1) ?? '0';
        this.#hear(records);
      }, signal);
      if (!reached) await sleepUntilAborted(PAUSE_MS, signal);
    }
  }

  async #reaches(call: () => Promise<unknown>, signal: AbortSignal): Promise<boolean> {
    const { logger } = this.#options;
    try {
      await call();
      this.#boardAnsweredAt = this.#now();
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

  #hear(records: readonly NodeRecord[]): void {
    const { n, index: own, deadAfterMs } = this.#options;
    const now = this.#now();
    // One that the board does not know (it was restarted) keeps its status, and its age by our clock.
    const heard = new Map([...this.#heard].map(([index, peer]) => [index, { ...peer, live: peer.live && now - peer.heardAt <= deadAfterMs }]));
    for (const { node_id, status, revision, age_ms } of records) {
      const index = nodeIndex(node_id, n);
      if (index === null || index === own) continue;
      heard.set(index, { status, revision, live: age_ms <= deadAfterMs, heardAt: now - age_ms });
    }
    const before = this.#heard;
    this.#heard = heard;
    const changed = [...heard].some(([index, { revision, live }]) => revision !== before.get(index)?.revision || live !== before.get(index)?.live);
    if (changed) this.#announceChange();
  }

  /** Its ages are lost: who was alive has as much time again to be heard of. */
  #boardRestarted(): void {
    const { logger } = this.#options;
    logger.warn({ event: 'board_restarted' }, 'The message board was restarted');
    const now = this.#now();
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
