import type { SetupStatus } from 'message-board/contract';
import type { ExecutionJournal } from '../storage/execution_journal.js';
import type { ResultStore } from '../storage/key_store.js';

/** Key generation, or generation of the auxiliary info: what the algorithms that are the same for both need to know. */
export interface Phase {
  /** As a stage, and in logs. */
  readonly name: 'keygen' | 'aux_info';
  readonly store: ResultStore;
  /** Number of an attempt, from 0, to its execution id. */
  readonly executionId: (attempt: number) => string;
  /** ... and back; null for any other id. */
  readonly attemptOf: (executionId: string) => number | null;
  /** SHA-256, hexadecimal, of a result's public part. */
  readonly digestOf: (result: string) => string;
  /** Resolves when this node could begin an attempt. */
  readonly prepare: (signal: AbortSignal) => Promise<void>;
  /** Why no attempt may be begun at all; null when one may. */
  readonly obstacle: (signal: AbortSignal) => Promise<string | null>;
  /** Runs the protocol. @returns its result as text */
  readonly run: (attempt: number, signal: AbortSignal) => Promise<string>;
}

/** What this node has of a phase when it starts. @throws DamagedFile */
export async function initialStatus({ store, attemptOf, digestOf }: Phase, journal: Pick<ExecutionJournal, 'ids'>): Promise<SetupStatus> {
  const begun = [...journal.ids()].flatMap((id) => attemptOf(id) ?? []);
  const next = 1 + begun.reduce((highest, attempt) => Math.max(highest, attempt), -1);
  const status = { ready: false, next, running: null, completed: null, committed: null };
  const result = await store.load();
  if (result !== null) {
    await store.discardPending();
    return { ...status, committed: digestOf(result) };
  }
  const pending = await store.loadPending();
  if (pending === null) return status;
  const { attempt, text } = pending;
  return { ...status, completed: { attempt, digest: digestOf(text) } };
}
