/** The machine that figures are taken on, and how busy it is. */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { arithmeticBackend } from 'cggmp24';
import { z } from 'zod';

const LOOK_MS = 1_000;
/** Share of all cores that may be busy before anything is measured. */
const QUIET = 0.1;

export const MachineSchema = z.strictObject({
  cpu: z.string(),
  cores: z.int(),
  memory_gib: z.int(),
  platform: z.string(),
  node: z.string(),
  openssl: z.string(),
  arithmetic: z.string(),
  /** Runnable processes, mean of the last minute, before anything was measured. */
  load: z.number(),
  /** Share of all cores that was busy in the last second before that, 0 to 1. */
  busy: z.number(),
});
export type Machine = z.infer<typeof MachineSchema>;

function coreTimes(): { idle: number; all: number } {
  const times = cpus().map(({ times: { user, nice, sys, irq, idle } }) => ({ idle, all: user + nice + sys + irq + idle }));
  return times.reduce((sum, { idle, all }) => ({ idle: sum.idle + idle, all: sum.all + all }), { idle: 0, all: 0 });
}

async function busyShare(): Promise<number> {
  const before = coreTimes();
  await sleep(LOOK_MS);
  const after = coreTimes();
  return after.all === before.all ? 0 : 1 - (after.idle - before.idle) / (after.all - before.all);
}

/** Looks at the machine for a second. */
export async function lookAtMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    openssl: process.versions.openssl,
    arithmetic: arithmeticBackend().backend.name,
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
    busy: Number((await busyShare()).toFixed(2)),
  };
}

export function isQuiet({ busy }: Pick<Machine, 'busy'>): boolean {
  return busy <= QUIET;
}

export function describe({ cpu, cores, memory_gib, node, openssl, arithmetic, load, busy }: Machine): string {
  const state = `load ${load.toFixed(1)} and ${(100 * busy).toFixed(0)}% busy at the start`;
  return `${cpu}, ${cores} cores, ${memory_gib} GiB, Node ${node.slice(1)}, OpenSSL ${openssl}, arithmetic by ${arithmetic}; ${state}`;
}
