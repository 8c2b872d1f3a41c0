import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GatewayClient } from 'api-gateway/client';
import { BoardClient } from 'message-board/client';
import { sessionsOf, type SignSession } from 'message-board/contract';
import { loadMember } from 'sealing/member';
import { SealKeySourceSchema } from 'sealing/seal_key';
import { ClusterFiles, type ClusterSize } from './cluster_files.js';
import { ROOT, SMALL_NODE } from './program.js';

export type { ClusterSize } from './cluster_files.js';

const program = (path: string): string => fileURLToPath(new URL(path, ROOT));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** How a process is run that is not as it should be. */
export interface NodeVariant {
  /** Instead of the node's own program. */
  readonly main?: string;
  /** A module that is loaded before it. */
  readonly preload?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A board, a gateway and nodes, each a process of its own on free ports, with a client of the gateway and one of the board. */
export class ProcessCluster {
  readonly gateway: GatewayClient;
  /** Calls the board in the name of the gateway. */
  readonly board: BoardClient;
  readonly #processes = new Map<string, ChildProcess>();

  private constructor(
    readonly files: ClusterFiles,
    readonly size: ClusterSize,
    private readonly boardPort: number,
    private readonly gatewayPort: number,
    private readonly settings: Readonly<Record<string, string>>,
    session: SignSession | undefined,
  ) {
    this.gateway = new GatewayClient(`http://127.0.0.1:${gatewayPort}`);
    this.board = new BoardClient(this.#boardUrl, { session });
  }

  /** @param settings environment of the board and the nodes */
  static async start(
    settings: Readonly<Record<string, string>> = {},
    size: ClusterSize = { nodes: 4, threshold: 3, primes: 'full' },
  ): Promise<ProcessCluster> {
    const files = await ClusterFiles.make(size);
    const { roster, identity } = await loadMember('gateway', files.gateway, SealKeySourceSchema.parse(files.sealKey));
    const cluster = new ProcessCluster(files, size, await freePort(), await freePort(), settings, sessionsOf(roster, identity));
    cluster.startBoard();
    cluster.startGateway();
    for (let number = 1; number <= size.nodes; number++) cluster.startNode(number);
    return cluster;
  }

  /** Process ids of the running members, by name. */
  get pids(): ReadonlyMap<string, number> {
    const running = [...this.#processes].filter(([, { exitCode, signalCode }]) => exitCode === null && signalCode === null);
    return new Map(running.flatMap(([name, { pid }]) => (pid === undefined ? [] : [[name, pid]])));
  }

  /** The path of an honest node's program. */
  get nodeProgram(): string {
    return this.size.primes === 'small' ? SMALL_NODE : program('node/dist/main.js');
  }

  startBoard(): void {
    const env = { PORT: String(this.boardPort), ROSTER_FILE: this.files.rosterFile, ...this.settings };
    this.#start('message-board', program('message-board/dist/main.js'), env);
  }

  startGateway(): void {
    this.#start('api-gateway', program('api-gateway/dist/main.js'), {
      PORT: String(this.gatewayPort),
      MESSAGE_BOARD_URL: this.#boardUrl,
      DATA_DIR: dirname(this.files.gateway.roster),
      ROSTER_FILE: this.files.gateway.roster,
      IDENTITY_FILE: this.files.gateway.identity,
      SEAL_KEY: this.files.sealKey,
    });
  }

  startNode(number: number, variant: NodeVariant = {}): void {
    const { main = this.nodeProgram, preload, env } = variant;
    const own = {
      NODE_ID: `node-${number}`,
      MESSAGE_BOARD_URL: this.#boardUrl,
      DATA_DIR: this.files.dataOf(number),
      SEAL_KEY: this.files.sealKey,
    };
    this.#start(`node-${number}`, main, { ...own, ...this.settings, ...env }, preload === undefined ? [] : ['--import', preload]);
  }

  /** Starts a member again. */
  restart(name: string): void {
    if (name === 'message-board') this.startBoard();
    else if (name === 'api-gateway') this.startGateway();
    else this.startNode(Number(name.replace('node-', '')));
  }

  /** Sends a signal to a running process, and does not wait for what it does. */
  signal(name: string, signal: NodeJS.Signals): void {
    this.#processes.get(name)?.kill(signal);
  }

  /** Ends one process, by default with SIGKILL: it cannot clean up. */
  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#processes.get(name);
    this.#processes.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** @param options.keepFiles leaves its folder, with all logs, where it is */
  async stop({ keepFiles = false } = {}): Promise<void> {
    await Promise.all([this.gateway.close(), this.board.close(), ...[...this.#processes.keys()].map((name) => this.kill(name, 'SIGTERM'))]);
    if (!keepFiles) await this.files.remove();
  }

  /** Can signatures be asked for? */
  async isReady(): Promise<boolean> {
    return this.gateway.ready().then(() => true, () => false);
  }

  /** Free presignatures that the nodes report, summed over all of them. */
  async pooled(): Promise<number> {
    const nodes = await this.board.listNodes();
    return nodes.reduce((sum, { presignatures }) => sum + presignatures, 0);
  }

  /** Of the board and the gateway. */
  get urls(): readonly [board: string, gateway: string] {
    return [this.#boardUrl, `http://127.0.0.1:${this.gatewayPort}`];
  }

  get #boardUrl(): string {
    return `http://127.0.0.1:${this.boardPort}`;
  }

  #start(name: string, main: string, env: Readonly<Record<string, string>>, options: readonly string[] = []): void {
    // The output goes straight into the file: if this process copied it, that would take time from what it measures.
    const log = openSync(this.files.logOf(name), 'a');
    // An inspector that is opened on request takes a free port: a fixed one would be the same in all processes.
    const args = ['--inspect-port=127.0.0.1:0', ...options, main];
    const child = spawn(process.execPath, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#processes.set(name, child);
  }
}
