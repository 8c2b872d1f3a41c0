import { signersLabel } from '../base/utils.js';

/** The names of attempts in which all n nodes take part. The first attempt has fixed ones, which Rust nodes use too. */
export interface AttemptNames {
  /** Under which the board keeps the messages. */
  readonly boardId: (attempt: number) => string;
  readonly executionId: (attempt: number) => string;
  /** The number of an attempt; null for the execution id of anything else. */
  readonly attemptOf: (executionId: string) => number | null;
}

/** All parties of a cluster of n. */
export function everyone(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index);
}

/** @param first of attempt 0: the board id, with which the names of all later ones begin, and the execution id */
export function attemptNames(first: { readonly boardId: string; readonly executionId: string }, n: number): AttemptNames {
  const label = signersLabel(everyone(n));
  const later = (attempt: number): string => `${first.boardId}.${attempt}.${label}`;
  return {
    boardId: (attempt) => (attempt === 0 ? first.boardId : later(attempt)),
    executionId: (attempt) => (attempt === 0 ? first.executionId : later(attempt)),
    attemptOf: (executionId) => {
      if (executionId === first.executionId) return 0;
      const attempt = Number(/^\w+\.([1-9]\d{0,6})\./.exec(executionId)?.[1] ?? 0);
      return attempt > 0 && executionId === later(attempt) ? attempt : null;
    },
  };
}
