/** A cluster that the benchmark starts, looks at, and ends whatever happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ProcessCluster, type ClusterSize } from 'testkit/process_cluster';
import type { Signed } from './load.js';
import { cpuMs } from './processes.js';
import type { PoolLevel } from './rates.js';

const LOOK_MS = 500;
/** The longest that the gateway may wait in one call. */
const WAIT_MS = 30_000;
/** CPU time of all processes of a cluster in half a second, below which it is idle: heartbeats alone. */
const IDLE_MS = 125;
const SETUP_PATIENCE_MS = 20 * 60_000;
/** A pool that has not grown for this long is as full as it gets. */
const POOL_PATIENCE_MS = 45_000;
const REPORT_MS = 15_000;

const running = new Set<ProcessCluster>();
let interrupted = false;
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  process.once(signal, () => {
    interrupted = true;
    void Promise.allSettled([...running].map((cluster) => cluster.stop())).then(() => process.exit(code));
  });
}

/** As it is called in what is measured in it. */
export function nameOf({ nodes, threshold, primes }: ClusterSize): string {
  return `${threshold} of ${nodes}${primes === 'small' ? ', small primes' : ''}`;
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

export class RunningCluster {
  private constructor(readonly cluster: ProcessCluster) {}

  /** Starts one, waits until it can sign, and ends it after `work`. @param settings environment of the board and the nodes */
  static async during<T>(
    size: ClusterSize,
    settings: Readonly<Record<string, string>>,
    work: (cluster: RunningCluster) => Promise<T>,
  ): Promise<T> {
    return RunningCluster.starting(size, settings, async (cluster) => {
      await cluster.#ready();
      return work(cluster);
    });
  }

  /** The same without the waiting. */
  static async starting<T>(
    size: ClusterSize,
    settings: Readonly<Record<string, string>>,
    work: (cluster: RunningCluster) => Promise<T>,
  ): Promise<T> {
    say(`starting ${size.threshold} of ${size.nodes} …`);
    const cluster = await ProcessCluster.start(settings, size);
    running.add(cluster);
    try {
      return await work(new RunningCluster(cluster));
    } catch (error) {
      // Its processes have been ended, and this one ends next.
      if (interrupted) await new Promise(() => undefined);
      throw error;
    } finally {
      running.delete(cluster);
      await cluster.stop();
    }
  }

  /**
   * Asks for a signature and waits for it, however long it takes. The client verifies it. @throws Error when it is refused, fails or is not
   * valid
   */
  async sign(message: string): Promise<Signed> {
    const { gateway } = this.cluster;
    const started = performance.now();
    const first = await gateway.sign(message, { wait: WAIT_MS });
    const { request_id: id } = first;
    const status = first.status === 'pending' ? await gateway.finished(id, message, Infinity) : first;
    const ms = performance.now() - started;
    if (status?.status !== 'completed') throw new Error(`${id} is ${status?.status ?? 'unknown'}: ${status?.reason ?? 'no reason'}`);
    return { id, ms };
  }

  /** The same, and whether a presignature was used: where it does not matter that it costs the board another question. */
  async signAndAsk(message: string): Promise<Signed & { presigned: boolean }> {
    const signed = await this.sign(message);
    return { ...signed, presigned: (await this.presignatureOf(signed)) !== undefined };
  }

  /** The id of what a request was signed with; undefined when it was signed in full. */
  async presignatureOf({ id }: Signed): Promise<string | undefined> {
    return (await this.cluster.board.getRequest(id))?.presignature_id;
  }

  /** Free presignatures: each is reported by all its makers. */
  async pool(): Promise<PoolLevel> {
    const reported = await this.cluster.pooled();
    return { at: performance.now(), count: Math.floor(reported / this.cluster.size.threshold) };
  }

  /** Ids of all presignatures that have been made, as the nodes have logged them. */
  async presignatures(): Promise<ReadonlySet<string>> {
    const logs = await this.cluster.files.nodeLogs();
    return new Set(logs.filter(({ event }) => event === 'presignature_generated').map(({ presignature_id }) => String(presignature_id)));
  }

  /** CPU time of all processes since their start, milliseconds. */
  cpuMs(): number {
    return cpuMs(this.cluster.pids.values());
  }

  /** Waits until there are `count` presignatures, or no more come. @returns every level on the way, the last as it stays */
  async filled(count: number): Promise<PoolLevel[]> {
    const levels = [await this.pool()];
    let [grown, told] = [performance.now(), performance.now()];
    for (;;) {
      const [last] = levels.slice(-1);
      if (last === undefined || last.count >= count || performance.now() - grown > POOL_PATIENCE_MS) return levels;
      await sleep(LOOK_MS);
      this.#checkAlive();
      const next = await this.pool();
      if (next.count > last.count) {
        levels.push(next);
        grown = next.at;
      }
      if (next.at - told > REPORT_MS) {
        say(`  pool: ${next.count} of ${count}`);
        told = next.at;
      }
    }
  }

  /** Waits until the processes have nothing to do. @returns false when they still had after `patienceMs` */
  async idle(patienceMs: number): Promise<boolean> {
    const end = performance.now() + patienceMs;
    for (;;) {
      const before = this.cpuMs();
      await sleep(LOOK_MS);
      if (this.cpuMs() - before < IDLE_MS) return true;
      if (performance.now() > end) return false;
    }
  }

  async #ready(): Promise<void> {
    const end = performance.now() + SETUP_PATIENCE_MS;
    while (!(await this.cluster.isReady())) {
      if (performance.now() > end) throw new Error('the cluster does not become ready');
      await sleep(LOOK_MS);
      this.#checkAlive();
    }
    // The pool is only begun when all of them have aux info.
    while ((await this.pool()).count === 0) {
      if (performance.now() > end) throw new Error('the cluster makes no presignature');
      await sleep(LOOK_MS);
      this.#checkAlive();
    }
  }

  #checkAlive(): void {
    const { nodes } = this.cluster.size;
    if (this.cluster.pids.size < nodes + 2)
      throw new Error(`a process has ended by itself; only these run: ${[...this.cluster.pids.keys()].join(', ')}`);
  }
}
