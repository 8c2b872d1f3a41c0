import { z } from 'zod';
import { checkArgument, fields, Flag, Text } from '../base/arguments.js';
import { at } from '../base/at.js';
import { InvalidArgument, InvalidProof, ProtocolBug } from '../base/errors.js';
import { ProtocolAborted, type MessageAbortCode } from './abort.js';
import { settleBatches, type Batch } from './batch.js';
import { contradiction, readMessage, type IncomingMessage, type Violation } from './message.js';
import { peersOf, PerPeer, type AnyRound, type Effect, type Protocol, type Recipient } from './protocol.js';

const AnyNumber = z.custom((value) => typeof value === 'number', 'must be a number');
export const IncomingMessageShape = fields({ sender: AnyNumber, broadcast: Flag, payload: Text });

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
  /** There are claims to settle. The next `proceed` settles them alone, unless `settleTogether` does it before with other sessions'. */
  | { readonly kind: 'settling' }
  | { readonly kind: 'done'; readonly output: Output };

export interface SessionSetup<Output> {
  readonly protocol: Protocol<Output>;
  /** Every round of the protocol; a message of any other is a violation. */
  readonly rounds: readonly AnyRound[];
  /** This party's index. */
  readonly index: number;
  readonly parties: number;
}

/** The messages of one round. */
interface Inbox {
  readonly bodies: Map<number, unknown>;
  readonly payloads: Map<number, string>;
}

type State<Output> =
  | { readonly kind: 'resume'; readonly value: unknown }
  | { readonly kind: 'receiving'; readonly round: AnyRound }
  | { readonly kind: 'settling'; readonly batch: Batch }
  | { readonly kind: 'done'; readonly output: Output }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Stands in for a protocol that has ended: nobody asks it for anything. */
const OVER = {
  next: (): never => {
    throw new ProtocolBug('the protocol is over');
  },
};

/**
 * Turns the stack of an error and of its causes into text. V8 does so when it is first read. Until then the error holds the
 * functions on the stack, and they hold the secrets that they compute with.
 */
function flatten(error: unknown): void {
  for (let each = error; each instanceof Error; each = each.cause) String(each.stack);
}

/**
 * One run of a protocol by one party: give it what arrives, do what it says. Synchronous, with no clock and no
 * network. It fails closed: after an error every call throws that error, and nothing of the run can be used. A session that is
 * done, has failed or is closed holds neither secrets of the run nor its messages.
 */
export class Session<Output> {
  #protocol: Pick<Protocol<Output>, 'next'>;
  readonly #rounds: readonly AnyRound[];
  readonly #inboxes: ReadonlyMap<string, Inbox>;
  readonly #peers: readonly number[];
  readonly #index: number;
  readonly #sent = new Set<string>();
  #state: State<Output> = { kind: 'resume', value: undefined };

  constructor({ protocol, rounds, index, parties }: SessionSetup<Output>) {
    this.#protocol = protocol;
    this.#rounds = rounds;
    this.#index = index;
    this.#peers = peersOf(index, parties);
    this.#inboxes = new Map(rounds.map(({ variant }) => [variant, { bodies: new Map(), payloads: new Map() }]));
  }

