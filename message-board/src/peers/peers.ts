import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import type { Clock } from 'service/clock';
import type { BoardClient } from '../client/client.js';
import type { NodeId, NodeRecord } from '../contract/contract.js';
import {
  readStatements, saysTheSame, topicsOfNews, verifyStatements, whyNotLater, type NodeLife, type NodeStatements, type StatementProof,
} from '../contract/node_statement.js';
import type { PeerView } from './peer_view.js';

/** A reading is held back for this long at most. A larger value makes everybody's age older than it is. */
const READ_MS = 1_000;

export interface PeersOptions {
  readonly board: Pick<BoardClient, 'listNodes' | 'onRestart'>;
  /** Nodes in the cluster; others that the board knows are ignored. */
  readonly n: number;
  /** What their statements prove. */
  readonly proof: StatementProof;
  /** A peer whose last heartbeat is older than this is not alive, milliseconds. */
  readonly deadAfterMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A node that reads is no peer of itself. It hears here of another life under its name, once that is proven. */
  readonly self?: SelfWatch;
}

export interface SelfWatch {
  readonly index: number;
  readonly incarnation: string;
  readonly onOtherLife: (life: NodeLife) => void;
}

interface HeardPeer {
  readonly stated: NodeStatements;
  readonly live: boolean;
  /** When its last heartbeat was, by our clock. */
  readonly heardAt: number;
}

/**
 * What the other members state about themselves, for a node or a gateway.
 *
 * Where statements prove who has made them, one counts when its node has made it, and never after a later one. So the board can delay
 * what a node says, but not make it say what it has not said. A heartbeat that is shown again makes no node younger: a node that is dead
 * seems alive only for as long as the board has delayed its heartbeats.
 *
 * While the board does not answer, liveness stays as it was last known: without the board nobody can do anything, and a board that comes
 * back must not find every session given up.
 */
export class Peers {
  readonly #options: PeersOptions;
  readonly #callbacks = new Set<() => void>();
  #heard: ReadonlyMap<number, HeardPeer> = new Map();
  #changedAfter = '0';
  /** Nodes of which something was refused since they were last heard. A board that goes on lying fills no log. */
  readonly #refused = new Set<NodeId>();

  constructor(options: PeersOptions) {
    this.#options = options;
    options.board.onRestart(() => {
      this.#boardRestarted();
    });
  }

  /** All members but the reader, by index. */
  list(): PeerView[] {
    const { n, self, clock } = this.#options;
    const now = clock.monotonic();
    return Array.from({ length: n }, (_, index) => index)
      .filter((index) => index !== self?.index)
      .map((index) => {
        const { live = false, heardAt = -Infinity, stated } = this.#heard.get(index) ?? {};
        return { index, nodeId: idOf(index), live, ageMs: now - heardAt, status: stated?.status };
      });
  }

  /** Calls back when a peer says something else, or when its liveness has changed. @returns how to unsubscribe */
  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => {
      this.#callbacks.delete(callback);
    };
  }

  /** Reads the board now. @returns the members that it shows @throws as BoardClient */
  async look(signal?: AbortSignal): Promise<NodeId[]> {
    return this.#hear(await this.#options.board.listNodes({ signal }));
  }

  /** Reads the board when it has news, and after a second at the latest. To be called again and again. @throws as BoardClient */
  async lookForNews(signal: AbortSignal): Promise<void> {
    const records = await this.#options.board.listNodes({ changedAfter: this.#changedAfter, wait: READ_MS, signal });
    this.#changedAfter = records.map(({ revision }) => revision).sort().at(-1) ?? '0';
    await this.#hear(records);
  }

  async #hear(records: readonly NodeRecord[]): Promise<NodeId[]> {
    const { n, clock, deadAfterMs } = this.#options;
    const readAt = clock.monotonic();
    const members = records.filter(({ node_id }) => indexOf(node_id) < n);
    const read = await Promise.all(members.map((record) => this.#read(record)));
    // Nothing waits from here on: of two readings at one time, the later one sees what the earlier one has kept.
    const before = this.#heard;
    const heard = new Map(before);
    members.forEach(({ node_id, age_ms }, k) => {
      const stated = read[k];
      if (stated !== undefined) this.#keep(heard, node_id, stated, readAt - age_ms);
    });
    // One that the board does not know (it was restarted) keeps what it said, and its age by our clock. All may be too old by now.
    const now = clock.monotonic();
    for (const [index, peer] of heard) heard.set(index, { ...peer, live: now - peer.heardAt <= deadAfterMs });
    this.#heard = heard;
    if ([...heard].some(([index, peer]) => isNews(before.get(index), peer))) this.#announceChange();
    return members.map(({ node_id }) => node_id);
  }

  /** What a node states in a record. @returns undefined for what does not count: the node is as good as not shown */
  async #read({ node_id: nodeId, statements: texts }: NodeRecord): Promise<NodeStatements | undefined> {
    const { proof, self } = this.#options;
    const known = this.#heard.get(indexOf(nodeId))?.stated;
    try {
      const stated = readStatements(texts, known);
      const isOwn = indexOf(nodeId) === self?.index && stated.life.incarnation === self.incarnation;
      if (!isOwn) await verifyStatements(proof, nodeId, texts, known?.texts);
      return stated;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#refuse(nodeId, error.message);
      return undefined;
    }
  }

  #keep(heard: Map<number, HeardPeer>, nodeId: NodeId, stated: NodeStatements, heardAt: number): void {
    const { proof, self } = this.#options;
    const index = indexOf(nodeId);
    if (index === self?.index) {
      if (proof.isProof && stated.life.incarnation !== self.incarnation) self.onOtherLife(stated.life);
      return;
    }
    const before = heard.get(index);
    // What was heard before is no new heartbeat: whoever shows it again cannot make the node younger.
    if (before !== undefined && saysTheSame(before.stated.texts, stated.texts)) return;
    const stale = before !== undefined && proof.isProof ? whyNotLater(before.stated, stated) : null;
    if (stale !== null) {
      this.#refuse(nodeId, stale);
      return;
    }
    this.#refused.delete(nodeId);
    heard.set(index, { stated, live: true, heardAt });
  }

  #refuse(nodeId: NodeId, reason: string): void {
    if (this.#refused.has(nodeId)) return;
    this.#refused.add(nodeId);
    this.#options.logger.warn({ event: 'node_statement_refused', node_id: nodeId, reason }, 'What a node is said to say does not count');
  }

  /** Its ages are lost: who was alive has as much time again to be heard of. */
  #boardRestarted(): void {
    const now = this.#options.clock.monotonic();
    this.#heard = new Map([...this.#heard].map(([index, peer]) => [index, peer.live ? { ...peer, heardAt: now } : peer]));
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

function isNews(before: HeardPeer | undefined, { stated, live }: HeardPeer): boolean {
  return before?.live !== live || topicsOfNews(before.stated, stated).length > 0;
}

/** `node-1` is party 0. */
function indexOf(nodeId: NodeId): number {
  return Number(nodeId.slice('node-'.length)) - 1;
}

function idOf(index: number): NodeId {
  return `node-${index + 1}`;
}
