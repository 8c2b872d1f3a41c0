/** The scripts, in a folder of their own that is there for one test, with programs that stand for podman, npm and others. */
import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './repository.js';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The machine's own do not count: a test says which there are. */
const CONTAINER_TOOLS = ['podman', 'podman-compose'];

export class ScriptFolder {
  private constructor(readonly path: string) {}

  static async make(): Promise<ScriptFolder> {
    const path = await realpath(await mkdtemp(join(tmpdir(), 'scripts-')));
    await cp(join(ROOT, 'scripts'), join(path, 'scripts'), { recursive: true });
    await cp(join(ROOT, 'package.json'), join(path, 'package.json'));
    for (const name of ['bin', 'tools']) await mkdir(join(path, name));
    const tools = (await readdir('/usr/bin')).filter((name) => !CONTAINER_TOOLS.includes(name));
    await Promise.all(tools.map((name) => symlink(join('/usr/bin', name), join(path, 'tools', name))));
    return new ScriptFolder(path);
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true });
  }

  /** Puts a program first on PATH. */
  async program(name: string, script: string): Promise<void> {
    const path = join(this.path, 'bin', name);
    await writeFile(path, `#!/bin/bash\n${script}\n`);
    await chmod(path, 0o755);
  }

  run(command: readonly string[], variables: Record<string, string> = {}): Promise<Ran> {
    const PATH = [join(this.path, 'bin'), dirname(process.execPath), join(this.path, 'tools')].join(':');
    const ports = { GATEWAY_PORT: '1', BOARD_PORT: '2', NODE_PORT: '3' };
    const env = { PATH, HOME: this.path, COMPOSE_PROJECT_NAME: 'a-folder', ...ports, ...variables };
    const [first = '', ...args] = command;
    const child = spawn(first, args, { cwd: this.path, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    return new Promise((resolve) => child.once('close', (code) => { resolve({ code, ...output }); }));
  }

  /** Runs what stands after the settings are loaded. */
  bash(script: string, env?: Record<string, string>): Promise<Ran> {
    return this.run(['bash', '-c', `source scripts/system.sh; load_settings; ${script}`], env);
  }

  /** A cluster has its data here. */
  async localData(): Promise<void> {
    await mkdir(join(this.path, 'data'));
    await writeFile(join(this.path, 'data/roster.json'), '{}');
  }
}

/** Something listens on a port of this machine meanwhile. */
export async function inUse(act: (port: number) => Promise<void>): Promise<void> {
  const server = createServer((_request, response) => response.end('here'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await act((server.address() as AddressInfo).port);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
