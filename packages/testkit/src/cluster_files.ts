import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SECURITY_128 } from 'cggmp24';
import { fullSafePrimes, SMALL_FOR_TESTS, smallSafePrimes } from 'cggmp24/testing';
import { PrimeFolder } from 'node/testing';
import { SealKey } from 'sealing/seal_key';
import { openText } from 'sealing/sealed_file';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import { ROOT, type LogEvent } from './program.js';

export interface ClusterSize {
  readonly nodes: number;
  readonly threshold: number;
  /**
   * The real parameters, with primes from fixtures (`full`) or from the nodes' own search (`searched`). Or small parameters, which
   * protect nothing, for tests that do not depend on them.
   */
  readonly primes: 'full' | 'searched' | 'small';
  /** Without envelopes and statements, as for Rust peers. */
  readonly plain?: boolean;
}

/** The folder of a cluster of processes: identities and roster of its members, what the nodes keep, and all logs. */
export class ClusterFiles {
  private constructor(
    readonly folder: string,
    private readonly size: ClusterSize,
  ) {}

  /** Identities and rosters, and primes from fixtures unless they are to be searched for, all sealed under one key. */
  static async make(size: ClusterSize): Promise<ClusterFiles> {
    const files = new ClusterFiles(await mkdtemp(join(tmpdir(), 'threshold-signing-cluster-')), size);
    try {
      await files.#makeMembers();
      return files;
    } catch (error) {
      await files.remove();
      throw error;
    }
  }

  get rosterFile(): string {
    return join(this.folder, 'roster.json');
  }

  /** SEAL_KEY of nodes and gateway. */
  get sealKey(): string {
    return `key-file:${this.#keyFile}`;
  }

  /** Of the gateway: its roster and its identity. */
  get gateway(): { roster: string; identity: string } {
    const folder = join(this.folder, 'gateway');
    return { roster: join(folder, 'roster.json'), identity: join(folder, 'identity_gateway.json') };
  }

  logOf(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  dataOf(number: number): string {
    return join(this.folder, `node-${number}`);
  }

  /** What a node's sealed file holds. */
  async secretOf(number: number, purpose: 'key-share' | 'aux-info'): Promise<unknown> {
    const owner = `node-${number}`;
    const file = await readFile(join(this.dataOf(number), `${purpose.replace('-', '_')}_${owner}.json`), 'utf8');
    return JSON.parse(await openText(await this.#openSealKey(), { purpose, owner }, file));
  }

  /** All that a node has on its disk. */
  async diskOf(number: number): Promise<string> {
    const names = await readdir(this.dataOf(number));
    return (await Promise.all(names.map((name) => readFile(join(this.dataOf(number), name), 'utf8')))).join('\n');
  }

  /** What the nodes have logged. */
  async nodeLogs(): Promise<LogEvent[]> {
    const numbers = Array.from({ length: this.size.nodes }, (_, index) => index + 1);
    const logs = await Promise.all(numbers.map((number) => readFile(this.logOf(`node-${number}`), 'utf8')));
    return logs.flatMap((text) => text.split('\n').filter((line) => line.startsWith('{'))).map((line) => JSON.parse(line) as LogEvent);
  }

  /** All that any process has written to its log. */
  async allLogs(): Promise<string> {
    const names = (await readdir(this.folder)).filter((name) => name.endsWith('.log'));
    return (await Promise.all(names.map((name) => readFile(join(this.folder, name), 'utf8')))).join('\n');
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }

  get #keyFile(): string {
    return join(this.folder, 'seal.key');
  }

  #openSealKey(): Promise<SealKey> {
    return SealKey.open({ kind: 'key-file', path: this.#keyFile });
  }

  async #makeMembers(): Promise<void> {
    const { nodes, threshold, primes, plain = false } = this.size;
    await writeFile(this.#keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
    const program = fileURLToPath(new URL('node/dist/bin/make_cluster.js', ROOT));
    const size = ['--nodes', `${nodes}`, '--threshold', `${threshold}`, ...(plain ? ['--plain'] : [])];
    await promisify(execFile)(process.execPath, [program, ...size, '--out', this.folder, '--seal-key', this.sealKey]);
    if (primes === 'searched') return;
    const sealKey = await this.#openSealKey();
    const [params, all] = primes === 'full' ? [SECURITY_128, fullSafePrimes] : [SMALL_FOR_TESTS, smallSafePrimes];
    for (let number = 1; number <= nodes; number++) {
      const folder = new PrimeFolder({
        folder: this.dataOf(number),
        nodeId: `node-${number}`,
        sealKey,
        params,
        clock: systemClock,
        random: systemRandom,
      });
      for (const prime of all.slice(4 * (number - 1), 4 * number)) await folder.add(prime);
    }
  }
}
