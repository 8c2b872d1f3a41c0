import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { SECURITY_128 } from 'cggmp24';
import { pino } from 'pino';
import { SealKeySourceSchema } from 'sealing/seal_key';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import { z } from 'zod';
import { CpuBudget } from '../workers/cpu_budget.js';
import { DamagedFile } from '../base/errors.js';
import { openDataFolder } from '../storage/key_store.js';
import { PrimeFolder } from '../primes/prime_folder.js';
import { searchForPrimes } from '../primes/prime_search.js';
import { NEEDED } from '../primes/safe_primes.js';
import { workerThreads, WorkerPool } from '../workers/worker_pool.js';
import { identityFile, NodeNameSchema } from '../tools/cluster_files.js';
import { main, CommandFailure } from '../tools/command.js';
import { openSealKey, sealKeyEnvironment, SEAL_KEY_TEXT } from '../tools/seal_key_option.js';

const MOST = 10_000;
const CORES = availableParallelism();

const help = `Usage: make-primes --data DIR --name NAME --count N --seal-key SPEC [--workers W]

Makes safe primes ahead of time. A node needs ${NEEDED} for a key, and searches only for those that are not in its folder.

  --data DIR        the node's data folder; the node may be running
  --name NAME       node-1, node-2, …: no other node can use the primes
  --count N         how many primes the folder has afterwards, with those that it has now: 1 to ${MOST}
  --workers W       threads, of low priority: 1 to 256; by default one for each core (${CORES})
  --seal-key SPEC   the key or passphrase of the node's files
  -h, --help        this text

${SEAL_KEY_TEXT}
Each prime is in a file as soon as it is found: an interrupted run that is started again goes on where it was. A prime is used once:
never copy its file, or restore it from a backup. A prime takes about two seconds on one core. Progress goes to stderr.
Exit code: 0 the folder has that many, 1 not made, 2 called wrongly.
`;

const number = (most: number) => {
  const range = `must be 1 to ${most}`;
  return z.string().regex(/^[1-9]\d{0,4}$/, range).transform(Number).refine((value) => value <= most, range);
};

/** @throws CommandFailure when it is the folder of another member: the primes would lie where nobody uses them */
async function refuseFolderOfOther(data: string, nodeId: string): Promise<void> {
  const identities = (await readdir(data)).filter((file) => /^identity_.*\.json$/.test(file));
  const [other] = identities;
  if (other === undefined || identities.includes(identityFile(nodeId))) return;
  throw new CommandFailure(`${data}: has ${other}, so it is not the folder of ${nodeId}: correct --data or --name. Nothing was made`);
}

async function search(folder: PrimeFolder, before: number, count: number, workers: number): Promise<void> {
  const logger = pino({ level: 'error' }, pino.destination(2));
  const threads = { threads: workers, startThread: workerThreads(SECURITY_128) };
  const runner = new WorkerPool({ ...threads, budget: new CpuBudget(workers, systemClock), clock: systemClock, logger });
  try {
    await searchForPrimes(
      {
        clock: systemClock,
        runner,
        workers,
        wanted: count - before,
        keep: (prime) => folder.add(prime),
        onProgress: ({ found, candidates, seconds }) => {
          process.stderr.write(`${before + found} of ${count} safe primes, ${candidates} candidates tested, ${seconds} s\n`);
        },
        onFailure: (error) => {
          process.stderr.write(`A search failed, trying again: ${String(error)}\n`);
        },
      },
      new AbortController().signal,
    );
  } finally {
    await runner.close();
  }
}

await main({
  name: 'make-primes',
  help,
  options: z.object({
    data: z.string().min(1),
    name: NodeNameSchema,
    count: number(MOST),
    workers: number(256).default(CORES),
    'seal-key': SealKeySourceSchema,
  }),
  environment: sealKeyEnvironment,
  run: async ({ data, name: nodeId, count, workers, 'seal-key': source }) => {
    const sealKey = await openSealKey(source);
    await openDataFolder(data);
    await refuseFolderOfOther(data, nodeId);
    const folder = new PrimeFolder({ folder: data, nodeId, sealKey, params: SECURITY_128, clock: systemClock, random: systemRandom });
    // With another key, or a damaged file, the node would not start.
    await folder.check().catch((error: unknown) => {
      throw error instanceof DamagedFile ? new CommandFailure(`${error.message} Nothing was made`) : error;
    });
    const before = await folder.size();
    if (before < count) await search(folder, before, count, workers);
    return `✓ ${data}: safe primes of ${nodeId}: ${await folder.size()}\n`;
  },
});
