import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/** On-CPU nanoseconds of the thread that reads it come first (Linux). */
const SCHEDSTAT = '/proc/thread-self/schedstat';

type CpuUsage = () => { readonly user: number; readonly system: number };

/**
 * A clock of the CPU time, ms, that the calling thread has spent, so that what other threads and programs use is not counted. Node has one since
 * 22.19 and 23.9, before that Linux has; elsewhere it is the time of day: a thread that computes then counts as having a core to itself.
 */
export function threadCpuClock(): () => number {
  // Newer than the types.
  const { threadCpuUsage } = process as { threadCpuUsage?: CpuUsage };
  if (threadCpuUsage !== undefined) {
    return () => {
      const { user, system } = threadCpuUsage.call(process);
      return (user + system) / 1e3;
    };
  }
  const schedstat = (): number => Number(readFileSync(SCHEDSTAT, 'latin1').split(' ')[0]) / 1e6;
  try {
    if (schedstat() > 0) return schedstat;
  } catch {
    // not Linux, or a kernel without it
  }
  return () => performance.now();
}
