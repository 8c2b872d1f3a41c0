import { arithmeticBackend, SECURITY_128 } from 'cggmp24';
import { refuseArguments } from 'service/env';
import { pino } from 'pino';
import { loadMember, type Member } from 'sealing/member';
import { configFor, Environment, memberFiles, parseSettings, type Config } from './config.js';
import { runNode } from './node.js';
import { workerThreads } from './workers/worker_pool.js';

/** Whatever is still open then is cut. */
const STOP_WITHIN_MS = 2_000;

async function configure(): Promise<Member & { readonly config: Config }> {
  try {
    const settings = parseSettings(process.env);
    const member = await loadMember(settings.NODE_ID, memberFiles(settings), settings.SEAL_KEY);
    return { ...member, config: configFor(settings, member.roster) };
  } catch (error) {
    process.stderr.write(`configuration: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  }
}

refuseArguments('A node of a threshold-signing cluster: it generates a key with the others and signs with them.', Environment);
const { config, ...member } = await configure();
const logger = pino({ level: config.logLevel, base: { service: 'node', node_id: config.nodeId }, timestamp: pino.stdTimeFunctions.isoTime });
const { backend, reason } = arithmeticBackend();
const { n, t, workers, boardUrl: board } = config;
const { fingerprint } = member.roster;
logger.info({ event: 'starting', n, t, workers, board, roster: fingerprint, arithmetic: backend.name, arithmetic_reason: reason }, 'Node starting');
if (config.rustInterop) {
  logger.warn(
    { event: 'plain_roster' },
    'This cluster is plain: nothing between members is signed or encrypted, and whoever holds the message board can learn the key. Proofs that ring-Pedersen parameters are well formed have 32 instead of 128 bits of soundness. For clusters with Rust nodes only',
  );
}
if (member.sealKey.kind === 'none') {
  logger.warn({ event: 'clear_text_files' }, 'SEAL_KEY is none: key share and identity are in clear text, and whoever can read the files has them');
}

const stopping = new AbortController();
const stop = (signal: NodeJS.Signals): void => {
  logger.info({ event: 'stopping', signal }, 'Node stopping');
  stopping.abort(new DOMException('the node is stopping', 'AbortError'));
  setTimeout(() => process.exit(0), STOP_WITHIN_MS).unref();
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);

try {
  await runNode({ ...member, config, logger, params: SECURITY_128, startThread: workerThreads(SECURITY_128) }, stopping.signal);
} catch (error) {
  if (!stopping.signal.aborted) {
    logger.fatal({ event: 'stopped', err: error }, error instanceof Error ? error.message : 'The node cannot go on');
    process.exitCode = 1;
  }
}
logger.info({ event: 'stopped' }, 'Node stopped');
