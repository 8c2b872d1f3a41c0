import type { SecurityParams } from 'cggmp24';
import type { FromThread, ToThread } from '../../src/workers/jobs.js';
import { SessionHost } from '../../src/workers/session_host.js';
import type { StartThread } from '../../src/workers/worker_pool.js';

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
