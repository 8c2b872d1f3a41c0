/** A clock of the CPU time, ms, that the calling thread has spent. The CPU time of other threads and programs is not counted. */
export function threadCpuClock(): () => number {
  return () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1e3;
  };
}
