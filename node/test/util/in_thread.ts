import type { SecurityParams } from 'cggmp24';
import { pino } from 'pino';
import { systemClock } from 'service/clock';
import { CpuBudget } from '../../src/workers/cpu_budget.js';
import type { FromThread, ToThread } from '../../src/workers/jobs.js';
import { SessionHost } from '../../src/workers/session_host.js';
import { WorkerPool, type StartThread } from '../../src/workers/worker_pool.js';

/** A "thread" that is this one: what passes is copied as between threads, and comes later. */
export function inThread(params: SecurityParams): StartThread {
  return (onMessage) => {
    const inbox: ToThread[] = [];
    let ended = false;
    const host = new SessionHost({
      params,
      cpuMs: () => performance.now(),
      post: (message: FromThread) => {
        const copy = structuredClone(message);
        setImmediate(() => {
          if (!ended) onMessage(copy);
        });
      },
      drain: () => {
        for (const message of inbox.splice(0)) host.handle(message);
      },
    });
    return {
      post: (message) => {
        inbox.push(structuredClone(message));
        setImmediate(() => {
          if (!ended) host.run();
        });
      },
      terminate: () => {
        ended = true;
        return Promise.resolve();
      },
    };
  };
}

/** A pool of one thread, which is this one unless the test says otherwise. */
export function poolInThread(
  params: SecurityParams,
  { startThread = inThread(params), logger = pino({ level: 'silent' }) } = {},
): WorkerPool {
  return new WorkerPool({ threads: 1, startThread, budget: new CpuBudget(1, systemClock), clock: systemClock, logger });
}
