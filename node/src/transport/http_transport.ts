import type { BoardClient } from 'message-board/client';
import type { PostMessage } from 'message-board/contract';
import type { Logger } from 'pino';
import { every, sleep, type Clock, type Timer } from 'service/clock';
import type { RandomBytes } from 'service/random';
import type { AuditLog } from '../audit/audit_log.js';
import type { Culprits } from '../evidence/culprits.js';
import { ServiceError, TransportError } from 'service/errors';
import { ProtocolAborted, SessionTimeout } from '../base/errors.js';
import type { JobResult, ProtocolRunner, RunningJob, SessionJob } from '../workers/jobs.js';
import type { PeerView, PresenceView } from '../cluster/presence.js';
import type { Seals } from '../mail/seals.js';
import { SessionMail, type Heard } from '../mail/session_mail.js';
import type { SessionRecord } from '../mail/session_record.js';
import { settingOf } from '../mail/session_setting.js';
import { nodeId } from '../base/utils.js';
import { Wakeup } from '../base/wakeup.js';

/** How long a reading is held back at most. */
const READ_MS = 25_000;
/** Whoever is waited for is looked at so often. */
const LOOK_MS = 1_000;
/** Pause after a call that failed; the client has tried several times by then. */
const PAUSE_MS = 500;

export interface TransportDeps {
  readonly client: BoardClient;
  readonly presence: PresenceView;
  readonly runner: ProtocolRunner;
  readonly seals: Seals;
  /** Told of everybody whose signed messages show that it has deviated. */
  readonly culprits: Pick<Culprits, 'accuse'>;
  /** Told of every abort. */
  readonly audit: Pick<AuditLog, 'note'>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly logger: Logger;
  readonly config: {
    /** Nodes in the cluster. */
    readonly n: number;
  };
}

export interface BoardSession<J extends SessionJob> {
  readonly namespace: 'messages' | 'presignature-messages';
  /** Under which the board keeps the session's messages. */
  readonly requestId: string;
  /** Party indices; the protocol index is the position. */
  readonly participants: readonly number[];
  /** Own party index, one of the participants. */
  readonly self: number;
  readonly job: J;
  /** `keyMaterialDigest` of the key, once there is one. */
  readonly keyMaterial: string | null;
  /** The session ends when those it waits for are silent for so long, milliseconds. */
  readonly silenceMs: number;
  /** It ends earlier when one of them has not been alive for so long, milliseconds; at once by default. */
  readonly goneAfterMs?: number;
  readonly signal: AbortSignal;
  /** Told the number of each round for which this node's own part is done. */
  readonly onRound?: (round: number) => void;
  /** Told, when it has ended well, what was said in it. */
  readonly onRecord?: (record: SessionRecord) => void;
}

/**
 * Runs one session of a protocol over the message board. It survives the board's absence and restart: what it has posted
 * is then posted again, which the board and the sessions recognise. What is not a message of its sender for this session is
 * ignored.
 *
 * @throws ProtocolAborted when a message proves wrong; its blame has party indices, and in a sealed cluster the culprits were
 *   told. In a plain one a contradiction blames nobody: anyone may have posted one of the two
 * @throws SessionTimeout when those it waits for are silent for too long, have died or were restarted
 * @throws TransportError or ServiceError when the board refuses; WorkerFailed; the signal's reason when it aborts
 */
export async function runOverBoard<J extends SessionJob>(deps: TransportDeps, session: BoardSession<J>): Promise<JobResult<J>> {
  session.signal.throwIfAborted();
  return new BoardRun(deps, session).result();
}

class BoardRun<J extends SessionJob> {
  readonly #job: RunningJob<JobResult<J>>;
  readonly #mail: SessionMail;
  /** Sealing takes a moment; the order is that of the protocol. */
  readonly #outbox: Promise<PostMessage>[] = [];
  #round = 0;
  #posted = 0;
  readonly #outboxNews: Wakeup;
  readonly #flushed: Wakeup;
  /** The id of the last message read. */
  #cursor: string | undefined;
  #waiting: { readonly round: string; readonly missing: readonly string[] } | null = null;
  #silence: Timer | undefined;
  #looking: Timer | undefined;
  readonly #incarnations = new Map<number, string>();
  readonly #ended = new AbortController();

