import type { BoardClient } from 'message-board/client';
import type { Logger } from 'pino';
import { sleep, type Clock } from 'service/clock';
import { ServiceError, TransportError } from 'service/errors';
import type { RandomBytes } from 'service/random';
import type { AuditLog } from '../audit/audit_log.js';
import { ProtocolAborted, SessionTimeout } from '../base/errors.js';
import { nodeId } from '../base/utils.js';
import type { Accuser } from '../evidence/accuser.js';
import type { Seals } from '../mail/seals.js';
import { SessionMail, type ParticipantMessage } from '../mail/session_mail.js';
import type { SessionRecord } from '../mail/session_record.js';
import { settingOf } from '../mail/session_setting.js';
import type { JobResult, ProtocolRunner, RunningJob, SessionJob } from '../workers/jobs.js';
import { Outbox } from './outbox.js';
import { PeerWatch, type PeerSource } from './peer_watch.js';

/** The longest time for which the board may hold back an empty answer. */
const READ_MS = 25_000;
/** Pause after a call that failed. The client has tried several times by then. */
const PAUSE_MS = 500;

export interface TransportDeps {
  readonly client: Pick<BoardClient, 'postMessage' | 'postPresignatureMessage' | 'listMessages' | 'listPresignatureMessages' | 'onRestart'>;
  readonly runner: ProtocolRunner;
  readonly seals: Pick<Seals, 'seal' | 'open'>;
  readonly peers: PeerSource;
  /** Told of everybody whose messages show that it has deviated from the protocol. */
  readonly accuser: Accuser;
  /** Told of every abort. */
  readonly audit: Pick<AuditLog, 'note'>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly logger: Logger;
  /** Of this life of the node. */
  readonly incarnation: string;
  /** Nodes in the cluster. */
  readonly n: number;
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
  /** The session ends when those it waits for are silent for this long, milliseconds. */
  readonly silenceMs: number;
  /** It ends earlier when one of them has not been alive for this long, milliseconds; at once by default. */
  readonly goneAfterMs?: number;
  readonly signal: AbortSignal;
  /** Asked before a message leaves, each time. @throws the reason why none may leave any more: the session ends with it */
  readonly mayPost?: () => void;
  /** Told the number of each round for which this node's own part is done. */
  readonly onRound?: (round: number) => void;
  /** Told whose messages it waits for, party indices, whenever that changes; nobody's while it computes. */
  readonly onOwed?: (parties: readonly number[]) => void;
  /** Told, when the session has ended well, what was said in it. */
  readonly onRecord?: (record: SessionRecord) => void;
}

/**
 * Runs one session of a protocol over the message board. It survives the board's absence and restart: it posts its messages again, which
 * the board and the other sessions recognise. What is not a message of its sender for this session is ignored.
 *
 * @throws ProtocolAborted when a message proves wrong, after the accuser was told. Its blame has party indices, of those parties alone
 *   against whom it stands
 * @throws SessionTimeout when peers that it waits for are silent for too long, have died or were restarted
 * @throws TransportError or ServiceError when the board rejects a message; WorkerFailed; the signal's reason when it aborts
 */
export async function runOverBoard<J extends SessionJob>(deps: TransportDeps, session: BoardSession<J>): Promise<JobResult<J>> {
  session.signal.throwIfAborted();
  return new BoardRun(deps, session).result();
}

class BoardRun<J extends SessionJob> {
  readonly #job: RunningJob<JobResult<J>>;
  readonly #mail: SessionMail;
  readonly #outbox: Outbox;
  readonly #watch: PeerWatch;
  /** The round of the message that was sent last. */
  #round = 0;
  #owing: readonly number[] = [];
  /** The id of the last message that was read. */
  #cursor: string | undefined;
  readonly #ended = new AbortController();

