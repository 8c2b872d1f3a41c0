import { parseArgs } from 'node:util';
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

/** @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { seeds: { type: 'string' }, from: { type: 'string' }, seed: { type: 'string' }, trace: { type: 'boolean' } },
  });
  const { seed, seeds, from = '1', trace = false } = values;
  if (seed !== undefined && seeds === undefined) return simulateOne(seed, trace);
  const [count, first] = [Number(seeds), Number(from)];
  if (seed !== undefined || !Number.isInteger(count) || count < 1 || !Number.isInteger(first)) {
    process.stderr.write(USAGE);
    return 2;
  }
  return (await simulateAll(first, count)) === 0 ? 0 : 1;
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
