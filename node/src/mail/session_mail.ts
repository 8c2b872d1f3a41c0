import type { Message, PostMessage } from 'message-board/contract';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import type { RandomBytes } from 'service/random';
import { nodeId, nodeIndex } from '../base/utils.js';
import type { OpenedMessage, Seals, TravellingMessage } from './seals.js';
import type { SessionRecord } from './session_record.js';
import { settingDigest, type SessionSetting } from './session_setting.js';

export interface SessionMailOptions {
  readonly seals: Pick<Seals, 'seal' | 'open'>;
  readonly random: RandomBytes;
  readonly logger: Logger;
  /** Nodes in the cluster. */
  readonly n: number;
  readonly namespace: 'messages' | 'presignature-messages';
  /** The board's id of the session. */
  readonly requestId: string;
  /** Own party index. */
  readonly self: number;
  /** Of this life of the node. */
  readonly incarnation: string;
  readonly setting: SessionSetting;
}

/** A message of a participant. */
export interface ParticipantMessage {
  /** Index in the cluster. */
  readonly party: number;
  readonly broadcast: boolean;
  readonly payload: string;
  /** Is it of another life than the participant's first message in this session? */
  readonly isOfAnotherLife: boolean;
}

/** Seals this node's messages in one run of a protocol, opens the others', and keeps both as they travelled. */
export class SessionMail {
  /** Of this run alone. If one life ever runs an id twice, the two runs count as two lives: they do not contradict each other. */
  readonly #incarnation: string;
  readonly #settingDigest: string;
  readonly #sent: TravellingMessage[] = [];
  /** Accepted messages, by sender, recipient and content. */
  readonly #received = new Map<string, TravellingMessage>();
  readonly #incarnations = new Map<number, string>();
  /** Senders of whom a message was rejected. */
  readonly #rejected = new Set<string>();

  constructor(private readonly options: SessionMailOptions) {
    this.#incarnation = `${options.incarnation}.${options.random(8).toString('hex')}`;
    this.#settingDigest = settingDigest(options.setting);
  }

  get record(): SessionRecord {
    const { requestId, setting } = this.options;
    return { kind: 'session', requestId, setting, received: [...this.#received.values()], sent: [...this.#sent] };
  }

  /** @param to a node, or `*` @returns what is to be posted, again and again if need be */
  async seal(to: string, round: number, plaintext: string): Promise<PostMessage> {
    const { seals, namespace, requestId: session, self } = this.options;
    const place = { namespace, session, incarnation: this.#incarnation, setting: this.#settingDigest, to, round };
    const sealed = await seals.seal(place, plaintext);
    this.#sent.push(sealed);
    return { request_id: session, from_node: nodeId(self), to_node: to, round, payload: sealed.text };
  }

  /** Opens messages of the board. What is not a message of another participant for this session is left out. */
  async open(messages: readonly Message[]): Promise<ParticipantMessage[]> {
    const opened = await Promise.all(messages.map((message) => this.#open(message)));
    return messages.flatMap((message, k) => this.#accept(message, opened[k] ?? null) ?? []);
  }

  async #open({ from_node: from, to_node: to, round, payload }: Message): Promise<OpenedMessage | Refused | null> {
    const { seals, n, self, setting, namespace, requestId: session } = this.options;
    const party = nodeIndex(from, n);
    if (party === null || party === self || !setting.participants.includes(party)) return null;
    try {
      return await seals.open({ namespace, session, setting: this.#settingDigest, from, to, round }, payload);
    } catch (error) {
      if (error instanceof Refused) return error;
      throw error;
    }
  }

  #accept({ from_node: from, to_node: to }: Message, opened: OpenedMessage | Refused | null): ParticipantMessage | null {
    const party = nodeIndex(from, this.options.n);
    if (party === null || opened === null) return null;
    if (opened instanceof Refused) {
      this.#logRejected(from, opened.message);
      return null;
    }
    const { incarnation, plaintext: payload } = opened;
    const before = this.#incarnations.get(party) ?? incarnation;
    if (before !== null) this.#incarnations.set(party, before);
    const isOfAnotherLife = before !== incarnation;
    const key = JSON.stringify([from, to, payload]);
    if (!isOfAnotherLife && !this.#received.has(key)) this.#received.set(key, opened);
    return { party, broadcast: to === '*', payload, isOfAnotherLife };
  }

  /** Once for each sender: a forger must not fill the log. */
  #logRejected(from: string, reason: string): void {
    const { logger, requestId: session } = this.options;
    if (!this.#rejected.has(from)) logger.warn({ event: 'envelope_refused', session, from, reason }, 'A message was rejected and ignored');
    this.#rejected.add(from);
  }
}
