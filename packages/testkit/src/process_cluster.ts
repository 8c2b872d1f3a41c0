import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SigningStatusSchema, type SigningStatus } from 'api-gateway/contract';
import { SECURITY_128 } from 'cggmp24';
import { fullSafePrimes, SMALL_FOR_TESTS, smallSafePrimes } from 'cggmp24/testing';
import { PrimeFolder } from 'node/testing';
import { SealKey } from 'sealing/seal_key';
import { openText } from 'sealing/sealed_file';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import { request } from 'undici';

const LOOK_MS = 200;
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface ClusterSize {
  readonly nodes: number;
  readonly threshold: number;
  /** The real parameters, with primes from fixtures or searched for by the nodes; or small ones, which protect nothing: for what does not depend on them. */
  readonly primes: 'full' | 'searched' | 'small';
  /** Without envelopes and statements, as for Rust peers. */
  readonly plain?: boolean;
}

/** As it is called in what is measured in it. */
export function nameOf({ nodes, threshold, primes }: ClusterSize): string {
  return `${threshold} of ${nodes}${primes === 'small' ? ', small primes' : ''}`;
}

/** A board, a gateway and nodes, each a process of its own on free ports. */
export class ProcessCluster {
  readonly #processes = new Map<string, ChildProcess>();

  private constructor(
    readonly folder: string,
    readonly size: ClusterSize,
    private readonly boardPort: number,
    private readonly gatewayPort: number,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /** @param settings environment of the board and the nodes */
  static async start(settings: Readonly<Record<string, string>> = {}, size: ClusterSize = { nodes: 4, threshold: 3, primes: 'full' }): Promise<ProcessCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'threshold-signing-e2e-'));
    const cluster = new ProcessCluster(folder, size, await freePort(), await freePort(), settings);
    try {
      await cluster.#makeMembers();
      cluster.startBoard();
      cluster.startGateway();
      for (const number of cluster.numbers) cluster.startNode(number);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Of its nodes: from 1. */
  get numbers(): number[] {
    return Array.from({ length: this.size.nodes }, (_, index) => index + 1);
  }

  /** Ids of its processes that run, by name. */
  get pids(): ReadonlyMap<string, number> {
    return new Map([...this.#processes].flatMap(([name, { pid, exitCode, signalCode }]) => (pid === undefined || exitCode !== null || signalCode !== null ? [] : [[name, pid]])));
  }

  /** Identities and rosters, and primes from fixtures unless they are to be searched for, all sealed under one key. */
  async #makeMembers(): Promise<void> {
    await writeFile(this.#keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
    const program = join(ROOT, 'node/dist/bin/make_cluster.js');
    const { nodes, threshold, plain = false } = this.size;
    const size = ['--nodes', `${nodes}`, '--threshold', `${threshold}`, ...(plain ? ['--plain'] : [])];
    await promisify(execFile)(process.execPath, [program, ...size, '--out', this.folder, '--seal-key', this.sealKey]);
    if (this.size.primes === 'searched') return;
    const sealKey = await this.#openedSealKey();
    const [params, primes] = this.size.primes === 'full' ? [SECURITY_128, fullSafePrimes] : [SMALL_FOR_TESTS, smallSafePrimes];
    for (const number of this.numbers) {
      const folder = new PrimeFolder({ folder: this.dataOf(number), nodeId: `node-${number}`, sealKey, params, clock: systemClock, random: systemRandom });
      for (const prime of primes.slice(4 * (number - 1), 4 * number)) await folder.add(prime);
    }
  }

  get #keyFile(): string {
    return join(this.folder, 'seal.key');
  }

  #openedSealKey(): Promise<SealKey> {
    return SealKey.open({ kind: 'key-file', path: this.#keyFile });
  }

  /** What a node's sealed file holds. */
  async secretOf(number: number, purpose: 'key-share' | 'aux-info'): Promise<unknown> {
    const owner = `node-${number}`;
    const file = await readFile(join(this.dataOf(number), `${purpose.replace('-', '_')}_${owner}.json`), 'utf8');
    return JSON.parse(await openText(await this.#openedSealKey(), { purpose, owner }, file));
  }

  /** All that a node has on its disk. */
  async diskOf(number: number): Promise<string> {
    const names = await readdir(this.dataOf(number));
    return (await Promise.all(names.map((name) => readFile(join(this.dataOf(number), name), 'utf8')))).join('\n');
  }

  /** SEAL_KEY of nodes and gateway. */
  get sealKey(): string {
    return `key-file:${this.#keyFile}`;
  }

  get gatewayUrl(): string {
    return `http://127.0.0.1:${this.gatewayPort}`;
  }

  get boardUrl(): string {
    return `http://127.0.0.1:${this.boardPort}`;
  }

  logOf(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  dataOf(number: number): string {
    return join(this.folder, `node-${number}`);
  }

  startBoard(): void {
    this.#start('message-board', 'message-board/dist/main.js', { PORT: String(this.boardPort), ROSTER_FILE: join(this.folder, 'roster.json'), ...this.settings });
  }

  startGateway(): void {
    this.#start('api-gateway', 'api-gateway/dist/main.js', {
      PORT: String(this.gatewayPort),
      MESSAGE_BOARD_URL: this.boardUrl,
      ROSTER_FILE: join(this.folder, 'gateway', 'roster.json'),
      IDENTITY_FILE: join(this.folder, 'gateway', 'identity_gateway.json'),
      SEAL_KEY: this.sealKey,
    });
  }

  startNode(number: number): void {
    this.#start(`node-${number}`, this.size.primes === 'small' ? 'packages/testkit/dist/small_node.js' : 'node/dist/main.js', {
      NODE_ID: `node-${number}`,
      MESSAGE_BOARD_URL: this.boardUrl,
      DATA_DIR: this.dataOf(number),
      SEAL_KEY: this.sealKey,
      ...this.settings,
    });
  }

  #start(name: string, program: string, env: Readonly<Record<string, string>>): void {
    // Into the file at once: what this process copied would cost what it measures.
    const log = openSync(this.logOf(name), 'a');
    // The port, any free one, of an inspector that is opened only if one asks for it: not the same for all.
    const child = spawn(process.execPath, ['--inspect-port=127.0.0.1:0', join(ROOT, program)], { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#processes.set(name, child);
  }

  /** Ends one process: at once and without a goodbye by default. */
  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#processes.get(name);
    this.#processes.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((name) => this.kill(name, 'SIGTERM')));
    await rm(this.folder, { recursive: true });
  }

  // ---- as a client ----

  async get(path: string): Promise<{ status: number; body: unknown }> {
    const { statusCode, body } = await request(`${this.gatewayUrl}${path}`);
    return { status: statusCode, body: await body.json() };
  }

  async sign(message: string, wait = 0): Promise<SigningStatus> {
    const { statusCode, body } = await request(`${this.gatewayUrl}/sign?wait=${wait}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ message }),
    });
    return signingStatus(statusCode, await body.json());
  }

  async status(id: string, wait = 0): Promise<SigningStatus> {
    const { status, body } = await this.get(`/status/${id}?wait=${wait}`);
    return signingStatus(status, body);
  }

  /** Waits until a request is no longer pending. @throws when that takes longer than `ms` */
  async finished(id: string, ms: number): Promise<SigningStatus> {
    const end = performance.now() + ms;
    for (;;) {
      const status = await this.status(id, Math.max(0, Math.min(25_000, Math.floor(end - performance.now()))));
      if (status.status !== 'pending') return status;
      if (performance.now() > end) throw new Error(`${id} is still pending after ${ms} ms: ${status.reason ?? 'no reason'}`);
    }
  }

  /** Free presignatures that the nodes report, summed over all of them. */
  async pooled(): Promise<number> {
    const { body } = await request(`${this.boardUrl}/nodes`);
    const nodes = (await body.json()) as { status: { pool: Record<string, number> } }[];
    return nodes.flatMap(({ status }) => Object.values(status.pool)).reduce((sum, count) => sum + count, 0);
  }

  /** What the nodes have logged, one object a line. */
  async nodeLogs(): Promise<Record<string, unknown>[]> {
    const logs = await Promise.all(this.numbers.map((number) => readFile(this.logOf(`node-${number}`), 'utf8')));
    return logs.flatMap((text) => text.split('\n').filter((line) => line.startsWith('{'))).map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** All that any process has written to its log. */
  async allLogs(): Promise<string> {
    const names = (await readdir(this.folder)).filter((name) => name.endsWith('.log'));
    return (await Promise.all(names.map((name) => readFile(join(this.folder, name), 'utf8')))).join('\n');
  }
}

function signingStatus(code: number, body: unknown): SigningStatus {
  if (code !== 200) throw new Error(`the gateway answers ${code} ${JSON.stringify(body)}`);
  return SigningStatusSchema.parse(body);
}

/** Waits until `holds`. @throws when it does not within `ms` */
export async function eventually(what: string, holds: () => Promise<boolean>, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
