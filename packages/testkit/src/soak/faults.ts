import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep, systemClock } from 'service/clock';
import type { ProcessCluster } from '../process_cluster.js';
import type { Figures } from './report.js';
import type { SoakedCluster } from './soaked_cluster.js';
import { VICES } from './vices.js';

const PRELOAD = new URL('broken_machine.js', import.meta.url).href;
const CORRUPT_NODE = fileURLToPath(new URL('corrupt_node.js', import.meta.url));
const HOUR_MS = 3_600_000;
/** With any one node at fault, a request completes within this time. */
const LIMIT_MS = 10_000;
/** What takes longer is looked at for this long, so that the report tells late from never. */
const PATIENCE_MS = 30_000;
/** Under load, before the fault begins: requests are then under way. */
const BEFORE_MS = 2_000;

/** Makes one node faulty. */
type Fault = (cluster: ProcessCluster, number: number) => Promise<void> | void;

const instead = (variant: Parameters<ProcessCluster['startNode']>[1]): Fault => async (cluster, number) => {
  await cluster.kill(`node-${number}`);
  cluster.startNode(number, variant);
};
const clockOffBy = (ms: number): Fault => instead({ preload: PRELOAD, env: { SOAK_CLOCK_MS: String(ms) } });
const corrupt = (vice: string): Fault => instead({ main: CORRUPT_NODE, env: { SOAK_VICE: vice } });

export const FAULTS: Readonly<Record<string, Fault>> = {
  none: () => undefined,
  stopped: (cluster, number) => cluster.kill(`node-${number}`, 'SIGTERM'),
  killed: (cluster, number) => cluster.kill(`node-${number}`),
  frozen: (cluster, number) => {
    cluster.signal(`node-${number}`, 'SIGSTOP');
  },
  'disk-full': (cluster, number) => {
    cluster.signal(`node-${number}`, 'SIGUSR2');
  },
  refuses: async (cluster, number) => {
    const policy = join(cluster.files.dataOf(number), 'policy.json');
    await writeFile(policy, '{"version":1,"deny":["*"]}');
    await instead({ env: { POLICY_FILE: policy } })(cluster, number);
  },
  'clock-ahead': clockOffBy(HOUR_MS),
  'clock-behind': clockOffBy(-HOUR_MS),
  ...Object.fromEntries(VICES.map((vice) => [`corrupt-${vice.replaceAll('_', '-')}`, corrupt(vice)])),
};

export interface FaultOptions {
  readonly soaked: SoakedCluster;
  readonly name: string;
  readonly number: number;
  readonly ms: number;
  readonly say: (text: string) => void;
}

/** Plays one fault at one node. Afterwards the node is started again, as an honest one. */
export async function playFault({ soaked, name, number, ms, say }: FaultOptions): Promise<Figures> {
  const { cluster } = soaked;
  const member = `node-${number}`;
  if (name === 'disk-full') {
    await instead({ preload: PRELOAD })(cluster, number);
    await soaked.isWell();
  }
  const play = async (): Promise<void> => {
    await sleep(systemClock, BEFORE_MS);
    say(`${name} at ${member}`);
    await FAULTS[name]?.(cluster, number);
    await sleep(systemClock, ms);
  };
  const figures = await soaked.underLoad(name, play, { patienceMs: PATIENCE_MS, limitMs: LIMIT_MS });
  await cluster.kill(member);
  cluster.startNode(number);
  return figures;
}
