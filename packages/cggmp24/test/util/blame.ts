import { expect } from '@jest/globals';
import { ProtocolAborted, type AbortCode } from '../../src/aborts.js';
import type { Outcome } from '../../src/testing/simulate.js';

/** What a run ended with at one party, short enough to compare: `code:culprits`, `waits`, `done`, or the unexpected error. */
export function ending<T>(outcome: Outcome<T> | undefined): string {
  if (outcome?.kind !== 'aborted') return outcome?.kind ?? 'no such party';
  const { error } = outcome;
  return error instanceof ProtocolAborted ? blamed(error) : `unexpected ${String(error)}`;
}

/** `code:culprits`. */
export function blamed({ code, blame }: ProtocolAborted): string {
  return `${code}:${blame.map(({ party }) => party).join()}`;
}

/** What `action` aborts with, as `ending` puts it. Any other error goes through. */
export function abortOfCall(action: () => unknown): ProtocolAborted {
  try {
    action();
  } catch (error) {
    if (error instanceof ProtocolAborted) return error;
    throw error;
  }
  throw new Error('nothing was aborted');
}

/** Did everybody named abort with that code and blame those parties and no other? */
export function expectBlame<T>(
  outcomes: readonly Outcome<T>[],
  honest: readonly number[],
  code: AbortCode,
  culprits: readonly number[],
): void {
  expect(honest.map((party) => ending(outcomes[party]))).toEqual(honest.map(() => `${code}:${culprits.join()}`));
}

/** The reasons that one party gives in its blame. */
export function reasonsOf<T>(outcome: Outcome<T> | undefined): string[] {
  if (outcome?.kind !== 'aborted' || !(outcome.error instanceof ProtocolAborted)) throw new Error(`no abort but ${ending(outcome)}`);
  return outcome.error.blame.map(({ reason }) => reason);
}
