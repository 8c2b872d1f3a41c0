import { digestAll, type Encoding } from '../hash/encoding.js';
import { equalBytes } from '../math/integer.js';
import { failedCheckOf } from '../base/errors.js';
import type { AbortCode } from '../aborts.js';
import type { Blame } from '../runtime/abort.js';
import { contradiction, readMessage } from '../runtime/message.js';
import type { AnyRound, Recipient, Round } from '../runtime/protocol.js';
import { reliabilityCheckRound } from '../runtime/reliable_broadcast.js';
import type { SignedMessage } from './case.js';

/** One party that has provably deviated, and the check that shows it. */
export interface Verdict extends Blame {
  readonly code: AbortCode;
  /** Name of the message on the wire, or `any`. */
  readonly round: string;
}

/** What one party has sent in one round to one recipient or to all. */
interface Slot {
  readonly round: AnyRound;
  readonly sender: number;
  readonly recipient: Recipient;
  readonly payload: string;
  readonly body: unknown;
}

/** The messages of a run as a judge reads them, and the verdicts over their senders: the first one over each. */
export class Transcript {
  readonly #slots = new Map<string, Slot>();
  readonly #verdicts = new Map<number, Verdict>();
  readonly everyone: readonly number[];

  constructor(rounds: readonly AnyRound[], parties: number, messages: readonly SignedMessage[]) {
    this.everyone = Array.from({ length: parties }, (_, j) => j);
    for (const message of messages) this.#take(rounds, message);
  }

  #take(rounds: readonly AnyRound[], { sender, recipient, payload }: SignedMessage): void {
    const read = readMessage(rounds, { sender, broadcast: recipient === 'all', payload });
    if ('violation' in read) {
      this.#convict(sender, read.violation);
      return;
    }
    const { round } = read;
    const key = slotKey(round, sender, recipient);
    const earlier = this.#slots.get(key);
    if (earlier?.payload === payload) return;
    if (earlier !== undefined) {
      this.#convict(sender, contradiction(round.variant));
      return;
    }
    const body = read.decode();
    if ('violation' in body) this.#convict(sender, body.violation);
    else this.#slots.set(key, { round, sender, recipient, payload, body: body.value });
  }

  #convict(party: number, violation: Omit<Verdict, 'party'>): void {
    if (!this.#verdicts.has(party)) this.#verdicts.set(party, { party, ...violation });
  }

  /** In the order of the parties. */
  get verdicts(): Verdict[] {
    return [...this.#verdicts.values()].sort((a, b) => a.party - b.party);
  }

  /** The broadcast of a party in a round: the first one when there are two, undefined when there is none. */
  of<Body>(round: Round<Body>, sender: number): Body | undefined {
    // The body was parsed by this round's codec.
    return this.#slots.get(slotKey(round, sender, 'all'))?.body as Body | undefined;
  }

  /** All parties' broadcasts of a round, in index order; undefined when one is missing. */
  ofAll<Body>(round: Round<Body>): Body[] | undefined {
    const bodies = this.everyone.map((j) => this.of(round, j));
    return bodies.every((body) => body !== undefined) ? bodies : undefined;
  }

  /** What was sent point to point in a round. */
  *sent<Body>(round: Round<Body>): Generator<{ readonly sender: number; readonly recipient: number; readonly body: Body }> {
    for (const slot of this.#slots.values()) {
      const { sender, recipient, body } = slot;
      if (slot.round.variant === round.variant && recipient !== 'all') yield { sender, recipient, body: body as Body };
    }
  }

  /**
   * Has a party signed that it received these first messages? Then everything that it sends after the echo round is made from
   * them: an honest party goes on only when all echoes equal its own.
   *
   * @param echoes one tagged encoding of each party's first message
   */
  hasEchoed(party: number, echoes: readonly Encoding[]): boolean {
    const heard = this.of(reliabilityCheckRound, party);
    return heard !== undefined && equalBytes(heard, digestAll(echoes));
  }

  /** Convicts the party unless `verify` passes; a convicted party is not checked again. @returns whether the check was made and passed */
  require(party: number, code: AbortCode, round: AnyRound, verify: () => void): boolean {
    if (this.#verdicts.has(party)) return false;
    const reason = failedCheckOf(verify);
    if (reason !== null) this.#convict(party, { code, round: round.variant, reason });
    return reason === null;
  }
}

function slotKey({ variant }: AnyRound, sender: number, recipient: Recipient): string {
  return `${variant} ${sender} ${recipient}`;
}
