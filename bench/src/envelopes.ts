/** What envelopes and statements add to a presigned signature: a sealed cluster and a plain one, asked alternately. */
import { figures } from './measure.js';
import { result, type Findings } from './results.js';
import { RunningCluster, say } from './running_cluster.js';

const SIZE = { nodes: 4, threshold: 3, primes: 'small' } as const;
const IDLE_PATIENCE_MS = 30_000;
const LIMIT_MS = 5;
/** Not counted: code that runs for the first time. */
const WARM_UP = 5;

async function byTurns(clusters: readonly RunningCluster[], requests: number): Promise<number[][]> {
  const times = clusters.map((): number[] => []);
  for (let k = 0; k < WARM_UP + requests; k++) {
    for (const [which, cluster] of clusters.entries()) {
      for (const each of clusters) await each.idle(IDLE_PATIENCE_MS);
      const { presigned, ms } = await cluster.signAndAsk(`request ${k}`);
      if (presigned && k >= WARM_UP) times[which]?.push(ms);
    }
  }
  return times;
}

/** @param requests to each of the two */
export async function measureEnvelopes(requests: number): Promise<Findings> {
  const pool = WARM_UP + requests;
  const settings = { POOL_TARGET: `${pool}`, POOL_MAX: `${pool}`, POOL_CPU: '1' };
  const [sealed = [], plain = []] = await RunningCluster.during(SIZE, settings, (first) =>
    RunningCluster.during({ ...SIZE, plain: true }, settings, async (second) => {
      say('  filling both pools …');
      for (const cluster of [first, second]) await cluster.filled(pool);
      say('  requests, alternately …');
      return byTurns([first, second], requests);
    }),
  );
  const added = figures(sealed).median - figures(plain).median;
  return {
    results: [
      result('presigned signature, 3 of 4, sealed', 'ms', 'wall', sealed),
      result('presigned signature, 3 of 4, plain', 'ms', 'wall', plain),
      result('what envelopes and statements add to its median', 'ms', 'wall', [added], {
        headline: 'mean',
        bounds: [{ figure: 'mean', side: 'at most', limit: LIMIT_MS }],
      }),
    ],
    notes: [
      'Envelopes: on small primes, on which the path of a presigned signature does not depend. ' +
        'Signatures come one by one, in clusters that have nothing else to do.',
    ],
  };
}
