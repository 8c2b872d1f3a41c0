import { sleep, systemClock } from 'service/clock';
import type { Figures } from './report.js';
import type { SeededRandom } from './random.js';
import type { SoakedCluster } from './soaked_cluster.js';

const VICTIMS = ['message-board', 'api-gateway', 'node-1', 'node-2', 'node-3', 'node-4'] as const;
/** Clients wait this long for what is open when the killing ends. Smaller: on a busy machine what comes late counts as lost. */
const PATIENCE_MS = 180_000;

export interface KillOptions {
  readonly soaked: SoakedCluster;
  readonly random: SeededRandom;
  readonly ms: number;
  readonly label: string;
  readonly say: (text: string) => void;
}

/** Kills processes at random, one after another, and starts each again a moment later. */
export async function kill({ soaked, random, ms, label, say }: KillOptions): Promise<Figures> {
  const { cluster } = soaked;
  const end = systemClock.monotonic() + ms;
  const play = async (): Promise<void> => {
    while (systemClock.monotonic() < end) {
      const victim = random.pick(VICTIMS);
      await sleep(systemClock, random.between(200, 4_000));
      say(`kill -9 ${victim}`);
      await cluster.kill(victim);
      await sleep(systemClock, random.between(0, 1_500));
      cluster.restart(victim);
    }
  };
  return soaked.underLoad(label, play, { patienceMs: PATIENCE_MS, limitMs: Infinity, cheats: [] });
}
