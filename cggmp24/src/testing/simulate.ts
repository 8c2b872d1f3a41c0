import type { OutgoingMessage, Session } from '../runtime/session.js';
import { ProtocolAborted } from '../runtime/errors.js';
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
export type Outcome<T> = { readonly kind: 'done'; readonly output: T } | { readonly kind: 'aborted'; readonly error: unknown } | { readonly kind: 'waiting'; readonly round: string; readonly missing: readonly number[] };

export interface SimulateOptions {
  /** Draws the order of delivery; in the order of sending without it. */
  readonly shuffle?: Rng;
  /** What arrives in place of each message: nothing, one or several. The attacker. */
  readonly tamper?: (delivery: Delivery) => readonly Delivery[];
}

/**
 * Runs all parties of a protocol in this thread until each is done, has aborted or waits for what never comes.
 * Messages pass as JSON text, as on a network.
 */
export function simulate<T>(sessions: readonly Session<T>[], { shuffle, tamper = (delivery) => [delivery] }: SimulateOptions = {}): Outcome<T>[] {
  const queue: Delivery[] = [];
  const aborted = new Map<number, unknown>();

  const post = (from: number, { to, payload }: OutgoingMessage): void => {
    const recipients = to === 'all' ? sessions.map((_, j) => j).filter((j) => j !== from) : [to];
    for (const recipient of recipients) queue.push(...tamper({ from, to: recipient, broadcast: to === 'all', payload }));
  };
  const guarded = (party: number, action: () => void): void => {
    if (aborted.has(party)) return;
    try {
      action();
    } catch (error) {
      aborted.set(party, error);
    }
  };
  const run = (party: number, session: Session<T>): void => {
    guarded(party, () => {
      for (;;) {
        const step = session.proceed();
        if (step.kind === 'send') post(party, step.message);
        else if (step.kind !== 'paused') return;
      }
    });
  };
  const take = (): Delivery | undefined => {
    const at = shuffle === undefined || queue.length === 0 ? 0 : Number(fromBytes(shuffle(4)) % BigInt(queue.length));
    return queue.splice(at, 1)[0];
  };

  sessions.forEach((session, party) => {
    run(party, session);
  });
  for (let delivery = take(); delivery !== undefined; delivery = take()) {
    const { from, to, broadcast, payload } = delivery;
    const session = sessions[to];
    if (session === undefined) continue;
    guarded(to, () => {
      session.receive({ sender: from, broadcast, payload });
    });
    run(to, session);
  }
  return sessions.map((session, party): Outcome<T> => {
    if (aborted.has(party)) return { kind: 'aborted', error: aborted.get(party) };
    const step = session.proceed();
    return step.kind === 'done' || step.kind === 'waiting' ? step : { kind: 'aborted', error: new Error(`stopped at ${step.kind}`) };
  });
}

/** The outputs of a run in which everybody must succeed. @throws the first error, or one that says who waits for whom */
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
