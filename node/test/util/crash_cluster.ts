import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { nodeId } from '../../src/base/utils.js';
import { Asker, writeKeyFiles } from './board_record.js';
import { MaliciousBoard } from './malicious_board.js';
import { present } from 'testkit/present';
import { misuses, partialSignatures, type StatedPartial } from 'testkit/presignature_misuse';
import { SMALL_NODE } from 'testkit/program';
import { members, type Members } from 'testkit/roster';
import { smallShares } from 'testkit/key_shares';

const [PARTIES, THRESHOLD] = [3, 2];
const SETTINGS = {
  SEAL_KEY: 'none',
  HEALTH_PORT: '0',
  WORKERS: '1',
  POOL_TARGET: '9',
  POOL_MAX: '12',
  PEER_DEAD_AFTER_MS: '2500',
  POOL_LEADER_TIMEOUT_MS: '3000',
  FAST_SIGNING_TIMEOUT_MS: '1500',
};

type Line = Readonly<Record<string, unknown>>;

/** Nodes on small primes, each a process of its own that is killed without warning, and a board that records everything. */
export class CrashCluster {
  readonly lines: Line[] = [];
  readonly #asker: Asker;
  readonly #processes = new Map<string, ChildProcess>();

  private constructor(
    readonly members: Members,
    readonly board: MaliciousBoard,
    private readonly folder: string,
  ) {
    this.#asker = new Asker(members, board.truth);
  }

  static async start(): Promise<CrashCluster> {
    const all = members(PARTIES, THRESHOLD);
    const folder = await mkdtemp(join(tmpdir(), 'crash-cluster-'));
    const cluster = new CrashCluster(all, await MaliciousBoard.start('it does nothing but record', all.roster), folder);
    for (const share of smallShares(THRESHOLD, PARTIES)) {
      const { index } = share.core;
      const data = cluster.dataOf(index);
      const identity = present(all.identities[index]).serialize();
      await writeKeyFiles(data, share);
      await writeFile(join(data, 'roster.json'), all.roster.serialize(), { mode: 0o600 });
      await writeFile(join(data, `identity_${nodeId(index)}.json`), identity, { mode: 0o600 });
      cluster.startNode(index);
    }
    return cluster;
  }

  get indices(): number[] {
    return [...this.members.identities.keys()];
  }

  dataOf(index: number): string {
    return join(this.folder, nodeId(index));
  }

  /** @param name of the process; another one of the same node is a clone @param dataDir its folder */
  startNode(index: number, name = nodeId(index), dataDir = this.dataOf(index)): void {
    const env = { PATH: process.env.PATH, NODE_ID: nodeId(index), MESSAGE_BOARD_URL: this.board.url, DATA_DIR: dataDir, ...SETTINGS };
    const child = spawn(process.execPath, [SMALL_NODE], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.lines.push({ process: name, ...(line.startsWith('{') ? (JSON.parse(line) as Line) : { event: 'output', msg: line }) });
      });
    }
    this.#processes.set(name, child);
  }

  /** kill -9, and waits until it is gone. */
  async kill(name: string): Promise<void> {
    const child = this.#processes.get(name);
    this.#processes.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Takes a copy of a node's folder. */
  async copy(from: string, to: string): Promise<string> {
    const path = join(this.folder, to);
    await rm(path, { recursive: true, force: true });
    await cp(from, path, { recursive: true, preserveTimestamps: true });
    return path;
  }

  /** Puts a copy in the place of a node's folder. */
  async restore(index: number, from: string): Promise<void> {
    await rm(this.dataOf(index), { recursive: true });
    await cp(from, this.dataOf(index), { recursive: true });
  }

  /** Messages by request id. */
  get asked(): ReadonlyMap<string, string> {
    return this.#asker.asked;
  }

  ask(message: string): Promise<string> {
    return this.#asker.ask(message);
  }

  /** Waits until all that was asked for is signed. @throws when that takes longer than `ms` */
  async allSigned(ms: number): Promise<void> {
    const end = performance.now() + ms;
    for (;;) {
      const open = (await this.board.truth.listRequests({ status: 'pending' })).filter(({ id }) => this.asked.has(id));
      if (open.length === 0) return;
      if (performance.now() > end) {
        const reasons = open.map(({ id, reason = '' }) => `${id} ${reason}`);
        throw new Error(`${open.length} requests are not signed after ${ms} ms: ${reasons.join(', ')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Free presignatures that the nodes report. */
  async pooled(): Promise<number> {
    const records = await this.board.truth.listNodes({ changedAfter: '0' });
    return Math.min(...this.indices.map((index) => records.find(({ node_id }) => node_id === nodeId(index))?.presignatures ?? 0));
  }

  partialSignatures(): Promise<StatedPartial[]> {
    return partialSignatures(this.board.memory, this.members.roster);
  }

  async misuses(): Promise<string[]> {
    return misuses(await this.partialSignatures(), this.asked);
  }

  count(event: string, process?: string): number {
    return this.lines.filter((line) => line.event === event && (process === undefined || line.process === process)).length;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((name) => this.kill(name)));
    await this.board.close();
    await rm(this.folder, { recursive: true });
  }
}