  constructor(
    private readonly deps: TransportDeps,
    private readonly session: BoardSession<J>,
  ) {
    const { namespace, requestId, participants, self, job, keyMaterial } = session;
    const { seals, logger, presence, config, clock, random } = deps;
    const { incarnation } = presence;
    this.#outboxNews = new Wakeup(clock);
    this.#flushed = new Wakeup(clock);
    this.#mail = new SessionMail({ seals, logger, random, n: config.n, namespace, requestId, self, incarnation, setting: settingOf(job, participants, keyMaterial) });
    this.#lostPeers();
    this.#job = deps.runner.run(session.job, {
      onSend: ({ to, round, payload }) => {
        if (round !== this.#round) session.onRound?.(round);
        this.#round = round;
        const sealing = this.#mail.seal(to === 'all' ? '*' : nodeId(session.participants[to] ?? to), round, payload);
        // Whoever posts it hears of a failure.
        sealing.catch(() => undefined);
        this.#outbox.push(sealing);
        this.#outboxNews.notify();
      },
      onWaiting: (round, missing) => {
        this.#waitFor(round, missing);
      },
      onProgress: () => {
        this.#stopWaiting();
      },
    });
  }

  async result(): Promise<JobResult<J>> {
    const { signal } = this.session;
    const stopJob = (): void => {
      this.#job.abort(signal.reason);
    };
    const subscriptions = [
      this.deps.client.onRestart(() => {
        this.#startOver();
      }),
      this.deps.presence.onChange(() => {
        this.#checkPeers();
      }),
    ];
    signal.addEventListener('abort', stopJob);
    const loops = [this.#loop(() => this.#post()), this.#loop(() => this.#read())];
    try {
      const result = await this.#job.result;
      await this.#flush();
      this.session.onRecord?.(this.#mail.record);
      return result;
    } catch (error) {
      throw this.#translate(error);
    } finally {
      signal.removeEventListener('abort', stopJob);
      for (const unsubscribe of subscriptions) unsubscribe();
      this.#stopWaiting();
      this.#ended.abort();
      await Promise.all(loops);
    }
  }

  // ---- messages ----

  /** Repeats `step` until the session has ended; an unreachable board is tried on and on, its no ends the session. */
  async #loop(step: () => Promise<void>): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await step();
      } catch (error) {
        if (this.#ended.signal.aborted) return;
        if (!mayPass(error)) {
          this.#job.abort(error);
          return;
        }
        await sleep(this.deps.clock, PAUSE_MS, signal);
      }
    }
  }

  async #post(): Promise<void> {
    const { client } = this.deps;
    const { signal } = this.#ended;
    const sealing = this.#outbox[this.#posted];
    if (sealing === undefined) {
      this.#flushed.notify();
      await this.#outboxNews.sleep(READ_MS, signal);
      return;
    }
    const at = this.#posted;
    const message = await sealing;
    if (this.session.namespace === 'messages') await client.postMessage(message, signal);
    else await client.postPresignatureMessage(message, signal);
    // Unless the board was restarted meanwhile and everything is to be posted again.
    if (this.#posted === at) this.#posted = at + 1;
  }

  async #read(): Promise<void> {
    const { client } = this.deps;
    const { requestId, self, namespace } = this.session;
    const query = { after: this.#cursor, wait: READ_MS, signal: this.#ended.signal };
    const page = namespace === 'messages' ? await client.listMessages(requestId, nodeId(self), query) : await client.listPresignatureMessages(requestId, nodeId(self), query);
    for (const heard of await this.#mail.open(page)) this.#deliver(heard);
    this.#cursor = page.at(-1)?.id ?? this.#cursor;
  }

  #deliver({ party, broadcast, payload, anotherLife }: Heard): void {
    // It was restarted, or its messages of an earlier life are shown again: nothing that it says in two lives is a contradiction.
    if (anotherLife) this.#job.abort(new SessionTimeout(this.#waiting?.round ?? 'message', [nodeId(party)]));
    else this.#job.receive({ sender: this.session.participants.indexOf(party), broadcast, payload });
  }

  /** Our last messages may be what the others wait for. */
  async #flush(): Promise<void> {
    const { signal, silenceMs } = this.session;
    const { clock } = this.deps;
    const end = clock.monotonic() + silenceMs;
    while (this.#posted < this.#outbox.length && clock.monotonic() < end) {
      signal.throwIfAborted();
      await this.#flushed.sleep(end - clock.monotonic(), signal);
    }
  }

  #startOver(): void {
    this.#posted = 0;
    this.#cursor = undefined;
    this.#outboxNews.notify();
  }

  // ---- silence ----

  #waitFor(round: string, missing: readonly number[]): void {
    const ids = missing.map((position) => nodeId(this.session.participants[position] ?? position));
    if (this.#waiting?.round === round && this.#waiting.missing.join() === ids.join()) return;
    this.#stopWaiting();
    this.#waiting = { round, missing: ids };
    const { clock } = this.deps;
    this.#silence = clock.after(this.session.silenceMs, () => {
      this.#job.abort(new SessionTimeout(round, ids));
    });
    this.#looking = every(clock, LOOK_MS, () => {
      this.#checkPeers();
    });
    this.#checkPeers();
  }

  #stopWaiting(): void {
    this.#silence?.stop();
    this.#looking?.stop();
    this.#waiting = null;
  }

  /** There is no use in waiting for a node that is down, or that has forgotten this session. */
  #checkPeers(): void {
    const lost = this.#lostPeers();
    const missing = this.#waiting?.missing.filter((id) => lost.includes(id)) ?? [];
    if (this.#waiting !== null && missing.length > 0) this.#job.abort(new SessionTimeout(this.#waiting.round, missing));
  }

  /** Participants that were alive during this session and now are not, or are in another life. Rust nodes do not tell. */
  #lostPeers(): string[] {
    const { presence, seals } = this.deps;
    const { participants, goneAfterMs = 0 } = this.session;
    if (!seals.sealed) return [];
    const peers = presence.peers().filter(({ index }) => participants.includes(index));
    for (const { index, live, status } of peers) {
      if (live && status !== undefined && !this.#incarnations.has(index)) this.#incarnations.set(index, status.incarnation);
    }
    const isLost = ({ index, live, ageMs, status }: PeerView): boolean => {
      const incarnation = this.#incarnations.get(index);
      return incarnation !== undefined && ((!live && ageMs > goneAfterMs) || status?.incarnation !== incarnation);
    };
    return peers.filter(isLost).map((peer) => peer.nodeId);
  }

  #translate(error: unknown): unknown {
    if (!(error instanceof ProtocolAborted)) return error;
    const { code, round } = error;
    const { seals, culprits, audit } = this.deps;
    const blame = error.blame.map(({ party, reason }) => ({ party: this.session.participants[party] ?? party, reason }));
    // In a plain cluster anyone may have posted one of the two.
    const proven = seals.sealed || code !== 'contradicting_messages' ? blame : [];
    const { requestId: session, job } = this.session;
    audit.note({ event: 'aborted', fields: { protocol: job.kind, session, code, round, culprits: proven.map(({ party }) => nodeId(party)) } });
    if (seals.sealed && blame.length > 0) culprits.accuse({ code, round, blame, record: this.#mail.record });
    return new ProtocolAborted(code, round, proven);
  }
}

/** No answer, a board that closes, or one that is full just now. */
function mayPass(error: unknown): boolean {
  return error instanceof TransportError ? error.retryable : error instanceof ServiceError && (error.retryable || error.status === 429);
}
