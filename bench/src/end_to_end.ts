/** Latency and throughput of signatures as a client of the gateway sees them, in clusters of processes on this machine. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterSize } from 'testkit/process_cluster';
import { failureNotes, repeated, sendMany } from './load.js';
import { rateOf } from './rates.js';
import { result, type Bound, type Findings, type Result } from './results.js';
import { nameOf, RunningCluster, say } from './running_cluster.js';
import { throughput } from './throughput.js';

const PAUSE_MS = 100;
/** Requests that are not counted, at most: the first ones run code that is not compiled yet. */
const WARM_UP = 10;
const IDLE_PATIENCE_MS = 30_000;

export interface ClusterPlan extends ClusterSize {
  /** Presignatures that are made before as many requests are sent at once. */
  readonly pool: number;
  /** Requests, one after the other, for each of the two latencies. */
  readonly requests: number;
  /** Requests at a time while the pool is emptied. */
  readonly inFlight: number;
}

const LATENCY_BOUNDS: Bound[] = [
  { figure: 'median', side: 'at most', limit: 15 },
  { figure: 'p95', side: 'at most', limit: 40 },
];

async function latencies(
  running: RunningCluster,
  count: number,
  before: () => Promise<boolean>,
): Promise<{ presigned: number[]; full: number }> {
  const presigned: number[] = [];
  let full = 0;
  const uncounted = Math.min(WARM_UP, count);
  for (let k = 0; k < uncounted + count && (await before()); k++) {
    const signed = await running.signAndAsk(`latency ${k} ${new Date().toISOString()}`);
    if (k < uncounted) continue;
    if (signed.presigned) presigned.push(signed.ms);
    else full++;
  }
  return { presigned, full };
}

async function measureCluster(running: RunningCluster, plan: ClusterPlan): Promise<Required<Pick<Findings, 'results' | 'notes'>>> {
  const { nodes, threshold, pool, requests, inFlight, primes } = plan;
  const label = nameOf(plan);
  const results: Result[] = [];
  const notes: string[] = [];
  const bounds = nodes === 4 && primes === 'full';

  say('  latency while the pool is filled …');
  // Requests come faster than presignatures: there is one for each at the start, unless that were most of the pool.
  await running.filled(Math.min(WARM_UP + requests, Math.ceil(pool / 2)));
  const filling = await latencies(running, requests, async () => {
    await sleep(PAUSE_MS);
    const { count } = await running.pool();
    return count > 0 && count < pool;
  });

  say('  filling the pool …');
  const cpuBefore = running.cpuMs();
  const levels = await running.filled(pool);
  const grown = (levels.at(-1)?.count ?? 0) - (levels[0]?.count ?? 0);
  const rate = rateOf(levels);
  const cpu = rate === null ? null : (running.cpuMs() - cpuBefore) / grown / threshold;

  say('  latency while nothing else is done …');
  const resting = await latencies(running, requests, async () => {
    if (!(await running.idle(IDLE_PATIENCE_MS))) notes.push(`${label}: some requests were sent although the cluster was still busy.`);
    return true;
  });

  const { count } = await running.pool();
  const made = await running.presignatures();
  say(`  ${count} requests, ${inFlight} at a time …`);
  const load = await sendMany((message) => running.sign(message), inFlight, (sent) => sent < count);

  const latency = { headline: 'median', bounds: bounds ? LATENCY_BOUNDS : [] } as const;
  if (resting.presigned.length > 0)
    results.push(
      result(`presigned signature, ${label}, pool at rest`, 'ms', 'wall', resting.presigned, { ...latency, bounds: [...latency.bounds] }),
    );
  if (filling.presigned.length > 0)
    results.push(
      result(`presigned signature, ${label}, pool being filled`, 'ms', 'wall', filling.presigned, {
        ...latency,
        bounds: [...latency.bounds],
      }),
    );
  if (rate !== null) results.push(result(`presignatures made, ${label}`, '/s', 'wall', [rate], { headline: 'mean' }));
  if (cpu !== null)
    results.push(result(`all that a presignature costs the cluster, ${label}, per signer`, 'ms', 'CPU', [cpu], { headline: 'mean' }));
  const signed = await Promise.all(load.signed.map(async (one) => ({ ...one, presignature: await running.presignatureOf(one) })));
  results.push(
    ...throughput(
      { label, count, inFlight, start: load.start, signed, pool: made, wrong: repeated(load.signed) },
      bounds ? [{ figure: 'mean', side: 'at least', limit: 50 }] : [],
    ),
  );
  const others = filling.full + resting.full;
  if (others > 0) notes.push(`${label}: ${others} requests sent one by one were signed in full, and are not counted as presigned.`);
  return { results, notes: [...notes, ...failureNotes(load)] };
}

/** Starts one cluster after the other. */
export async function measureEndToEnd(plans: readonly ClusterPlan[]): Promise<Findings> {
  const found: Awaited<ReturnType<typeof measureCluster>>[] = [];
  for (const plan of plans) {
    // No bound on the CPU time of filling: it is the worst that may go on beside a signature.
    const settings = { POOL_TARGET: `${plan.pool}`, POOL_MAX: `${Math.max(plan.pool, 30)}`, POOL_CPU: '1' };
    found.push(await RunningCluster.during(plan, settings, (running) => measureCluster(running, plan)));
  }
  const small = plans.some(({ primes }) => primes === 'small');
  const notes = small
    ? ['Small primes: presignatures cost next to nothing, so only the way of a signature through the system is measured.']
    : [];
  return { results: found.flatMap(({ results }) => results), notes: [...notes, ...new Set(found.flatMap(({ notes }) => notes))] };
}
