import { readThrough } from 'message-board/read_through';
import { Refused } from 'sealing/errors';
import { nodeId } from '../base/utils.js';
import type { Seals } from '../mail/seals.js';
import { runOverBoard, type TransportDeps } from '../transport/http_transport.js';
import type { JobResult, SessionJob } from '../workers/jobs.js';
import { everyone } from './attempt_names.js';

/**
 * A peer that was not alive for this long is given up. Smaller: an attempt ends because a peer is busy with its primes, and an attempt
 * costs all nodes much. Larger: it ends later when a peer is down.
 */
const GONE_AFTER_MS = 15_000;

/** What the sessions of the set-up need, in which all nodes take part. */
export interface SetupSessionDeps extends TransportDeps {
  readonly seals: Pick<Seals, 'seal' | 'open' | 'check'>;
  /** Own party index. */
  readonly index: number;
  readonly config: {
    /** An attempt ends when a node is silent for this long. */
    readonly setupTimeoutMs: number;
  };
}

/**
 * Makes sure that the board holds no message of this node under this id, which it has not used yet. Such a message would be of an earlier
 * cluster, or of this node before its data folder was emptied: the others' old messages would contradict their new ones.
 * @throws Error when it does
 */
export async function requireNoLeftovers({ client, index, seals }: SetupSessionDeps, boardId: string, signal: AbortSignal): Promise<void> {
  const own = nodeId(index);
  const messages = readThrough({ read: (after) => client.listMessages(boardId, own, { after, signal }) });
  for await (const { from_node: from, to_node: to, round, payload } of messages) {
    if (from !== own) continue;
    // Anybody may post under this node's name.
    const isOwn = await isGenuine(seals, { namespace: 'messages', session: boardId, from, to, round }, payload);
    if (isOwn) throw new Error(`the board holds messages of an earlier ${boardId}`);
  }
}

async function isGenuine(seals: Pick<Seals, 'check'>, ...message: Parameters<Seals['check']>): Promise<boolean> {
  try {
    await seals.check(...message);
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}

/** Runs one attempt of all nodes, and logs its rounds. */
export function runWithEveryone<J extends SessionJob>(
  deps: SetupSessionDeps,
  requestId: string,
  job: J,
  signal: AbortSignal,
): Promise<JobResult<J>> {
  const { clock, config, index: self, logger, n } = deps;
  const started = clock.monotonic();
  return runOverBoard(deps, {
    namespace: 'messages',
    requestId,
    participants: everyone(n),
    self,
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
