/** Signing for minutes with more requests than presignatures: does the throughput last, does memory grow, is anything lost? */
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveMemory } from './live_memory.js';
import type { ClusterSize } from 'testkit/process_cluster';
import { failureNotes, repeated, sendMany } from './load.js';
import { residentMib, slope } from './processes.js';
import { rateOf } from './rates.js';
import { result, type Findings, type Series } from './results.js';
import { nameOf, RunningCluster, say } from './running_cluster.js';

const SAMPLE_S = 15;
/** The board forgets what is finished within the run, not after an hour: only what it does not forget is growth. */
const FORGETTING = { RETENTION_SECONDS: '120', ENTRY_RETENTION_SECONDS: '60' } as const;
/** What it costs to fill this tells how fast presignatures can be made. */
const POOL = 24;

export interface SustainedPlan extends ClusterSize {
  readonly minutes: number;
  readonly inFlight: number;
}

interface Memory {
  /** What is still held after a garbage collection. What the system has given goes up and down with the garbage. */
  readonly live: Series[];
  readonly resident: Series[];
}

/** Looks at the memory of every process now and then until the signal aborts. */
async function watchMemory({ cluster }: RunningCluster, signal: AbortSignal): Promise<Memory> {
  const processes = await Promise.all(
    [...cluster.pids].map(async ([name, pid]) => ({
      name,
      pid,
      memory: await LiveMemory.of(pid, cluster.files.logOf(name)),
      resident: [] as number[],
      live: [] as number[],
    })),
  );
  let due = performance.now();
  while (!signal.aborted) {
    for (const { pid, memory, resident, live } of processes) {
      resident.push(residentMib(pid));
      live.push(await memory.mib());
    }
    due += SAMPLE_S * 1000;
    await sleep(due - performance.now(), undefined, { signal }).catch(() => undefined);
  }
  for (const { memory } of processes) memory.close();
  const seriesOf = (kind: 'live' | 'resident'): Series[] =>
    processes.map((one) => ({ name: `${kind} memory of ${one.name}`, unit: 'MiB', every_s: SAMPLE_S, values: one[kind] }));
  return { live: seriesOf('live'), resident: seriesOf('resident') };
}

/** MiB a minute over the second half, when what is kept for good has been allocated. */
function growth({ values }: Series): number {
  return (slope(values.slice(values.length >> 1)) * 60) / SAMPLE_S;
}

async function measure(running: RunningCluster, plan: SustainedPlan): Promise<Findings> {
  const { primes, minutes, inFlight } = plan;
  const label = nameOf(plan);
  say('  filling the pool …');
  const possible = rateOf(await running.filled(POOL));
  if (possible === null) throw new Error('the pool was filled before its rate could be told');
  const [before, ms] = [await running.pool(), minutes * 60_000];
  say(`  ${minutes} minutes, ${inFlight} requests at a time …`);
  const over = new AbortController();
  const memory = watchMemory(running, over.signal);
  const due = performance.now() + ms;
  const load = await sendMany((message) => running.signAndAsk(message), inFlight, () => performance.now() < due);
  const { start, signed, sent } = load;
  over.abort();
  const { live, resident } = await memory;
  const wrong = repeated(signed);
  const full = signed.filter(({ presigned }) => !presigned);
  const inTime = signed.filter(({ end }) => end <= start + ms);
  // What the pool had at the start was not made meanwhile.
  const rate = (1000 * Math.max(0, inTime.length - before.count)) / ms;
  const perMinute = Array.from(
    { length: Math.ceil(minutes) },
    (_, k) => inTime.filter(({ end }) => Math.floor((end - start) / 60_000) === k).length,
  );
  const bound = primes === 'full';
  const results = [
    result(`presignatures made, ${label}, no requests`, '/s', 'wall', [possible], { headline: 'mean' }),
    result(`sustained signing, ${label}, ${minutes} minutes, ${inFlight} at a time`, '/s', 'wall', [rate], { headline: 'mean' }),
    result(`… of the rate of presignatures, ${label}`, '', '', [rate / possible], {
      headline: 'mean',
      bounds: bound ? [{ figure: 'mean', side: 'at least', limit: 0.9 }] : [],
    }),
    result(
      `… each of them, ${label}`,
      'ms',
      'wall',
      signed.map((one) => one.ms),
    ),
    result(`… not presigned, ${label}`, '', '', [full.length]),
    result(`… wrong or lost of ${sent}, ${label}`, '', '', [sent - signed.length + wrong], {
      headline: 'mean',
      bounds: [{ figure: 'mean', side: 'at most', limit: 0 }],
    }),
    ...resident.map((one) => result(one.name, 'MiB', '', one.values)),
    ...live.flatMap((one) => [
      result(one.name, 'MiB', '', one.values),
      result(`… its growth over the second half`, 'MiB/min', '', [growth(one)]),
    ]),
    result(
      `growth of live memory over the second half, ${label}, the process that grew most`,
      'MiB/min',
      '',
      [Math.max(...live.map(growth))],
      {
        headline: 'mean',
        bounds: bound ? [{ figure: 'mean', side: 'at most', limit: 0.5 }] : [],
      },
    ),
  ];
  return {
    results,
    notes: failureNotes(load),
    series: [...live, ...resident, { name: 'signatures a minute', unit: '', every_s: 60, values: perMinute }],
  };
}

export async function measureSustained(plan: SustainedPlan): Promise<Findings> {
  return RunningCluster.during(plan, { POOL_TARGET: `${POOL}`, POOL_MAX: `${2 * POOL}`, POOL_CPU: '1', ...FORGETTING }, (running) =>
    measure(running, plan),
  );
}
