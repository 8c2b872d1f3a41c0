import type { Logger } from 'pino';
import type { BoardClient } from 'message-board/client';
import { contentOf, newsOf, TOPICS, type NodeStatus, type SetupStatus, type StatementTexts, type Topic } from 'message-board/contract';
import { compareLives, type Life, type NodeStatements } from 'message-board/node_statement';
import type { PeerView } from 'message-board/peer_view';
import { Peers } from 'message-board/peers';
import { Beside } from 'service/beside';
import type { Clock } from 'service/clock';
import { ServiceError } from 'service/errors';
import { nodeId } from '../base/utils.js';
import { Wakeup } from '../base/wakeup.js';
import type { Seals } from '../mail/seals.js';
import { LaterLife } from './later_life.js';

const HEARTBEAT_MS = 1_000;
/** Pause after a heartbeat that failed. */
const PAUSE_MS = 250;
/** Heartbeats that may hang at a time. Fewer: if all are lost on the way, the node seems late. More: a stuck board gets more of them. */
const MOST_HEARTBEATS = 8;

/** What this node says and the others say about themselves. */
export interface PresenceView {
  readonly incarnation: string;
  /** What this node says about itself. */
  readonly status: NodeStatus;
  /** Changes it, if that is a change, and publishes it at once. */
  update(patch: Partial<Omit<NodeStatus, 'incarnation'>>): void;
  /** The other nodes of the cluster, by index. */
  peers(): readonly PeerView[];
  /** Calls back when a peer's status or liveness has changed. @returns how to unsubscribe */
  onChange(callback: () => void): () => void;
}

/** This life of the node. */
export interface OwnLife extends Life {
  /** Makes it later than another life of this node, from now on and on disk. */
  outlive(other: Life): Promise<void>;
}

export interface PresenceOptions {
  readonly client: Pick<BoardClient, 'putNode' | 'listNodes' | 'onRestart' | 'instance'>;
  readonly logger: Logger;
  readonly seals: Pick<Seals, 'nodeStatement' | 'proof'>;
  /** Own party index. */
  readonly index: number;
  /** Nodes in the cluster. */
  readonly n: number;
  readonly life: OwnLife;
  /** Told when a later process runs under this identity: this one has to stop. */
  readonly onClone: () => void;
  /** Milliseconds. */
  readonly deadAfterMs: number;
  /** Where this node starts from: the first that the others see. */
  readonly keygen: SetupStatus;
  readonly auxInfo: SetupStatus;
  readonly clock: Clock;
}

/** What was last stated. */
interface Stated {
  readonly status: NodeStatus;
  readonly texts: StatementTexts;
}

/**
 * Tells the board every second that this node is alive, and learns from it who else is. It survives the board's absence and its restart.
 *
 * A heartbeat has a statement on each topic. Only those that say something new are made anew, and the one on presence every second: by it
 * the others know that this node lives.
 */
export class Presence implements PresenceView {
  readonly #options: PresenceOptions;
  readonly #peers: Peers;
  readonly #news: Wakeup;
  #status: NodeStatus;
  #sequence = 0;
  #stated: Stated | null = null;
  /** The statements of heartbeats are made one after the other. */
  #stating: Promise<unknown> = Promise.resolve();
  /** Of the latest heartbeat that the board has taken. */
  #taken = 0;
  #sent = 0;
  /** Is there a problem that keeps this node from signing? */
  #isImpaired = false;
  /** When the statement on presence was last made. */
  #heartbeatAt = -Infinity;
  /** Has the board taken a heartbeat of this life? It takes none that is earlier than what it has. */
  #isAccepted = false;
  readonly #laterLife: LaterLife;
  #isOutliving = false;
  #cloned = false;
  #boardAnsweredAt = -Infinity;
  #boardReachable: boolean | undefined;
  #refusal: string | null = null;

