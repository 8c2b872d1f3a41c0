import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep, systemClock } from 'service/clock';
import type { ProcessCluster } from '../process_cluster.js';
import type { Figures } from './report.js';
import { SmallDisk } from './small_disk.js';
import type { SoakedCluster } from './soaked_cluster.js';
import { VICES } from './vices.js';

const WRONG_CLOCK = new URL('wrong_clock.js', import.meta.url).href;
const CORRUPT_NODE = fileURLToPath(new URL('corrupt_node.js', import.meta.url));
const HOUR_MS = 3_600_000;
/** What takes longer than it may is looked at for this long, so that the report tells late from never, on a busy machine too. */
const PATIENCE_MS = 180_000;
/** Under load, before the fault begins: requests are then under way. */
const BEFORE_MS = 2_000;

/** Makes one node faulty. @param disk of its data folder, when the fault needs a small one */
type Fault = (cluster: ProcessCluster, number: number, disk: SmallDisk | null) => Promise<void> | void;

const instead = (variant: Parameters<ProcessCluster['startNode']>[1]): Fault => async (cluster, number) => {
  await cluster.kill(`node-${number}`);
  cluster.startNode(number, variant);
};
const clockOffBy = (ms: number): Fault => instead({ preload: WRONG_CLOCK, env: { SOAK_CLOCK_MS: String(ms) } });
const corrupt = (vice: string): Fault => (cluster, number, disk) => (
  instead({ main: CORRUPT_NODE, env: { SOAK_VICE: vice, SOAK_PROGRAM: cluster.nodeProgram } })(cluster, number, disk)
);

/** The one for which the node's data folder is on a small disk, which is mounted for it. */
export const DISK_FULL = 'disk-full';

export const FAULTS: Readonly<Record<string, Fault>> = {
  none: () => undefined,
  stopped: (cluster, number) => cluster.kill(`node-${number}`, 'SIGTERM'),
  killed: (cluster, number) => cluster.kill(`node-${number}`),
  frozen: (cluster, number) => {
    cluster.signal(`node-${number}`, 'SIGSTOP');
  },
  [DISK_FULL]: (_cluster, _number, disk) => disk?.fill(),
  refuses: async (cluster, number) => {
    const policy = join(cluster.files.dataOf(number), 'policy.json');
    await writeFile(policy, '{"version":1,"deny":["*"]}');
    await instead({ env: { POLICY_FILE: policy } })(cluster, number, null);
  },
  'clock-ahead': clockOffBy(HOUR_MS),
  'clock-behind': clockOffBy(-HOUR_MS),
  ...Object.fromEntries(VICES.map((vice) => [`corrupt-${vice.replaceAll('_', '-')}`, corrupt(vice)])),
};

/** What a node does in these proves that it cheats. The others leave it out for good, so that what comes next needs another cluster. */
export const CONVICTING: ReadonlySet<string> = new Set(['corrupt-wrong-partials']);

export interface FaultOptions {
  readonly soaked: SoakedCluster;
  readonly name: string;
  readonly number: number;
  readonly ms: number;
  /** A request has to complete within this time. */
  readonly limitMs: number;
  readonly say: (text: string) => void;
}

/** Plays one fault at one node. Afterwards the node is started again, as an honest one. */
export async function playFault(options: FaultOptions): Promise<Figures> {
  const { soaked, name, number } = options;
  const { cluster } = soaked;
  const member = `node-${number}`;
  let disk: SmallDisk | null = null;
  if (name === DISK_FULL) {
    await cluster.kill(member);
    disk = await SmallDisk.under(cluster.files.dataOf(number));
    cluster.startNode(number);
    await soaked.isWell();
  }
  const figures = await playAt(options, disk);
  await cluster.kill(member);
  await disk?.remove();
  cluster.startNode(number);
  return figures;
}

async function playAt({ soaked, name, number, ms, limitMs, say }: FaultOptions, disk: SmallDisk | null): Promise<Figures> {
  const { cluster } = soaked;
  const member = `node-${number}`;
  const play = async (): Promise<void> => {
    await sleep(systemClock, BEFORE_MS);
    say(`${name} at ${member}`);
    await FAULTS[name]?.(cluster, number, disk);
    await sleep(systemClock, ms);
  };
  return soaked.underLoad(name, play, { patienceMs: PATIENCE_MS, limitMs, cheats: CONVICTING.has(name) ? [member] : [] });
}
