import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HttpService } from './http.js';
import { run, StartedService } from './programs.js';
import { dataRoot, NODES, sealKey, type NodeName } from './running_cluster.js';

const ROSTER_FILE = join(dataRoot, 'roster.json');

/**
 * A second cluster with the shares of the running one, restored from backups, behind a board and a gateway of its own: for what cannot be
 * shown on the running one without taking it apart. The two know nothing of each other.
 */
export class RestoredCluster {
  readonly nodes = new Map<NodeName, StartedService>();

  private constructor(
    private readonly folder: string,
    readonly boardService: StartedService,
    readonly gatewayService: StartedService,
  ) {}

  /** A board and a gateway; no node yet. */
  static async start(): Promise<RestoredCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'specification-'));
    const boardSettings = { ROSTER_FILE };
    const boardService = await StartedService.start('message-board/dist/main.js', 'PORT', boardSettings, join(folder, 'board.log'));
    const gatewaySettings = {
      MESSAGE_BOARD_URL: boardService.http.url,
      DATA_DIR: join(folder, 'gateway'),
      ROSTER_FILE,
      IDENTITY_FILE: join(dataRoot, 'gateway', 'identity_gateway.json'),
      SEAL_KEY: sealKey,
    };
    const gatewayService = await StartedService.start('api-gateway/dist/main.js', 'PORT', gatewaySettings, join(folder, 'gateway.log'));
    return new RestoredCluster(folder, boardService, gatewayService);
  }

  get board(): HttpService {
    return this.boardService.http;
  }

  get gateway(): HttpService {
    return this.gatewayService.http;
  }

  logOf(node: NodeName): string {
    return join(this.folder, `${node}.log`);
  }

  /** Restores all nodes and starts them. @param settings environment of each besides NODE_ID, MESSAGE_BOARD_URL and where its files are */
  async startNodes(settings: (node: NodeName) => Readonly<Record<string, string>>): Promise<void> {
    const keyFile = join(this.folder, 'backup.key');
    await writeFile(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
    const start = async (node: NodeName): Promise<void> => {
      const [backup, data] = [join(this.folder, `${node}.backup`), join(this.folder, node)];
      const keys = ['--backup-key', `key-file:${keyFile}`, '--seal-key', sealKey];
      await succeed('node/dist/bin/backup_share.js', ['--data', join(dataRoot, node), '--name', node, '--out', backup, ...keys]);
      await succeed('node/dist/bin/restore_share.js', ['--backup', backup, '--roster', ROSTER_FILE, '--data', data, ...keys]);
      const environment = { NODE_ID: node, MESSAGE_BOARD_URL: this.board.url, DATA_DIR: data, SEAL_KEY: sealKey, ...settings(node) };
      this.nodes.set(node, await StartedService.start('node/dist/main.js', 'HEALTH_PORT', environment, this.logOf(node)));
    };
    await Promise.all(NODES.map(start));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.nodes.values(), this.gatewayService, this.boardService].map((service) => service.stop()));
    await rm(this.folder, { recursive: true });
  }
}

async function succeed(program: string, args: readonly string[]): Promise<void> {
  const { code, complaint } = await run(program, args);
  if (code !== 0) throw new Error(`${program}: ${complaint}`);
}