  constructor(options: PresenceOptions) {
    this.#options = options;
    const { client, n, deadAfterMs, clock, logger, seals, index, life, keygen, auxInfo: aux_info } = options;
    const { incarnation } = life;
    this.#news = new Wakeup(clock);
    this.#laterLife = new LaterLife({ silentMs: deadAfterMs, clock });
    const nothing = { public_key: null, pool: {}, attempts: [], culprits: [], problems: [], disk_free_bytes: null, hears: [] };
    this.#status = { ...nothing, incarnation, stage: 'starting', clock: clock.now(), keygen, aux_info };
    const onOtherLife = (stated: NodeStatements): void => {
      this.#meet(stated);
    };
    const self = { index, incarnation, onOtherLife };
    this.#peers = new Peers({ board: client, n, proof: seals.proof, deadAfterMs, clock, logger, self });
    this.#peers.onChange(() => {
      this.update({ hears: this.peers().flatMap((peer) => (peer.live ? [peer.nodeId] : [])) });
    });
  }

  get incarnation(): string {
    return this.#status.incarnation;
  }

  /** A node that is impaired offers nothing, and is not ready. */
  get status(): NodeStatus {
    const isImpaired = this.#isImpaired && this.#status.stage === 'ready';
    return isImpaired ? { ...this.#status, stage: 'impaired', pool: {}, offers: {} } : this.#status;
  }

  /** Milliseconds since the board last answered; Infinity when it never has. */
  get boardSilentMs(): number {
    return this.#options.clock.monotonic() - this.#boardAnsweredAt;
  }

  /** Wall clocks, as `Peers.clocks`. */
  clocks(): ReturnType<Peers['clocks']> {
    return this.#peers.clocks();
  }

  clockSkews(): ReturnType<Peers['clockSkews']> {
    return this.#peers.clockSkews();
  }

  /** Why the board refuses this node's heartbeats, a code; null when it takes them. */
  get refusal(): string | null {
    return this.#refusal;
  }

  update(patch: Partial<Omit<NodeStatus, 'incarnation'>>): void {
    const status = { ...this.#status, ...patch };
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = status;
    this.#news.notify();
  }

  /** Publishes what is wrong with this node. @param stopsSigning others do not count on it then */
  impair(problems: readonly string[], stopsSigning: boolean): void {
    this.#isImpaired = stopsSigning;
    this.update({ problems: [...problems] });
  }

  peers(): PeerView[] {
    return this.#peers.list();
  }

  onChange(callback: () => void): () => void {
    return this.#peers.onChange(callback);
  }

  /** Runs until the signal aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, logger } = this.#options;
    const stopListening = client.onRestart(() => {
      logger.warn({ event: 'board_restarted' }, 'The message board was restarted');
      this.#news.notify();
    });
    await Promise.all([this.#publish(signal), this.#read(signal)]);
    stopListening();
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const beside = new Beside(this.#options.clock, MOST_HEARTBEATS);
    const beat = async (): Promise<number> => (await this.#reaches(() => this.#heartbeat(signal), signal)) ?? PAUSE_MS;
    while (!signal.aborted && !this.#cloned) {
      // When one hangs, the next one follows at once.
      const pauseMs = await beside.run(HEARTBEAT_MS, beat);
      // An update meanwhile ends this sleep at once.
      await this.#news.sleep(pauseMs ?? 0, signal);
    }
  }

  /** Sends a heartbeat. @returns milliseconds until the next one @throws as BoardClient when the board does not answer */
  async #heartbeat(signal: AbortSignal): Promise<number> {
    const { client, index, clock, logger } = this.#options;
    // A heartbeat names the life of the board for which it is, and only an answer of the board tells that.
    if (client.instance === undefined) await this.#peers.look(signal);
    const { instance } = client;
    const statements = await this.#nextStatements();
    const number = ++this.#sent;
    try {
      await client.putNode(nodeId(index), { statements }, signal);
      this.#isAccepted = true;
      this.#refusal = null;
      this.#taken = Math.max(this.#taken, number);
      return Math.max(0, this.#heartbeatAt + HEARTBEAT_MS - clock.monotonic());
    } catch (error) {
      if (!(error instanceof ServiceError) || error.status >= 500) throw error;
      // The board was restarted: the next heartbeat is for its new life.
      if (client.instance !== instance) return PAUSE_MS;
      // A later one was faster: to the board this one is stale.
      if (number < this.#taken) return 0;
      const { code, message: reason } = error;
      const text = 'The message board refuses what this node says of itself: the others think that it is down';
      if (this.#refusal !== code) logger.warn({ event: 'heartbeat_refused', code, reason }, text);
      this.#refusal = code;
      return HEARTBEAT_MS;
    }
  }

  #nextStatements(): Promise<StatementTexts> {
    const next = this.#stating.then(() => this.#state());
    this.#stating = next.catch(() => undefined);
    return next;
  }

  /** The statements of the next heartbeat. */
  async #state(): Promise<StatementTexts> {
    const { client, clock } = this.#options;
    const { instance: board } = client;
    const status = { ...this.status, clock: clock.now(), ...(board === undefined ? {} : { board }) };
    const before = this.#stated;
    const isNews = (topic: Topic): boolean =>
      before === null || newsOf(contentOf(topic, status)) !== newsOf(contentOf(topic, before.status));
    const now = clock.monotonic();
    const topics = new Set(TOPICS.filter(isNews));
    if (topics.size === 0 || now - this.#heartbeatAt >= HEARTBEAT_MS) topics.add('presence');
    if (topics.has('presence')) this.#heartbeatAt = now;
    const renewed = await Promise.all([...topics].map((topic) => this.#statement(topic, status)));
    const texts = { ...before?.texts, ...Object.fromEntries(renewed) } as StatementTexts;
    this.#stated = { status, texts };
    return texts;
  }

  async #statement(topic: Topic, status: NodeStatus): Promise<[Topic, string]> {
    const { seals, life } = this.#options;
    const { started, incarnation } = life;
    const sequence = this.#sequence++;
    return [topic, await seals.nodeStatement({ started, incarnation, sequence, topic, content: contentOf(topic, status) })];
  }

  #read(signal: AbortSignal): Promise<void> {
    const onAnswer = (): void => {
      this.#boardAnswered();
    };
    const onFailure = (error: unknown): void => {
      this.#boardFailed(error);
    };
    return this.#peers.follow(signal, { onAnswer, onFailure });
  }

  /** @returns what the call returns; undefined when it fails */
  async #reaches<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      const result = await call();
      this.#boardAnswered();
      return result;
    } catch (error) {
      if (!signal.aborted) this.#boardFailed(error);
      return undefined;
    }
  }

  #boardAnswered(): void {
    this.#boardAnsweredAt = this.#options.clock.monotonic();
    if (this.#boardReachable === false) this.#options.logger.info({ event: 'board_reachable' }, 'The message board answers again');
    this.#boardReachable = true;
  }

  #boardFailed(error: unknown): void {
    if (this.#boardReachable !== false) {
      this.#options.logger.warn({ event: 'board_unreachable', err: error }, 'The message board does not answer, trying on');
    }
    this.#boardReachable = false;
  }

  /**
   * What the board shows of another life of this node. An earlier one may still be there. A later one is another process with our identity,
   * or one that has ended and was numbered ahead of ours. Once the board has taken a heartbeat of ours, it can only be another process.
   */
  #meet(other: NodeStatements): void {
    if (this.#cloned || this.#isOutliving || compareLives(other.life, this.#options.life) < 0) return;
    const isLived = this.#isAccepted || this.#laterLife.isLived(other);
    if (isLived === true) this.#stopAsClone(other.life);
    if (isLived === false) void this.#outlive(other.life);
  }

  #stopAsClone({ incarnation: other }: Life): void {
    this.#cloned = true;
    this.update({ stage: 'refusing' });
    this.#options.logger.error(
      { event: 'clone_detected', other },
      'Another process runs with the identity of this node: this one takes no part any more',
    );
    this.#options.onClone();
  }

  /** Never throws: when the number cannot be written, the next reading tries again. */
  async #outlive(ended: Life): Promise<void> {
    const { life, logger } = this.#options;
    this.#isOutliving = true;
    try {
      await life.outlive(ended);
      const text = 'An earlier life of this node had a larger number, and has ended: this one has the next number';
      logger.warn({ event: 'life_outlived', other: ended.incarnation }, text);
      this.#stated = null;
      this.#news.notify();
    } catch (error) {
      logger.error({ event: 'life_not_numbered', err: error }, 'The number of this life cannot be written: nobody listens to this node');
    }
    this.#isOutliving = false;
  }
}
