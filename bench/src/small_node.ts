/** A node on small primes, which protect nothing and which no setting of the real program can select. Otherwise it is program.ts of node. */
import { SMALL_FOR_TESTS } from 'cggmp24/testing';
import { pino } from 'pino';
import { loadMember } from 'sealing/member';
import { configFor, memberFiles, parseSettings } from '../../node/dist/config.js';
import { runNode } from '../../node/dist/node.js';
import { workerThreads } from '../../node/dist/workers/worker_pool.js';

const settings = parseSettings(process.env);
const member = await loadMember(settings.NODE_ID, memberFiles(settings), settings.SEAL_KEY);
// In a plain cluster as in a sealed one, as if there were no Rust peers: what is left between them is the sealing.
const config = { ...configFor(settings, member.roster), rustInterop: false, poolTarget: settings.POOL_TARGET, poolMax: settings.POOL_MAX };
const logger = pino({ level: config.logLevel, base: { service: 'node', node_id: config.nodeId }, timestamp: pino.stdTimeFunctions.isoTime });
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    stopping.abort(new DOMException('the node is stopping', 'AbortError'));
    setTimeout(() => process.exit(0), 2_000).unref();
  });
}
await runNode({ ...member, config, logger, params: SMALL_FOR_TESTS, startThread: workerThreads(SMALL_FOR_TESTS) }, stopping.signal).catch((error: unknown) => {
  if (!stopping.signal.aborted) throw error;
});
