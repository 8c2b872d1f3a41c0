import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import { Beside } from 'service/beside';
import { sleep, type Clock } from 'service/clock';
import type { BoardClient } from '../client/client.js';
import { nodeNumber, type NodeId, type NodeRecord } from '../contract/contract.js';
import {
  readStatements, saysTheSame, topicsOfNews, verifyStatements, whyNotLater, type NodeStatements, type StatementProof,
} from '../contract/node_statement.js';
import { skewsOf, withSample, type ClockSamples } from './clock_skew.js';
import type { PeerView } from './peer_view.js';

/**
 * The board holds a reading back until there is news, for at most this long. Heartbeats that say nothing new come only when it ends. With
 * a larger value, live nodes therefore seem late. With a smaller one, the board is read more often.
 */
const READ_MS = 1_000;
/** A reading whose answer is this late hangs: the next begins beside it. Smaller: a slow board is read more. Larger: peers seem late. */
const HANGS_AFTER_MS = 500;
/** Readings that may hang at a time. Fewer: if all are lost on the way, peers seem late. More: a board that is stuck gets more of them. */
const MOST_READINGS = 8;
/** Names the reader among the clocks of the members. */
export const SELF = 'self';
/** Pause after a reading that failed. Shorter: it burdens a board that has trouble. Longer: news comes late. */
const PAUSE_MS = 250;

export interface PeersOptions {
  readonly board: Pick<BoardClient, 'listNodes' | 'onRestart'>;
  /** Nodes in the cluster. Others that the board shows are ignored. */
  readonly n: number;
  /** How to verify what they state. */
  readonly proof: StatementProof;
  /** A peer whose last heartbeat is older than this is not alive. */
  readonly deadAfterMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** When the reader is a node itself. A node is no peer of its own. */
  readonly self?: SelfWatch;
}

/** A reader that is a node, and its watch for a second process with its name. */
export interface SelfWatch {
  readonly index: number;
  /** Names this life of the node. */
  readonly incarnation: string;
  /** Called with what the board shows, when the node's key has signed it in another life. */
  readonly onOtherLife: (stated: NodeStatements) => void;
}

/** Who follows what the board shows: told of each answer, and of each reading that fails. */
export interface Following {
  readonly onAnswer?: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** A peer that was heard of. */
interface HeardPeer {
  readonly stated: NodeStatements;
  readonly live: boolean;
  /** When its last heartbeat came to the board, by the reader's monotonic clock. */
  readonly heardAt: number;
  /** Has it had its extra time for a restart of the board? It gets it once between two heartbeats. */
  readonly isSpared: boolean;
  /** Its wall clock against the reader's monotonic clock. */
  readonly clocks: ClockSamples;
}

/** What a record says, and what was known of its node when it was read. */
interface ReadRecord {
  readonly stated: NodeStatements;
  readonly known: NodeStatements | undefined;
}

/**
 * What the other nodes state about themselves, as a node or a gateway reads it on the board.
 *
 * In a sealed cluster, a statement counts only when its node has signed it and when it is later than what the node has stated before. So
 * the board can delay what a node says, but it cannot invent it. A heartbeat that is shown again counts as old. So a dead node seems
 * alive only for as long as the board has delayed its heartbeats.
 *
 * While the board does not answer, liveness stays as it was last known. Without the board nobody can do anything anyway, and when it
 * comes back, sessions must be able to go on.
 */
export class Peers {
  readonly #options: PeersOptions;
  /** All nodes but the reader. */
  readonly #others: readonly { readonly index: number; readonly nodeId: NodeId }[];
  readonly #callbacks = new Set<() => void>();
  /** By party index. */
  #heard: ReadonlyMap<number, HeardPeer> = new Map();
  /** When the board last answered, by the monotonic clock; undefined before the first answer. */
  #answeredAt: number | undefined;
  /** The highest revision seen. */
  #changedAfter = '0';
  /** Nodes of which a statement was refused since one last counted. Only the first is logged: a board that goes on lying fills no log. */
  readonly #refused = new Set<NodeId>();

