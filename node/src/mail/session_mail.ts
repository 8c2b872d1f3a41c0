import type { Message, PostMessage } from 'message-board/contract';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import type { RandomBytes } from 'service/random';
import type { OpenedMessage, Seals, TravellingMessage } from './seals.js';
import type { SessionRecord } from './session_record.js';
import { settingDigest, type SessionSetting } from './session_setting.js';
import { nodeId, nodeIndex } from '../base/utils.js';

export interface SessionMailOptions {
  readonly seals: Seals;
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

/** What a participant has said; `anotherLife` of it than what it said before in this session. */
export interface Heard {
  /** Index in the cluster. */
  readonly party: number;
  readonly broadcast: boolean;
  readonly payload: string;
  readonly anotherLife: boolean;
}

/** Seals what this node says in one run of a protocol, opens what the others say, and keeps both as they travelled. */
export class SessionMail {
  /** Of this run alone: should an id ever be run twice in one life, the two runs contradict each other no more than two lives do. */
  readonly #incarnation: string;
  readonly #settingDigest: string;
  readonly #sent: TravellingMessage[] = [];
  /** What was accepted, by sender, recipient and content. */
  readonly #received = new Map<string, TravellingMessage>();
  readonly #incarnations = new Map<number, string>();
  /** Senders in whose name something was refused. */
  readonly #refused = new Set<string>();

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
    const sealed = await seals.seal({ namespace, session, incarnation: this.#incarnation, setting: this.#settingDigest, to, round }, plaintext);
    this.#sent.push(sealed);
    return { request_id: session, from_node: nodeId(self), to_node: to, round, payload: sealed.text };
  }

  /** What is not a message of another participant for this session is left out. */
  async open(messages: readonly Message[]): Promise<Heard[]> {
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

  #accept({ from_node: from, to_node: to }: Message, opened: OpenedMessage | Refused | null): Heard | null {
    const party = nodeIndex(from, this.options.n);
    if (party === null || opened === null) return null;
    if (opened instanceof Refused) {
      this.#logRefused(from, opened.message);
      return null;
    }
    const { incarnation, plaintext } = opened;
    const before = this.#incarnations.get(party) ?? incarnation;
    if (before !== null) this.#incarnations.set(party, before);
    const heard = { party, broadcast: to === '*', payload: plaintext, anotherLife: before !== incarnation };
    const key = JSON.stringify([from, to, plaintext]);
    if (!heard.anotherLife && !this.#received.has(key)) this.#received.set(key, opened);
    return heard;
  }

  /** Once for each sender: a forger must not fill the log. */
  #logRefused(from: string, reason: string): void {
    const { logger, requestId: session } = this.options;
    if (!this.#refused.has(from)) logger.warn({ event: 'envelope_refused', session, from, reason }, 'A message was refused and ignored');
    this.#refused.add(from);
  }
}
