import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { HttpService, eventually } from './http.js';
import { ROOT } from './running_cluster.js';

type Environment = Readonly<Record<string, string>>;

/** Programs find the same Node.js as these tests run with. */
const PATH = [dirname(process.execPath), process.env['PATH']].join(delimiter);

export interface Outcome {
  readonly code: number | null;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly complaint: string;
}

/** Runs a program of this checkout to its end. @param program a path from its root: a .js file for Node.js, or something executable */
export async function run(program: string, args: readonly string[] = [], environment: Environment = {}): Promise<Outcome> {
  const path = join(ROOT, program);
  const [file, all] = program.endsWith('.js') ? [process.execPath, [path, ...args]] : [path, args];
  const env = { ...process.env, PATH, ...environment };
  const child = spawn(file, all, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [out, complaint, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, out, complaint };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A message board, a gateway or a node, started for one test file. */
export class StartedService {
  private constructor(
    private readonly child: ChildProcess,
    readonly http: HttpService,
    readonly log: string,
  ) {}

  /** @param environment all of it, but for PATH; with the port in `portName`, where `/health` is */
  static async start(program: string, portName: 'PORT' | 'HEALTH_PORT', environment: Environment, log: string): Promise<StartedService> {
    const port = await freePort();
    const file = openSync(log, 'a');
    const env = { PATH, ...environment, [portName]: String(port) };
    const child = spawn(process.execPath, [join(ROOT, program)], { env, stdio: ['ignore', file, file] });
    closeSync(file);
    const service = new StartedService(child, new HttpService(`http://127.0.0.1:${port}`), log);
    await eventually(`${program} answers; its log is ${log}`, async () => {
      if (child.exitCode !== null) throw new Error(`${program} has ended with code ${child.exitCode}; its log is ${log}`);
      return service.http.get('/health').catch(() => undefined);
    });
    return service;
  }

  /** As `podman stop` does. @returns its exit code */
  async stop(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await exited;
    }
    return this.child.exitCode;
  }
}
