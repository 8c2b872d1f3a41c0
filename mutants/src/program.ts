/** The command line: tries a sample of mutants, some at a time, and lists those that no test finds. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { integer } from 'service/env';
import { z } from 'zod';
import { idOf, sample, type Mutant } from './mutant.js';
import { mutantsOf } from './operators.js';
import { Record } from './record.js';
import { ROOT, targetFiles } from './targets.js';
import { passUnchanged, tryMutant } from './trial.js';

const USAGE = `Usage: npm run mutants -- [options]

Changes one check of the code at a time and runs the quick tests that can see it. A mutant that no test finds is listed:
either a test is missing, or the change means nothing.

  --seed N    which mutants are tried (1)
  --count N   how many, at most 300 (300)
  --at-once N how many at a time (as many as there are cores)

Results are kept in mutants/results/. A run that was interrupted goes on where it was, unless the code has changed.
`;

const OptionsSchema = z.strictObject({
  seed: integer(0, 1_000_000_000, 1),
  count: integer(1, 300, 300),
  'at-once': integer(1, 64, availableParallelism()),
  help: z.boolean().default(false),
});

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const describe = ({ file, line, before, after }: Mutant): string =>
  `${file}:${line}  ${before.replaceAll(/\s+/g, ' ').slice(0, 80)}  →  ${after === ';' ? 'nothing' : after}`;

async function run({ seed, count, 'at-once': atOnce }: z.infer<typeof OptionsSchema>, signal: AbortSignal): Promise<void> {
  const files = targetFiles().map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }));
  const all = files.flatMap(({ file, text }) => mutantsOf(file, text));
  const chosen = sample(all, seed, count);
  const code = createHash('sha256').update(JSON.stringify(files)).digest('hex');
  const record = new Record(seed, code);
  const left = chosen.filter((mutant) => !record.has(mutant));
  say(`Seed ${seed}: ${chosen.length} of ${all.length} mutants in ${files.length} files; ${left.length} are still to be tried.`);
  if (left.length > 0) {
    say('First the tests without any change …');
    const pass = await passUnchanged(files.map(({ file }) => file), signal);
    if (!pass) throw new Error('The tests fail without any change: mend them first.');
  }
  const began = performance.now();
  const next = async (): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const verdict = await tryMutant(mutant, signal);
      record.add(mutant, verdict);
      const minutes = ((performance.now() - began) / 60_000).toFixed(1);
      say(`${record.size}/${chosen.length}  ${minutes} min  ${verdict}  ${idOf(mutant)}  ${describe(mutant)}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  const survivors = record.survivors();
  say(`\n${record.size - survivors.length} of ${record.size} mutants were found. No test finds these ${survivors.length}:`);
  for (const mutant of survivors) say(`- \`${describe(mutant)}\``);
}

const { values } = parseArgs({
  options: { seed: { type: 'string' }, count: { type: 'string' }, 'at-once': { type: 'string' }, help: { type: 'boolean', short: 'h' } },
});
const options = OptionsSchema.safeParse(values);
if (!options.success) {
  process.stderr.write(`${options.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`).join('\n')}\n\n${USAGE}`);
  process.exitCode = 2;
} else if (options.data.help) {
  process.stdout.write(USAGE);
} else {
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      stopping.abort(new Error('Interrupted. The same command goes on from here.'));
    });
  }
  await run(options.data, stopping.signal).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