  constructor(
    private readonly deps: TransportDeps,
    private readonly session: BoardSession<J>,
  ) {
    const { client, clock, random, logger, peers, seals, incarnation, n } = deps;
    const { namespace, requestId, participants, self, job, keyMaterial, silenceMs, goneAfterMs = 0 } = session;
    const setting = settingOf(job, participants, keyMaterial);
    this.#mail = new SessionMail({ seals, random, logger, n, namespace, requestId, self, incarnation, setting });
    this.#outbox = new Outbox(clock, (message, signal) => {
      session.mayPost?.();
      return namespace === 'messages' ? client.postMessage(message, signal) : client.postPresignatureMessage(message, signal);
    });
    const onLoss = (error: SessionTimeout): void => {
      this.#job.abort(error);
    };
    this.#watch = new PeerWatch({ clock, peers, participants, silenceMs, goneAfterMs, onLoss });
    this.#job = deps.runner.run(job, {
      onSend: ({ to, round, payload }) => {
        if (round !== this.#round) session.onRound?.(round);
        this.#round = round;
        this.#outbox.add(this.#mail.seal(to === 'all' ? '*' : nodeId(participants[to] ?? to), round, payload));
      },
      onWaiting: (round, missing) => {
        this.#watch.waitFor(round, missing);
        this.#setOwing(missing.map((position) => participants[position] ?? position));
      },
      onProgress: () => {
        this.#watch.stop();
        this.#setOwing([]);
      },
    });
  }

  async result(): Promise<JobResult<J>> {
    const { deps, session } = this;
    const { signal } = session;
    const stopJob = (): void => {
      this.#job.abort(signal.reason);
    };
    const subscriptions = [
      deps.client.onRestart(() => {
        this.#startOver();
      }),
      deps.peers.onChange(() => {
        this.#watch.check();
      }),
    ];
    signal.addEventListener('abort', stopJob);
    const loops = [this.#repeat((ended) => this.#outbox.postNext(ended)), this.#repeat((ended) => this.#read(ended))];
    try {
      const result = await this.#job.result;
      // These messages may be what the others wait for.
      await this.#outbox.flush(session.silenceMs, signal);
      session.onRecord?.(this.#mail.record);
      return result;
    } catch (error) {
      throw this.#translate(error);
    } finally {
      signal.removeEventListener('abort', stopJob);
      for (const unsubscribe of subscriptions) unsubscribe();
      this.#watch.stop();
      this.#ended.abort();
      await Promise.all(loops);
    }
  }

  /** Repeats `action` until the session has ended. A board that does not answer is asked again. One that rejects a message ends it. */
  async #repeat(action: (ended: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await action(signal);
      } catch (error) {
        if (this.#ended.signal.aborted) return;
        if (!isTemporary(error)) {
          this.#job.abort(error);
          return;
        }
        await sleep(this.deps.clock, PAUSE_MS, signal);
      }
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { client } = this.deps;
    const { requestId, self, namespace } = this.session;
    const query = { after: this.#cursor, wait: READ_MS, signal };
    const page = namespace === 'messages'
      ? await client.listMessages(requestId, nodeId(self), query)
      : await client.listPresignatureMessages(requestId, nodeId(self), query);
    for (const message of await this.#mail.open(page)) this.#deliver(message);
    this.#cursor = page.at(-1)?.id ?? this.#cursor;
  }

  #deliver({ party, broadcast, payload, isOfAnotherLife }: ParticipantMessage): void {
    // It was restarted, or its messages of an earlier life are shown again. What it says in two lives is no contradiction.
    if (isOfAnotherLife) this.#job.abort(new SessionTimeout(this.#watch.round ?? 'message', [nodeId(party)]));
    else this.#job.receive({ sender: this.session.participants.indexOf(party), broadcast, payload });
    // If it owes another one, the session says so again.
    this.#setOwing(this.#owing.filter((other) => other !== party));
  }

  #setOwing(parties: readonly number[]): void {
    this.#owing = parties;
    this.session.onOwed?.(parties);
  }

  /** The board was restarted: it has forgotten all messages. */
  #startOver(): void {
    this.#cursor = undefined;
    this.#outbox.startOver();
  }

  #translate(error: unknown): unknown {
    if (!(error instanceof ProtocolAborted)) return error;
    const { code, round } = error;
    const { accuser, audit } = this.deps;
    const { requestId, job, participants } = this.session;
    const blame = error.blame.map(({ party, reason }) => ({ party: participants[party] ?? party, reason }));
    const proven = blame.length === 0 ? [] : accuser.accuse({ code, round, blame, record: this.#mail.record });
    const culprits = proven.map(({ party }) => nodeId(party));
    audit.note({ event: 'aborted', fields: { protocol: job.kind, session: requestId, code, round, culprits } });
    return new ProtocolAborted(code, round, proven);
  }
}

/** No answer, a board that closes, or one that is full just now. */
function isTemporary(error: unknown): boolean {
  return error instanceof TransportError ? error.retryable : error instanceof ServiceError && (error.retryable || error.status === 429);
}