  /**
   * Takes a message in, in any order, also of a later round. The same message again changes nothing.
   * @throws ProtocolAborted when it is malformed or contradicts an earlier one
   * @throws InvalidArgument when the driver has made a mistake; the session goes on as if it had not been called
   */
  receive(message: IncomingMessage): void {
    checkArgument('message', IncomingMessageShape, message);
    if (this.#state.kind === 'done') return;
    this.#attempt(() => {
      this.#accept(message);
    });
  }

  /**
   * Runs until there is something for the driver to do. Call it again after `send`, `paused` and `settling`; after
   * `waiting`, once a message has arrived.
   * @throws ProtocolAborted when a peer misbehaved
   */
  proceed(): Step<Output> {
    if (this.#state.kind === 'done') return this.#state;
    return this.#attempt(() => this.#advance());
  }

  /** Settles the claims of the sessions that say `settling`. The others stay as they are. */
  static settleTogether(sessions: readonly Session<unknown>[]): void {
    const settling = sessions.flatMap((session) => (session.#state.kind === 'settling' ? [{ session, batch: session.#state.batch }] : []));
    const failed = settleBatches(settling.map(({ batch }) => batch));
    for (const [k, { session }] of settling.entries()) session.#state = { kind: 'resume', value: at(failed, k) };
  }

  /** Ends a run that nobody needs any more. A session that is done or has failed stays as it is; any other one has failed then. */
  close(): void {
    if (this.#state.kind === 'done' || this.#state.kind === 'failed') return;
    this.#fail(new InvalidArgument('session', 'was closed'));
  }

  #fail(error: unknown): void {
    flatten(error);
    this.#state = { kind: 'failed', error };
    this.#release();
  }

  /** Lets go of what the protocol has computed, and of its messages: those of key generation carry shares. */
  #release(): void {
    this.#protocol = OVER;
    this.#sent.clear();
    for (const { bodies, payloads } of this.#inboxes.values()) {
      bodies.clear();
      payloads.clear();
    }
  }

  #attempt<T>(action: () => T): T {
    if (this.#state.kind === 'failed') throw this.#state.error;
    try {
      return action();
    } catch (caught) {
      const error = caught instanceof InvalidProof ? new ProtocolBug('an InvalidProof escaped its protocol', { cause: caught }) : caught;
      this.#fail(error);
      throw error;
    }
  }

  #advance(): Step<Output> {
    for (;;) {
      const state = this.#state;
      if (state.kind === 'failed') throw state.error;
      if (state.kind === 'done') return state;
      if (state.kind === 'settling') {
        Session.settleTogether([this]);
        continue;
      }
      if (state.kind === 'receiving') {
        const { variant, senders } = state.round;
        const { bodies } = this.#inbox(variant);
        const missing = this.#peers.filter((j) => senders?.includes(j) !== false && !bodies.has(j));
        if (missing.length > 0) return { kind: 'waiting', round: variant, missing };
        this.#state = { kind: 'resume', value: new PerPeer(bodies) };
        continue;
      }
      const next = this.#protocol.next(state.value);
      if (next.done === true) {
        this.#state = { kind: 'done', output: next.value };
        this.#release();
        continue;
      }
      const step = this.#perform(next.value);
      if (step !== null) return step;
    }
  }

  #perform(effect: Effect): Step<Output> | null {
    switch (effect.kind) {
      case 'receive':
        this.#state = { kind: 'receiving', round: effect.round };
        return null;
      case 'pause':
        this.#state = { kind: 'resume', value: undefined };
        return { kind: 'paused', progress: effect.progress };
      case 'settle':
        this.#state = { kind: 'settling', batch: effect.batch };
        return { kind: 'settling' };
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

  #accept(message: IncomingMessage): void {
    const { sender, payload } = message;
    if (sender === this.#index) {
      // A board shows us our own broadcasts. Anything else under our name is a forgery, and we cannot know whose.
      if (this.#sent.has(payload)) return;
      throw new ProtocolAborted<MessageAbortCode>('reflected_message', 'any', [], 'a message under our own name that we did not send');
    }
    if (!this.#peers.includes(sender)) {
      throw new ProtocolAborted<MessageAbortCode>('unknown_sender', 'any', [], `there is no party ${sender}`);
    }
    const refuse = ({ code, round, reason }: Violation): never => {
      throw new ProtocolAborted<MessageAbortCode>(code, round, [{ party: sender, reason }]);
    };
    const read = readMessage(this.#rounds, message);
    if ('violation' in read) return refuse(read.violation);
    const { variant } = read.round;
    const { bodies, payloads } = this.#inbox(variant);
    const earlier = payloads.get(sender);
    if (earlier === payload) return;
    if (earlier !== undefined) refuse(contradiction(variant));
    const body = read.decode();
    if ('violation' in body) return refuse(body.violation);
    payloads.set(sender, payload);
    bodies.set(sender, body.value);
  }
}