  constructor(options: PeersOptions) {
    this.#options = options;
    const { n, self } = options;
    const all = Array.from({ length: n }, (_, index) => ({ index, nodeId: idOf(index) }));
    this.#others = all.filter(({ index }) => index !== self?.index);
    options.board.onRestart(() => {
      this.#spareLive();
    });
  }

  /** All nodes but the reader, in the order of their indices, those never heard of too. */
  list(): PeerView[] {
    const now = this.#options.clock.monotonic();
    return this.#others.map(({ index, nodeId }) => {
      const { live = false, heardAt = -Infinity, stated } = this.#heard.get(index) ?? {};
      return { index, nodeId, live, ageMs: now - heardAt, status: stated?.status };
    });
  }

  /**
   * The wall clock of each live peer against the median of the others, the reader's own being one of them, in milliseconds: positive when
   * it is ahead. `clock_skew.ts` says how exact that is. Empty while nobody is heard.
   * @returns by node; the reader's own under {@link SELF}
   */
  clockSkews(): ReadonlyMap<string, number> {
    return skewsOf(this.clocks());
  }

  /** The same clocks, each against the reader's monotonic clock. */
  clocks(): ReadonlyMap<string, number> {
    const { clock } = this.#options;
    const live = [...this.#heard].filter(([, peer]) => peer.live);
    const clocks = live.map(([index, peer]): [string, number] => [idOf(index), Math.max(...peer.clocks)]);
    return new Map([...clocks, [SELF, clock.now() - clock.monotonic()]]);
  }

  /** Calls back when a peer says something new or when its liveness changes. @returns how to unsubscribe */
  onChange(callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => {
      this.#callbacks.delete(callback);
    };
  }

  /** Reads the board now. @returns the nodes of the cluster of which it shows what counts @throws as BoardClient */
  async look(signal?: AbortSignal): Promise<NodeId[]> {
    return this.#hear(await this.#options.board.listNodes({ signal }));
  }

  /** Reads the board as soon as it has news, after a second at the latest. Call it again and again. @throws as BoardClient */
  async lookForNews(signal: AbortSignal): Promise<void> {
    const records = await this.#options.board.listNodes({ changedAfter: this.#changedAfter, wait: READ_MS, signal });
    this.#changedAfter = records.map(({ revision }) => revision).sort().at(-1) ?? '0';
    await this.#hear(records);
  }

  /** Reads the board again and again until the signal aborts. A reading that hangs holds up no other. Never rejects. */
  async follow(signal: AbortSignal, { onAnswer, onFailure }: Following): Promise<void> {
    const { clock } = this.#options;
    const beside = new Beside(clock, MOST_READINGS);
    const read = async (): Promise<boolean> => {
      try {
        await this.lookForNews(signal);
        onAnswer?.();
        return true;
      } catch (error) {
        if (!signal.aborted) onFailure(error);
        return false;
      }
    };
    while (!signal.aborted) {
      if ((await beside.run(READ_MS + HANGS_AFTER_MS, read)) === false) await sleep(clock, PAUSE_MS, signal);
    }
  }

  async #hear(records: readonly NodeRecord[]): Promise<NodeId[]> {
    const { n, clock, deadAfterMs } = this.#options;
    const readAt = clock.monotonic();
    // A reader that was cut off, or paused, knows nothing of the others' last seconds: it does not take them for dead.
    if (readAt - (this.#answeredAt ?? readAt) > deadAfterMs) this.#spareLive();
    this.#answeredAt = readAt;
    const members = records.filter(({ node_id }) => indexOf(node_id) < n);
    const read = await Promise.all(members.map((record) => this.#read(record)));
    // There is no await below, so two readings at one time cannot overwrite each other: the second one begins with what the first has kept.
    const before = this.#heard;
    const heard = new Map(before);
    const counted = members.filter(({ node_id, age_ms }, k) => {
      const record = read[k];
      return record !== undefined && this.#keep(heard, node_id, record, readAt - age_ms);
    });
    // A peer that the board does not show, because it was restarted, keeps what it said and grows older. Any of them may be dead by now.
    const now = clock.monotonic();
    for (const [index, peer] of heard) heard.set(index, { ...peer, live: now - peer.heardAt <= deadAfterMs });
    this.#heard = heard;
    if ([...heard].some(([index, peer]) => isNews(before.get(index), peer))) this.#announceChange();
    return counted.map(({ node_id }) => node_id);
  }

  /** Parses and verifies what a record says. @returns undefined when it does not count: the node is as good as not shown */
  async #read({ node_id: nodeId, statements: texts }: NodeRecord): Promise<ReadRecord | undefined> {
    const { proof, self } = this.#options;
    const known = this.#heard.get(indexOf(nodeId))?.stated;
    try {
      const stated = readStatements(texts, known);
      const isOwn = indexOf(nodeId) === self?.index && stated.life.incarnation === self.incarnation;
      if (!isOwn) await verifyStatements(proof, nodeId, texts, known?.texts);
      return { stated, known };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#refuse(nodeId, error.message);
      return undefined;
    }
  }

  /** Keeps what counts in `heard`. It must be verified already. @returns whether it counts */
  #keep(heard: Map<number, HeardPeer>, nodeId: NodeId, { stated, known }: ReadRecord, heardAt: number): boolean {
    const { proof, self } = this.#options;
    const index = indexOf(nodeId);
    if (index === self?.index) {
      if (proof.isProof && stated.life.incarnation !== self.incarnation) self.onOtherLife(stated);
      return true;
    }
    const before = heard.get(index)?.stated;
    // The same texts again are no new heartbeat. If they were, whoever shows them again could keep a dead node alive.
    if (before !== undefined && saysTheSame(before.texts, stated.texts)) return true;
    const reason = before !== undefined && proof.isProof ? whyNotLater(before, stated) : null;
    if (reason === null) {
      this.#refused.delete(nodeId);
      heard.set(index, heardNow(heard.get(index), stated, heardAt));
      return true;
    }
    // Another reading has been faster: this one was true when it began.
    if (before !== known) return true;
    this.#refuse(nodeId, reason);
    return false;
  }

  #refuse(nodeId: NodeId, reason: string): void {
    if (this.#refused.has(nodeId)) return;
    this.#refused.add(nodeId);
    this.#options.logger.warn({ event: 'node_statement_refused', node_id: nodeId, reason }, 'What a node is said to say does not count');
  }

  /**
   * A restarted board has lost all heartbeats, and a reader that was cut off has missed them. Whoever was alive gets the full time again to
   * send one, but only once: a board that is restarted again and again, or says so, keeps nobody alive.
   */
  #spareLive(): void {
    const now = this.#options.clock.monotonic();
    const spared = (peer: HeardPeer): HeardPeer => (peer.live && !peer.isSpared ? { ...peer, heardAt: now, isSpared: true } : peer);
    this.#heard = new Map([...this.#heard].map(([index, peer]) => [index, spared(peer)]));
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

/** Only a new statement on presence shows that a node lives. Those on other topics may have been kept back, to be shown one by one. */
function heardNow(before: HeardPeer | undefined, stated: NodeStatements, heardAt: number): HeardPeer {
  if (before?.stated.texts.presence === stated.texts.presence) return { ...before, stated };
  const clocks = withSample(before?.clocks ?? [], stated.status.clock - heardAt);
  return { stated, live: true, heardAt, isSpared: false, clocks };
}

function isNews(before: HeardPeer | undefined, { stated, live }: HeardPeer): boolean {
  return before?.live !== live || topicsOfNews(before.stated, stated).length > 0;
}

/** `node-1` is party 0. */
function indexOf(nodeId: NodeId): number {
  return nodeNumber(nodeId) - 1;
}

function idOf(index: number): NodeId {
  return `node-${index + 1}`;
}
