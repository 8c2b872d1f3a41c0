import { Refused } from 'sealing/errors';
import type { Config } from '../config.js';
import { runOverBoard, type TransportDeps } from '../transport/http_transport.js';
import type { JobResult, SessionJob } from '../workers/jobs.js';
import { nodeId, signersLabel } from '../base/utils.js';

/** An attempt costs everybody a lot, and while all look for primes a heartbeat may be late. */
const GONE_AFTER_MS = 15_000;

/** What key generation and aux info need to run. */
export interface SetupDeps extends TransportDeps {
  readonly config: Config;
}

/** All parties of a cluster of n. */
export function everyone(n: number): number[] {
  return Array.from({ length: n }, (_, index) => index);
}

/** The names of attempts in which all n nodes take part: the first has fixed ones, the Rust nodes' too. */
export interface AttemptNames {
  /** Under which the board keeps the messages. */
  readonly boardId: (attempt: number) => string;
  readonly executionId: (attempt: number) => string;
  /** null for the execution id of anything else. */
  readonly attemptOf: (executionId: string) => number | null;
}

/** @param first of attempt 0: the board id, which begins the names of all later ones, and the execution id */
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

/**
 * Does the board hold messages of ours under an id that we have not used? Then it is an earlier cluster's, or our data
 * folder was emptied: the others' old messages would contradict their new ones.
 */
export async function hasLeftovers({ client, config, seals }: SetupDeps, boardId: string, signal: AbortSignal): Promise<boolean> {
  const own = nodeId(config.index);
  const messages = await client.listMessages(boardId, own, { signal });
  for (const { from_node: from, to_node: to, round, payload } of messages) {
    if (from !== own) continue;
    try {
      await seals.check({ namespace: 'messages', session: boardId, from, to, round }, payload);
      return true;
    } catch (error) {
      // Not ours: anyone may post under our name.
      if (!(error instanceof Refused)) throw error;
    }
  }
  return false;
}

/** Runs one attempt of all nodes, and reports its rounds. */
export function runWithEveryone<J extends SessionJob>(deps: SetupDeps, requestId: string, job: J, signal: AbortSignal): Promise<JobResult<J>> {
  const { config, logger, clock } = deps;
  const started = clock.monotonic();
  return runOverBoard(deps, {
    namespace: 'messages',
    requestId,
    participants: everyone(config.n),
    self: config.index,
    job,
    keyMaterial: null,
    silenceMs: config.setupTimeoutMs,
    goneAfterMs: GONE_AFTER_MS,
    signal,
    onRound: (round) => {
      const seconds = Math.round((clock.monotonic() - started) / 1000);
      logger.info({ event: 'round', phase: job.kind, round, seconds }, `${job.kind}: own part of round ${round} done`);
    },
  });
}
