/** What other processes use, as Linux tells it in /proc. */
import { existsSync, readFileSync } from 'node:fs';

/** Clock ticks a second: fixed for programs on Linux. */
const TICKS = 100;
const MIB = 1 << 20;

export function canLookAtProcesses(): boolean {
  return existsSync('/proc/self/stat');
}

/** CPU time since its start, all its threads, milliseconds. @param stat text of /proc/<pid>/stat */
export function cpuOf(stat: string): number {
  // The name, in brackets, may hold anything; fields are counted from behind it: utime and stime are 14 and 15 of all.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
}

/** Resident memory, MiB. @param status text of /proc/<pid>/status */
export function residentOf(status: string): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kib === undefined ? NaN : (Number(kib) * 1024) / MIB;
}

export function cpuMs(pids: Iterable<number>): number {
  return [...pids].reduce((sum, pid) => sum + cpuOf(readFileSync(`/proc/${pid}/stat`, 'utf8')), 0);
}

export function residentMib(pid: number): number {
  return residentOf(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** Slope of the line of least squares through values taken one after the other: by how much they grow from one to the next. */
export function slope(values: readonly number[]): number {
  const n = values.length;
  if (n < 2) return 0;
  const middle = (n - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const [up, down] = values.reduce<[number, number]>(
    ([up, down], value, k) => [up + (k - middle) * (value - mean), down + (k - middle) ** 2],
    [0, 0],
  );
  return up / down;
}
