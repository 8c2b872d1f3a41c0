import { parseArgs } from 'node:util';
import { z } from 'zod';
import { LIVELOCK, privateSuspicions } from './livelock.js';
import { drawSchedule } from './schedule.js';
import { simulateAll } from './workers.js';
import { World, type Trace, type Verdict } from './world.js';

const USAGE = `npm run simulate -- --seeds N [--from S]   simulates N schedules on all cores, beginning with seed S (1)
npm run simulate -- --seed S [--trace]      simulates one; --trace prints what happens. S is a number, or livelock
`;

/** The schedule of a seed. Some have a name: they were written by hand. */
export function worldOf(seed: string, trace: Trace | null = null): World {
  return seed === 'livelock' ? new World(LIVELOCK, trace, privateSuspicions()) : new World(drawSchedule(seed), trace);
}

const Whole = z.string().regex(/^[1-9]\d{0,8}$/, 'must be a whole number from 1').transform(Number);
const OptionsSchema = z.union([
  z.strictObject({ seeds: Whole, from: Whole.default(1) }),
  z.strictObject({ seed: z.literal('livelock').or(z.string().regex(/^\d{1,9}$/)), trace: z.boolean().default(false) }),
]);

/** @returns the options; null when it is called wrongly */
function optionsIn(args: readonly string[]): z.output<typeof OptionsSchema> | null {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({ args: [...args], options: { seeds: text, from: text, seed: text, trace: { type: 'boolean' } } });
    return OptionsSchema.safeParse(values).data ?? null;
  } catch {
    return null;
  }
}

/** @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(USAGE);
    return 0;
  }
  const options = optionsIn(args);
  if (options === null) {
    process.stderr.write(USAGE);
    return 2;
  }
  if ('seed' in options) return simulateOne(options.seed, options.trace);
  return (await simulateAll(options.from, options.seeds)) === 0 ? 0 : 1;
}

async function simulateOne(seed: string, isTraced: boolean): Promise<number> {
  const print: Trace = (at, who, what) => {
    process.stdout.write(`${at.toFixed(3).padStart(12)} ${who.padEnd(14)} ${what}\n`);
  };
  const verdict = await worldOf(seed, isTraced ? print : null).run();
  process.stdout.write(describe(verdict));
  return verdict.violations.length === 0 ? 0 : 1;
}

function describe({ seed, violations, latencies, virtualMs, events }: Verdict): string {
  if (violations.length > 0) return violations.map((violation) => `seed ${seed}: ${violation}\n`).join('');
  const seconds = latencies.map((ms) => (ms / 1000).toFixed(1)).join(', ');
  return `seed ${seed}: all holds. Requests took ${seconds} s; ${events} events in ${(virtualMs / 1000).toFixed(1)} s of virtual time\n`;
}
