import { arithmeticBackend, type SecurityParams } from 'cggmp24';
import { OtherRoster } from 'message-board/roster_check';
import { loadMember } from 'sealing/member';
import { systemClock } from 'service/clock';
import { systemDisk } from 'service/disk';
import { createLogger } from 'service/log';
import { systemRandom } from 'service/random';
import { onHangup, onStopSignal } from 'service/signals';
import { configure } from 'service/configure';
import { PolicyFile } from './approval/policy.js';
import { configFor, Environment, memberFiles } from './config.js';
import { runNode } from './node.js';
import { workerThreads } from './workers/worker_pool.js';

/** A node that is told to stop ends after at most this long, whatever still goes on. */
const STOP_WITHIN_MS = 2_000;

/**
 * Runs a node as this process, until it is told to stop.
 * @param params the security level. Not in the environment, so that nobody selects the small one by accident
 * @param configOf makes the node's configuration in its cluster
 */
export async function runProcess(params: SecurityParams, configOf = configFor): Promise<void> {
  const { config, ...member } = await configure({
    about: 'A node of a threshold-signing cluster: it generates a key with the others and signs with them.',
    schema: Environment,
    load: async (settings) => {
      const member = await loadMember(settings.NODE_ID, memberFiles(settings), settings.SEAL_KEY);
      // The node reads it for itself. One that cannot be used is a bad setting, and ends the process here.
      await PolicyFile.open(settings.POLICY_FILE, systemClock);
      return { ...member, config: configOf(settings, member.roster) };
    },
  });
  const logger = createLogger(config.logLevel, { service: 'node', node_id: config.nodeId });
  const { backend, reason } = arithmeticBackend();
  const { n, t, workers, boardUrl: board } = config;
  const arithmetic = { arithmetic: backend.name, arithmetic_reason: reason };
  logger.info({ event: 'starting', n, t, workers, board, roster: member.roster.fingerprint, ...arithmetic }, 'Node starting');
  if (config.rustInterop) {
    logger.warn(
      { event: 'plain_roster' },
      'This cluster is plain: nothing between members is signed or encrypted, and whoever holds the message board can learn the key. '
      + 'Proofs that ring-Pedersen parameters are well formed have 32 instead of 128 bits of soundness. For clusters with Rust nodes only',
    );
  }
  if (member.sealKey.kind === 'none') {
    logger.warn(
      { event: 'clear_text_files' },
      'SEAL_KEY is none: key share and identity are in clear text, and whoever can read the files has them',
    );
  }

  const { warning } = member.sealKey;
  if (warning !== null) logger.warn({ event: 'secret_file_readable' }, warning);

  const stopping = new AbortController();
  onStopSignal((signal) => {
    logger.info({ event: 'stopping', signal }, 'Node stopping');
    stopping.abort(new DOMException('the node is stopping', 'AbortError'));
    setTimeout(() => process.exit(0), STOP_WITHIN_MS).unref();
  });
  try {
    const machine = { clock: systemClock, disk: systemDisk, random: systemRandom, startThread: workerThreads(params) };
    await runNode({ ...member, ...machine, config, logger, params, onHangup }, stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) {
      logger.fatal({ event: 'stopped', err: error }, error instanceof Error ? error.message : 'The node cannot go on');
      process.exitCode = error instanceof OtherRoster ? 2 : 1;
    }
  }
  logger.info({ event: 'stopped' }, 'Node stopped');
}
