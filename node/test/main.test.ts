import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { TestBoard } from './util/board.js';
import { eventually } from './util/cluster.js';
import { inFolder } from './util/folder.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** The compiled program, with this environment alone. */
function start(env: Record<string, string>, args: readonly string[] = []) {
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, output, ended, logged: (event: string) => output.stdout.includes(`"event":"${event}"`) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('the program', () => {
  it('prints its variables', async () => {
    const { output, ended } = start({}, ['--help']);
    expect(await ended).toBe(0);
    expect(output.stdout).toMatch(/^ {2}NODE_ID /m);
    expect(output.stdout).toMatch(/^ {2}THRESHOLD .*\(3\)$/m);
  });

  it('refuses bad configuration in one line that names the variable', async () => {
    const { output, ended } = start({ NODE_ID: 'node-1', THRESHOLD: 'three' });
    expect(await ended).toBe(2);
    expect(output).toEqual({ stdout: '', stderr: 'configuration: THRESHOLD: must be a whole number, 2 to 256\n' });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('says how it is while it waits for the others, and ends on %s', (signal) =>
    inFolder(async (folder) => {
      const board = await TestBoard.start();
      const port = await freePort();
      const env = { NODE_ID: 'node-2', MESSAGE_BOARD_URL: board.url, DATA_DIR: join(folder, 'data'), HEALTH_PORT: String(port), WORKERS: '1' };
      const node = start(env);
      await eventually('it waits', () => node.logged('waiting_for_nodes'));
      const health = await request(`http://127.0.0.1:${port}/health`);
      expect(await health.body.json()).toMatchObject({ node_id: 'node-2', stage: 'waiting_for_nodes' });
      const ready = await request(`http://127.0.0.1:${port}/ready`);
      expect([ready.statusCode, await ready.body.json()]).toEqual([503, { error: { code: 'not_ready', message: 'waiting_for_nodes' } }]);
      node.child.kill(signal);
      expect(await node.ended).toBe(0);
      expect(node.output.stderr).toBe('');
      expect(node.output.stdout).toMatch(/"event":"starting".*"arithmetic":"(openssl|bigint)"/);
      expect(node.output.stdout).toContain('"msg":"Generating safe primes"');
      expect(await readdir(join(folder, 'data'))).toContain('executions_node-2.log');
      await board.close();
    }),
  );

  it('warns at every start among Rust nodes', () =>
    inFolder(async (folder) => {
      const board = await TestBoard.start();
      const node = start({ NODE_ID: 'node-1', MESSAGE_BOARD_URL: board.url, DATA_DIR: folder, WORKERS: '1', RUST_INTEROP: '1' });
      await eventually('it warns', () => node.logged('rust_interop'));
      node.child.kill('SIGTERM');
      expect(await node.ended).toBe(0);
      await board.close();
    }));

  it('ends with code 1, saying why, when its port is taken', () =>
    inFolder(async (folder) => {
      const board = await TestBoard.start();
      const { port } = new URL(board.url);
      const node = start({ NODE_ID: 'node-1', MESSAGE_BOARD_URL: board.url, DATA_DIR: folder, WORKERS: '1', HEALTH_PORT: port });
      expect(await node.ended).toBe(1);
      expect(node.output.stdout).toMatch(/"level":60.*EADDRINUSE/);
      await board.close();
    }));

  it('ends with code 1, saying why, when a file is damaged', () =>
    inFolder(async (folder) => {
      await mkdir(join(folder, 'data'));
      await writeFile(join(folder, 'data', 'primes_node-1.json'), '{');
      const node = start({ NODE_ID: 'node-1', MESSAGE_BOARD_URL: 'http://127.0.0.1:9', DATA_DIR: join(folder, 'data'), WORKERS: '1' });
      expect(await node.ended).toBe(1);
      expect(node.output.stdout).toMatch(/"level":60.*primes_node-1\.json cannot be used/);
    }));
});
