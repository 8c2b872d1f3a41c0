import type { OutgoingMessage, Session } from '../runtime/session.js';
import { settleTogether } from '../sessions.js';
import { ProtocolAborted } from '../aborts.js';
import { fromBytes } from '../math/integer.js';
import type { Rng } from '../math/random.js';

/** A message in flight. */
export interface Delivery {
  readonly from: number;
  readonly to: number;
  readonly broadcast: boolean;
  readonly payload: string;
}

/** How one party's run ended. */
export type Outcome<T> =
  | { readonly kind: 'done'; readonly output: T }
  | { readonly kind: 'aborted'; readonly error: unknown }
  | { readonly kind: 'waiting'; readonly round: string; readonly missing: readonly number[] };

export interface SimulateOptions {
  /** Draws the order of delivery. By default messages arrive in the order of sending. */
  readonly shuffle?: Rng;
  /** The attacker: what arrives in place of each message, be it nothing, one message or several. */
  readonly tamper?: (delivery: Delivery) => readonly Delivery[];
}

/** All parties of one run, and the messages between them. Messages pass as JSON text, as on a network. */
class Run<T> {
  readonly #queue: Delivery[] = [];
  readonly #aborted = new Map<number, unknown>();
  readonly #settling = new Set<number>();
  readonly #options: SimulateOptions;

  /** @param settleAtOnce settle each session's claims at once; `settleTogether` does it otherwise */
  constructor(
    readonly sessions: readonly Session<T>[],
    options: SimulateOptions,
    private readonly settleAtOnce: boolean,
  ) {
    this.#options = options;
  }

  #post(from: number, { to, payload }: OutgoingMessage): void {
    const tamper = this.#options.tamper ?? ((delivery: Delivery) => [delivery]);
    const recipients = to === 'all' ? this.sessions.map((_, j) => j).filter((j) => j !== from) : [to];
    for (const recipient of recipients) this.#queue.push(...tamper({ from, to: recipient, broadcast: to === 'all', payload }));
  }

  #guarded(party: number, action: () => void): void {
    if (this.#aborted.has(party)) return;
    try {
      action();
    } catch (error) {
      this.#aborted.set(party, error);
    }
  }

  #proceed(party: number, session: Session<T>): void {
    if (this.#settling.has(party)) return;
    this.#guarded(party, () => {
      for (;;) {
        const step = session.proceed();
        if (step.kind === 'send') this.#post(party, step.message);
        if (step.kind === 'settling' && !this.settleAtOnce) this.#settling.add(party);
        if (step.kind === 'waiting' || step.kind === 'done' || this.#settling.has(party)) return;
      }
    });
  }

  #take(): Delivery | undefined {
    const { shuffle } = this.#options;
    const at = shuffle === undefined || this.#queue.length === 0 ? 0 : Number(fromBytes(shuffle(4)) % BigInt(this.#queue.length));
    return this.#queue.splice(at, 1)[0];
  }

  /** All parties go on until no message is in flight. */
  advance(): void {
    for (const [party, session] of this.sessions.entries()) this.#proceed(party, session);
    for (let delivery = this.#take(); delivery !== undefined; delivery = this.#take()) {
      const { from, to, broadcast, payload } = delivery;
      const session = this.sessions[to];
      if (session === undefined) continue;
      this.#guarded(to, () => {
        session.receive({ sender: from, broadcast, payload });
      });
      this.#proceed(to, session);
    }
  }

  /** The parties that have claims to settle. It counts them as settled from now on. */
  takeSettling(): number[] {
    const parties = [...this.#settling];
    this.#settling.clear();
    return parties;
  }

  outcomes(): Outcome<T>[] {
    return this.sessions.map((session, party): Outcome<T> => {
      if (this.#aborted.has(party)) return { kind: 'aborted', error: this.#aborted.get(party) };
      const step = session.proceed();
      return step.kind === 'done' || step.kind === 'waiting' ? step : { kind: 'aborted', error: new Error(`stopped at ${step.kind}`) };
    });
  }
}

/** Runs all parties of a protocol in this thread until each is done, has aborted or waits for what never comes. */
export function simulate<T>(sessions: readonly Session<T>[], options: SimulateOptions = {}): Outcome<T>[] {
  const run = new Run(sessions, options, true);
  run.advance();
  return run.outcomes();
}

/**
 * `simulate` for several runs side by side, all of the same parties: what the sessions of one party have to settle, it
 * settles together.
 *
 * @param options of each run
 */
export function simulateTogether<T>(runs: readonly (readonly Session<T>[])[], options: readonly SimulateOptions[] = []): Outcome<T>[][] {
  const all = runs.map((sessions, k) => new Run(sessions, options[k] ?? {}, false));
  for (;;) {
    for (const run of all) run.advance();
    const settling = new Set(all.flatMap((run) => run.takeSettling()));
    if (settling.size === 0) return all.map((run) => run.outcomes());
    for (const party of settling) settleTogether(runs.flatMap((sessions) => sessions[party] ?? []));
  }
}

/** The outputs of a run in which all parties must succeed. @throws the first error, or an error that says who waits for whom */
export function outputs<T>(outcomes: readonly Outcome<T>[]): T[] {
  return outcomes.map((outcome, party) => {
    if (outcome.kind === 'done') return outcome.output;
    if (outcome.kind === 'aborted') throw outcome.error;
    throw new Error(`party ${party} waits in ${outcome.round} for ${outcome.missing.join(', ')}`);
  });
}

/** The abort of one party. @throws when it did not abort that way */
export function abortOf<T>(outcome: Outcome<T> | undefined): ProtocolAborted {
  if (outcome?.kind === 'aborted' && outcome.error instanceof ProtocolAborted) return outcome.error;
  throw new Error(`no abort but ${outcome?.kind ?? 'no such party'}`, { cause: outcome?.kind === 'aborted' ? outcome.error : undefined });
}
