/** e2e/soak.sh: a cluster of processes under load, for minutes or hours, while something goes wrong. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from 'service/clock';
import { onStopSignal } from 'service/signals';
import { z } from 'zod';
import { ROOT } from '../program.js';
import { CONVICTING, DISK_FULL, FAULTS, playFault } from './faults.js';
import { kill } from './kill.js';
import { SeededRandom } from './random.js';
import type { Figures } from './report.js';
import { CAN_MOUNT, unmountAll } from './small_disk.js';
import { SoakedCluster, type SoakSize } from './soaked_cluster.js';

const HELP = `Usage: e2e/soak.sh NAME [--minutes N] [--seed S] [--only FAULT] [--within S] [--full] [--keep]

Runs a cluster of real processes on small parameters, with two requests a second, while something goes wrong.
With --full it has the real parameters, and a request every four seconds.

  NAME          faults: one node at a time is at fault (none is for comparison):
                ${Object.keys(FAULTS).join(', ')}.
                  Every request has to complete in time, and to be signed once.
                  ${DISK_FULL} mounts a small disk, and is left out for a user who may not
                kill: any process is killed at random, again and again (kill -9), board and gateway among them.
                  Every accepted request has to complete, and no presignature may be used twice
  --minutes N   of each fault (default 2); of killing in all (default 20)
  --seed S      a whole number: which node, which process, when; printed at the start
  --only FAULT  one fault alone
  --full        the real parameters
  --within S    how long a request may take, seconds (default 10); longer on a busy machine
  --keep        keeps the cluster's folder, with all logs, when something has failed
  -h, --help    this text

What is done is noted in run/soak/: the same call after an interruption goes on where it was.
Exit code: 0 all as it has to be, 1 something was not, 2 called wrongly.
`;

/** Killing is judged once a minute. */
const ROUND_MS = 60_000;
const FiguresSchema = z.object({
  asked: z.number(), completed: z.number(), median_ms: z.number(), slowest_ms: z.number(), faults: z.array(z.string()),
});
const StateSchema = z.record(z.string(), FiguresSchema);

interface Call {
  readonly name: 'faults' | 'kill';
  readonly ms: number;
  readonly seed: number;
  readonly only: string | undefined;
  readonly limitMs: number;
  readonly size: SoakSize;
  readonly keep: boolean;
}

function misuse(complaint: string): never {
  process.stderr.write(`${complaint} (try --help)\n`);
  process.exit(2);
}

function readCall(): Call {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const options = { minutes: text, seed: text, only: text, within: text, full: flag, keep: flag, help: { ...flag, short: 'h' } };
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    const name = z.enum(['faults', 'kill'], 'NAME: must be faults or kill').parse(positionals[0]);
    const minutes = z.coerce.number().positive().max(10_000).parse(values.minutes ?? (name === 'kill' ? '20' : '2'));
    const seed = z.coerce.number().int().min(0).max(2 ** 32 - 1).parse(values.seed ?? String(systemClock.now() % 2 ** 32));
    if (values.only !== undefined && FAULTS[values.only] === undefined) misuse(`--only: there is no fault ${values.only}`);
    const limitMs = 1_000 * z.coerce.number().positive().parse(values.within ?? '10');
    return { name, ms: minutes * 60_000, seed, only: values.only, limitMs, size: values.full ? 'full' : 'small', keep: values.keep };
  } catch (error) {
    return misuse(error instanceof z.ZodError ? error.issues.map(({ message }) => message).join('; ') : String(error));
  }
}

/** What was done before an interruption, part by part. */
class Progress {
  private constructor(
    private readonly path: string,
    readonly done: Record<string, Figures>,
  ) {}

  static async open({ name, seed, ms, size, limitMs }: Call): Promise<Progress> {
    const folder = fileURLToPath(new URL('run/soak/', ROOT));
    await mkdir(folder, { recursive: true });
    // What was judged by another limit is played again.
    const path = `${folder}${name}-${size}-${seed}-${Math.round(ms / 1000)}s-within-${limitMs}ms.json`;
    const text = await readFile(path, 'utf8').catch(() => '{}');
    return new Progress(path, StateSchema.parse(JSON.parse(text)));
  }

