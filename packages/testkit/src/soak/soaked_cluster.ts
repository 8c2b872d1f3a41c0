import { systemClock } from 'service/clock';
import { eventually } from '../eventually.js';
import { ProcessCluster } from '../process_cluster.js';
import { Load } from './load.js';
import { figuresOf, type Figures } from './report.js';
import { changedOutcomes, differentSignatures, misusesIn } from './uses.js';

const NODES = 4;
const THRESHOLD = 3;
/** Smaller: a fault while the pool is refilled counts as one under load. */
const POOL = 12;
/** Between two requests. At full size a presignature costs seconds of CPU time, which all nodes of a soaked cluster share. */
const EVERY_MS = { small: 500, full: 4_000 };
const READY_WITHIN_MS = { small: 180_000, full: 600_000 };

export type SoakSize = 'small' | 'full';

interface Terms {
  readonly patienceMs: number;
  readonly limitMs: number;
  readonly cheats: readonly string[];
}

/** A cluster of processes with a steady load. */
export class SoakedCluster {
  private constructor(
    readonly cluster: ProcessCluster,
    private readonly size: SoakSize,
  ) {}

  static async start(size: SoakSize): Promise<SoakedCluster> {
    const settings = { POOL_TARGET: String(POOL), POOL_MAX: String(2 * POOL), WORKERS: '1' };
    const soaked = new SoakedCluster(await ProcessCluster.start(settings, { nodes: NODES, threshold: THRESHOLD, primes: size }), size);
    await soaked.isWell();
    return soaked;
  }

  /** Resolves when all nodes are ready and the pool is at its target. */
  async isWell(): Promise<void> {
    const { cluster, size } = this;
    const withinMs = READY_WITHIN_MS[size];
    await eventually('the gateway is ready', () => cluster.isReady(), withinMs, 200);
    await eventually('all nodes are ready', async () => {
      const nodes = await cluster.board.listNodes();
      return nodes.length === NODES && nodes.every(({ stage, age_ms }) => stage === 'ready' && age_ms < 2_000);
    }, withinMs, 200);
    await eventually('the pool is filled', async () => (await cluster.pooled()) >= 3 * POOL, withinMs, 200);
  }

  /** @returns why the cluster is not well again in time; null when it is */
  async illness(): Promise<string | null> {
    return this.isWell().then(() => null, (error: unknown) => `afterwards, ${error instanceof Error ? error.message : String(error)}`);
  }

  /**
   * Asks for signatures, at a steady rate, while `play` goes on.
   * @param patienceMs how long clients wait for what is open at its end
   * @param limitMs a completed request must not take longer
   * @param cheats nobody else may be called a culprit
   */
  async underLoad(label: string, play: () => Promise<void>, { patienceMs, limitMs, cheats }: Terms): Promise<Figures> {
    const { gateway, board, files } = this.cluster;
    const load = new Load({ gateway, clock: systemClock, label, everyMs: EVERY_MS[this.size] });
    const startedAt = systemClock.monotonic();
    load.start();
    try {
      await play();
    } finally {
      await load.stop(patienceMs);
    }
    const { asked } = load;
    const otherFaults = [
      ...(await misusesIn(files, NODES, asked)),
      ...(await changedOutcomes(gateway, asked)).slice(0, 5),
      ...(await differentSignatures(board, asked)).slice(0, 5),
      ...(await this.#framed(cheats)),
    ];
    return figuresOf({ asked, limitMs, startedAt, otherFaults });
  }

  /** Whom so many accuse that one of them is honest, though it has not cheated. */
  async #framed(cheats: readonly string[]): Promise<string[]> {
    const { culprits } = await this.cluster.gateway.health();
    const framed = culprits.filter(({ node_id, named_by }) => named_by >= THRESHOLD && !cheats.includes(node_id));
    return framed.map(({ node_id }) => `${node_id} is called a culprit, and is none`);
  }
}
