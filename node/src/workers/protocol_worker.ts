/** A worker thread: runs the jobs that a `WorkerPool` gives it. Its data is the security parameters. */
import { getPriority, setPriority } from 'node:os';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { SecurityParams } from 'cggmp24';
import type { ToThread } from './jobs.js';
import { SessionHost } from './session_host.js';
import { threadCpuClock } from './thread_cpu.js';

/** So that the main thread answers and signs at once. Only on Linux: elsewhere it would be the priority of the whole process. */
const NICENESS = 10;

const port = parentPort;
if (port === null) throw new Error('to be run as a worker thread');
// A process that was given a lower priority keeps it: to raise it takes a right that a node does not have, and the thread would end.
if (process.platform === 'linux' && getPriority() < NICENESS) setPriority(NICENESS);

const host = new SessionHost({
  params: workerData as SecurityParams,
  cpuMs: threadCpuClock(),
  post: (message) => {
    port.postMessage(message);
  },
  drain: () => {
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
      host.handle(next.message as ToThread);
    }
  },
});
port.on('message', (message: ToThread) => {
  host.handle(message);
  host.run();
});
