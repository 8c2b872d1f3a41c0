import { z } from 'zod';
import { InvalidProof, ProtocolAborted, ProtocolBug, type AbortCode } from './errors.js';
import { firstIssue } from '../wire/parse.js';
import { peersOf, PerPeer, type AnyRound, type Effect, type Protocol, type Recipient } from './protocol.js';

/** Longest accepted payload, in UTF-16 code units; the longest honest one is an aux info message of 215,000. */
export const MAX_PAYLOAD_LENGTH = 1 << 20;

export interface IncomingMessage {
  /** Who sent it, according to the transport: never according to the message. */
  readonly sender: number;
  /** Was it sent to everybody? */
  readonly broadcast: boolean;
  /** JSON text of the crate's message enum. */
  readonly payload: string;
}

export interface OutgoingMessage {
  readonly to: Recipient;
  /** Informational number of the round, from 1. */
  readonly round: number;
  readonly payload: string;
}

/** What the driver has to do next. */
export type Step<Output> =
  | { readonly kind: 'send'; readonly message: OutgoingMessage }
  | { readonly kind: 'waiting'; readonly round: string; readonly missing: readonly number[] }
  | { readonly kind: 'paused'; readonly progress: string }
  | { readonly kind: 'done'; readonly output: Output };

export interface SessionSetup<Output> {
  readonly protocol: Protocol<Output>;
  /** Every round of the protocol; a message of any other is a violation. */
  readonly rounds: readonly AnyRound[];
  /** One's own index among the parties. */
  readonly index: number;
  readonly parties: number;
}

/** The messages of one round. */
interface Inbox {
  readonly round: AnyRound;
  readonly bodies: Map<number, unknown>;
  readonly payloads: Map<number, string>;
}

type State<Output> =
  | { readonly kind: 'resume'; readonly value: unknown }
  | { readonly kind: 'receiving'; readonly inbox: Inbox }
  | { readonly kind: 'done'; readonly output: Output }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * One run of a protocol by one party: give it what arrives, do what it says. Synchronous, with no clock and no
 * network. It fails closed: after an error every call throws that error, and nothing of the run can be used.
 */
export class Session<Output> {
  readonly #protocol: Protocol<Output>;
  readonly #inboxes: ReadonlyMap<string, Inbox>;
  readonly #peers: readonly number[];
  readonly #index: number;
  readonly #sent = new Set<string>();
  #state: State<Output> = { kind: 'resume', value: undefined };

  constructor({ protocol, rounds, index, parties }: SessionSetup<Output>) {
    this.#protocol = protocol;
    this.#index = index;
    this.#peers = peersOf(index, parties);
    this.#inboxes = new Map(rounds.map((round) => [round.variant, { round, bodies: new Map(), payloads: new Map() }]));
  }

  /**
   * Takes a message in, in any order, also of a later round. The same message again changes nothing.
   * @throws ProtocolAborted when it is malformed or contradicts an earlier one
   */
  receive(message: IncomingMessage): void {
    if (this.#state.kind === 'done') return;
    this.#attempt(() => {
      this.#accept(message);
    });
  }

  /**
   * Runs until there is something for the driver to do. Call it again after `send` and `paused`; after `waiting`,
   * once a message has arrived.
   * @throws ProtocolAborted when a peer misbehaved
   */
  proceed(): Step<Output> {
    if (this.#state.kind === 'done') return this.#state;
    return this.#attempt(() => this.#advance());
  }

  #attempt<T>(action: () => T): T {
    if (this.#state.kind === 'failed') throw this.#state.error;
    try {
      return action();
    } catch (caught) {
      const error = caught instanceof InvalidProof ? new ProtocolBug('an InvalidProof escaped its protocol', { cause: caught }) : caught;
      this.#state = { kind: 'failed', error };
      throw error;
    }
  }

  #advance(): Step<Output> {
    for (;;) {
      const state = this.#state;
      if (state.kind === 'failed') throw state.error;
      if (state.kind === 'done') return state;
      if (state.kind === 'receiving') {
        const { round, bodies } = state.inbox;
        const missing = this.#peers.filter((j) => !bodies.has(j));
        if (missing.length > 0) return { kind: 'waiting', round: round.variant, missing };
        this.#state = { kind: 'resume', value: new PerPeer(bodies) };
        continue;
      }
      const next = this.#protocol.next(state.value);
      if (next.done === true) {
        this.#state = { kind: 'done', output: next.value };
        continue;
      }
      const step = this.#perform(next.value);
      if (step !== null) return step;
    }
  }

  #perform(effect: Effect): Step<Output> | null {
    switch (effect.kind) {
      case 'receive':
        this.#state = { kind: 'receiving', inbox: this.#inbox(effect.round.variant) };
        return null;
      case 'pause':
        this.#state = { kind: 'resume', value: undefined };
        return { kind: 'paused', progress: effect.progress };
      case 'send': {
        this.#state = { kind: 'resume', value: undefined };
        const { to, round } = effect;
        const payload = JSON.stringify({ [round.variant]: z.encode(round.body, effect.body) });
        this.#sent.add(payload);
        return { kind: 'send', message: { to, round: round.number, payload } };
      }
    }
  }

  #inbox(variant: string): Inbox {
    const inbox = this.#inboxes.get(variant);
    if (inbox === undefined) throw new ProtocolBug(`round ${variant} is not declared`);
    return inbox;
  }

  #accept({ sender, broadcast, payload }: IncomingMessage): void {
    if (sender === this.#index) {
      // A board shows us our own broadcasts; anything else under our name is a forgery by we know not whom.
      if (this.#sent.has(payload)) return;
      throw new ProtocolAborted('reflected_message', 'any', [], 'a message under our own name that we did not send');
    }
    if (!this.#peers.includes(sender)) throw new ProtocolAborted('unknown_sender', 'any', [], `there is no party ${sender}`);
    const violation = (code: AbortCode, round: string, reason: string): ProtocolAborted =>
      new ProtocolAborted(code, round, [{ party: sender, reason }]);
    if (payload.length > MAX_PAYLOAD_LENGTH) throw violation('oversized_message', 'any', `${payload.length} characters`);

    const envelope = parseEnvelope(payload);
    if (envelope === null) throw violation('malformed_message', 'any', 'not a JSON object with one key');
    const inbox = this.#inboxes.get(envelope.variant);
    if (inbox === undefined) throw violation('unknown_round', 'any', 'no such message in this protocol');
    const { round } = inbox;
    if (broadcast !== (round.delivery === 'broadcast')) throw violation('wrong_delivery', round.variant, `must be sent ${round.delivery}`);

    const earlier = inbox.payloads.get(sender);
    if (earlier === payload) return;
    if (earlier !== undefined) throw violation('contradicting_messages', round.variant, 'two different messages');
    const body = z.safeDecode(round.body, envelope.body);
    if (!body.success) throw violation('malformed_message', round.variant, firstIssue(body.error));
    inbox.payloads.set(sender, payload);
    inbox.bodies.set(sender, body.data);
  }
}

/** `{"Variant": body}` with exactly one key, or null. */
function parseEnvelope(payload: string): { variant: string; body: unknown } | null {
  let json: unknown;
  try {
    json = JSON.parse(payload);
  } catch {
    return null;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return null;
  const [entry, ...others] = Object.entries(json);
  return entry === undefined || others.length > 0 ? null : { variant: entry[0], body: entry[1] as unknown };
}
