/** From nothing to the first verified signature: four nodes that search for their primes, and whatever their key needs. */
import { eventually } from 'testkit/eventually';
import type { ProcessCluster } from 'testkit/process_cluster';
import { result, type Findings } from './results.js';
import { RunningCluster, say } from './running_cluster.js';

const PATIENCE_MS = 20 * 60_000;
const LIMIT_MS = 60_000;
const LOOK_MS = 200;

/** When a stage is over, by what the nodes log: for the last of them, or the first. */
const STAGES = [
  { name: 'all have their share of the key', event: 'keygen_completed', when: 'last' },
  { name: 'all have their primes', event: 'safe_primes', when: 'last' },
  { name: 'all have their auxiliary info', event: 'aux_info_completed', when: 'last' },
  { name: 'the first presignature is there', event: 'presignature_generated', when: 'first' },
] as const;
const SIGNED = 'the first signature is verified';

/** Milliseconds since `start` (ms since 1970) by the name of the stage. */
type Times = Readonly<Record<string, number>>;

async function stageTimes(cluster: ProcessCluster, start: number): Promise<Times> {
  const logs = await cluster.files.nodeLogs();
  const times = STAGES.flatMap(({ name, event, when }): [string, number][] => {
    const ends = logs.filter((line) => line['event'] === event).map(({ time }) => Date.parse(String(time)) - start);
    return ends.length === 0 ? [] : [[name, when === 'first' ? Math.min(...ends) : Math.max(...ends)]];
  });
  return Object.fromEntries(times);
}

/** One start: the request comes as soon as the gateway can take it, before there is a presignature. */
async function once(running: RunningCluster, start: number): Promise<Times> {
  const { cluster } = running;
  await eventually('the cluster is ready', () => cluster.isReady(), PATIENCE_MS, LOOK_MS);
  await running.sign(`first signature ${start}`);
  const end = Date.now() - start;
  await eventually('there is a presignature', async () => (await cluster.pooled()) > 0, PATIENCE_MS, LOOK_MS);
  return { ...(await stageTimes(cluster, start)), [SIGNED]: end };
}

/** @param runs each from an empty folder @param primes `small` ones come from fixtures */
export async function measureFirstSignature(runs: number, primes: 'searched' | 'small'): Promise<Findings> {
  const times: Times[] = [];
  for (let run = 1; run <= runs; run++) {
    const start = Date.now();
    times.push(await RunningCluster.starting({ nodes: 4, threshold: 3, primes }, {}, (running) => once(running, start)));
    say(`  ${run} of ${runs}: ${Object.entries(times.at(-1) ?? {}).map(([name, ms]) => `${name} ${(ms / 1000).toFixed(1)} s`).join(', ')}`);
  }
  const series = (name: string): number[] => times.flatMap((time) => time[name] ?? []);
  const stages = STAGES.filter(({ name }) => series(name).length > 0).map(({ name }) =>
    result(`from nothing, four nodes: ${name}`, 'ms', 'wall', series(name)),
  );
  const signed = result(`from nothing, four nodes: ${SIGNED}`, 'ms', 'wall', series(SIGNED), {
    headline: 'median',
    bounds: [{ figure: 'median', side: 'at most', limit: LIMIT_MS }],
  });
  const notes = [
    'The clock starts before the identities are made; dependencies are installed and the code is built. ' +
      'The key is generated while primes are searched for. ' +
      'The request comes as soon as there is a key, so it is signed in full, and the first presignature waits for it.',
  ];
  return { results: [...stages, signed], notes };
}