  async note(part: string, figures: Figures): Promise<void> {
    this.done[part] = figures;
    await writeFile(`${this.path}.tmp`, JSON.stringify(this.done, null, 2));
    await rename(`${this.path}.tmp`, this.path);
  }

  /** Everything was done: the next call begins anew. */
  end(): Promise<void> {
    return rm(this.path);
  }
}

const started = systemClock.monotonic();
function say(text: string): void {
  process.stdout.write(`${((systemClock.monotonic() - started) / 1000).toFixed(1).padStart(7)} s  ${text}\n`);
}

interface Part {
  readonly name: string;
  readonly play: (soaked: SoakedCluster) => Promise<Figures>;
}

/** All parts with their random choices, which do not depend on what was done before. */
function partsOf({ name, ms, seed, only, limitMs }: Call): Part[] {
  if (name === 'kill') {
    return Array.from({ length: Math.ceil(ms / ROUND_MS) }, (_, k) => {
      const round = { random: new SeededRandom(seed + k), ms: Math.min(ROUND_MS, ms - k * ROUND_MS), label: `kill ${seed} ${k}` };
      return { name: `minute ${k + 1}`, play: (soaked) => kill({ ...round, soaked, say }) };
    });
  }
  const random = new SeededRandom(seed);
  const all = Object.keys(FAULTS).map((fault) => ({ fault, number: random.pick([1, 2, 3, 4]) }));
  const isPlayed = (fault: string): boolean => (only === undefined || fault === only) && (fault !== DISK_FULL || CAN_MOUNT);
  return all.filter(({ fault }) => isPlayed(fault)).map(({ fault, number }) => ({
    name: fault,
    play: (soaked) => playFault({ soaked, name: fault, number, ms, limitMs, say }),
  }));
}

async function run(call: Call): Promise<boolean> {
  const progress = await Progress.open(call);
  const parts = partsOf(call);
  const left = parts.filter(({ name }) => progress.done[name] === undefined);
  say(`${call.name}, seed ${call.seed}: ${left.length} of ${parts.length} parts to do`);
  let soaked: SoakedCluster | null = null;
  onStopSignal((signal) => {
    say(`${signal}: the same call goes on where this one was`);
    void unmountAll().then(() => soaked?.cluster.stop()).finally(() => process.exit(1));
  });
  try {
    for (const part of left) {
      soaked ??= await begin(call.size);
      const figures = await part.play(soaked);
      const isSpent = CONVICTING.has(part.name);
      const illness = isSpent ? null : await soaked.illness();
      await progress.note(part.name, illness === null ? figures : { ...figures, faults: [...figures.faults, illness] });
      show(part.name, progress.done[part.name] ?? figures);
      // What one part has broken is no fault of the next one.
      if (illness === null && !isSpent && part !== left.at(-1)) continue;
      const isRight = left.every(({ name }) => progress.done[name]?.faults.length === 0);
      await soaked.cluster.stop({ keepFiles: call.keep && !isRight });
      soaked = null;
    }
  } finally {
    await soaked?.cluster.stop({ keepFiles: call.keep });
  }
  const failed = parts.filter(({ name }) => (progress.done[name]?.faults.length ?? 1) > 0).map(({ name }) => name);
  await progress.end();
  const again = `e2e/soak.sh ${call.name} --seed ${call.seed}${call.size === 'full' ? ' --full' : ''}`;
  say(failed.length === 0 ? 'all as it has to be' : `FAILED: ${failed.join(', ')}. Again: ${again}`);
  return failed.length === 0;
}

async function begin(size: SoakSize): Promise<SoakedCluster> {
  const soaked = await SoakedCluster.start(size);
  say(`a cluster runs in ${soaked.cluster.files.folder}`);
  return soaked;
}

function show(part: string, { asked, completed, median_ms, slowest_ms, faults }: Figures): void {
  const verdict = faults.length === 0 ? 'passed' : 'FAILED';
  say(`${part}: ${verdict}, ${completed} of ${asked} completed, median ${median_ms} ms, slowest ${slowest_ms} ms`);
  for (const fault of faults) say(`    ${fault}`);
}

process.exitCode = (await run(readCall())) ? 0 : 1;
