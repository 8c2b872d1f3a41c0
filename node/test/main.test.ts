import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { request } from 'undici';
import { SealKey } from 'sealing/seal_key';
import { sealText } from 'sealing/sealed_file';
import { TestBoard } from 'testkit/board';
import { eventually } from './util/cluster.js';
import { inFolder } from 'testkit/folder';
import { identityText } from 'testkit/fixed_identity';
import { spawnProgram } from 'testkit/program';
import { members } from 'testkit/roster';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** The compiled program, with this environment alone. */
function start(env: Record<string, string>, args: readonly string[] = []) {
  const { child, output, exit: ended } = spawnProgram(MAIN, env, args);
  return { child, output, ended, logged: (event: string) => output.stdout.includes(`"event":"${event}"`) };
}

/** A data folder with roster and identity in clear text, and the environment of its node. */
async function dataFolder(
  folder: string,
  name: string,
  { roster } = members(),
  identity = identityText(name),
): Promise<Record<string, string>> {
  const data = join(folder, 'data');
  await mkdir(data);
  await writeFile(join(data, 'roster.json'), roster.serialize());
  await writeFile(join(data, `identity_${name}.json`), identity);
  return { NODE_ID: name, DATA_DIR: data, SEAL_KEY: 'none', WORKERS: '1' };
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
    expect(output.stdout).toMatch(/^ {2}SEAL_KEY .*required: passphrase-file:PATH/m);
    expect(output.stdout).toMatch(/^ {2}POOL_TARGET .*\(20\)$/m);
  });

  it('refuses bad configuration in one line that names the variable', async () => {
    const { output, ended } = start({ NODE_ID: 'node-1', SEAL_KEY: 'none', THRESHOLD: 'three' });
    expect(await ended).toBe(2);
    expect(output).toEqual({ stdout: '', stderr: 'configuration: THRESHOLD: must be a whole number, 2 to 256\n' });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('says how it is while it waits for the others, and ends on %s', (signal) =>
    inFolder(async (folder) => {
      const board = await TestBoard.start();
      const port = await freePort();
      const env = await dataFolder(folder, 'node-2');
      const node = start({ ...env, MESSAGE_BOARD_URL: board.url, HEALTH_PORT: String(port) });
      await eventually('it waits', () => node.logged('waiting_for_nodes'));
      const health = await request(`http://127.0.0.1:${port}/health`);
      expect(await health.body.json()).toMatchObject({ node_id: 'node-2', stage: 'waiting_for_nodes' });
      const ready = await request(`http://127.0.0.1:${port}/ready`);
      const notReady = { error: { code: 'not_ready', message: 'waiting_for_nodes' } };
      expect([ready.statusCode, await ready.body.json()]).toEqual([503, notReady]);
      node.child.kill(signal);
      expect(await node.ended).toBe(0);
      expect(node.output.stderr).toBe('');
      expect(node.output.stdout).toMatch(/"event":"starting".*"arithmetic":"(openssl|bigint)"/);
      expect(node.output.stdout).toContain(`"roster":"${members().roster.fingerprint}"`);
      expect(node.output.stdout).not.toContain('plain_roster');
      expect(node.output.stdout).toContain('"msg":"Generating safe primes"');
      expect(await readdir(join(folder, 'data'))).toContain('executions_node-2.log');
      await board.close();
    }),
  );

  it('warns at every start in a plain cluster, and of files in clear text', () =>
    inFolder(async (folder) => {
      const board = await TestBoard.start();
      const env = await dataFolder(folder, 'node-1', members(4, 3, 'plain'));
      const node = start({ ...env, MESSAGE_BOARD_URL: board.url });
      await eventually('it warns', () => node.logged('plain_roster') && node.logged('clear_text_files'));
      expect(node.output.stdout).toMatch(/"level":40,.*"event":"plain_roster"/);
      node.child.kill('SIGTERM');
      expect(await node.ended).toBe(0);
      await board.close();
    }));

  it('warns when others can read the file with its key', () =>
    inFolder(async (folder) => {
      const board = await TestBoard.start();
      const key = join(folder, 'key');
      await writeFile(key, 'a'.repeat(64), { mode: 0o644 });
      const sealKey = await SealKey.open({ kind: 'key-file', path: key });
      const identity = await sealText(sealKey, { purpose: 'identity', owner: 'node-1' }, identityText('node-1'));
      const env = await dataFolder(folder, 'node-1', members(), identity);
      const node = start({ ...env, SEAL_KEY: `key-file:${key}`, MESSAGE_BOARD_URL: board.url });
      await eventually('it goes on', () => node.logged('waiting_for_nodes'));
      expect(node.output.stdout).toMatch(/"level":40,.*"event":"secret_file_readable","msg":"[^"]*key: others than its owner can read it/);
      node.child.kill('SIGTERM');
      expect(await node.ended).toBe(0);
      await board.close();
    }));

  it('reads its policy again on SIGHUP, keeps one that it can use, and opens no debugger on SIGUSR1', () =>
    inFolder(async (folder) => {
      const board = await TestBoard.start();
      const policy = join(folder, 'policy.json');
      await writeFile(policy, '{"version":1}');
      const node = start({ ...(await dataFolder(folder, 'node-1')), MESSAGE_BOARD_URL: board.url, POLICY_FILE: policy });
      await eventually('it runs', () => node.logged('waiting_for_nodes'));
      node.child.kill('SIGUSR1');
      await writeFile(policy, '{');
      node.child.kill('SIGHUP');
      await eventually('it says why not', () => node.logged('policy_not_reloaded'));
      await writeFile(policy, '{"version":1,"deny":["*"]}');
      node.child.kill('SIGHUP');
      await eventually('it is read', () => node.logged('policy_reloaded'));
      node.child.kill('SIGTERM');
      expect([await node.ended, node.output.stderr]).toEqual([0, '']);
      expect(await readFile(join(folder, 'data', 'audit_node-1.log'), 'utf8')).toMatch(/"event":"policy_changed"/);
      await board.close();
    }));

  it('ends with code 1, saying why, when its port is taken', () =>
    inFolder(async (folder) => {
      const board = await TestBoard.start();
      const { port } = new URL(board.url);
      const node = start({ ...(await dataFolder(folder, 'node-1')), MESSAGE_BOARD_URL: board.url, HEALTH_PORT: port });
      expect(await node.ended).toBe(1);
      expect(node.output.stdout).toMatch(/"level":60.*EADDRINUSE/);
      await board.close();
    }));

  it('ends with code 2, saying both fingerprints, when the board has another roster', () =>
    inFolder(async (folder) => {
      const other = members(5, 3).roster;
      const board = await TestBoard.start(other);
      const node = start({ ...(await dataFolder(folder, 'node-1')), MESSAGE_BOARD_URL: board.url });
      expect(await node.ended).toBe(2);
      expect(node.output.stdout).toMatch(new RegExp(`"level":60.*${other.fingerprint}.*${members().roster.fingerprint}`));
      expect(node.output.stderr).toBe('');
      await board.close();
    }));

  it('ends with code 1, saying why, when a file is damaged', () =>
    inFolder(async (folder) => {
      const env = await dataFolder(folder, 'node-1');
      await writeFile(join(folder, 'data', 'prime_node-1.1795246538000-0123456789abcdef.json'), '{');
      const node = start({ ...env, MESSAGE_BOARD_URL: 'http://127.0.0.1:9' });
      expect(await node.ended).toBe(1);
      expect(node.output.stdout).toMatch(/"level":60.*prime_node-1\.\d+-[0-9a-f]+\.json cannot be used/);
    }));
  interface Spoiled {
    readonly env: Record<string, string>;
    /** The data folder. */
    readonly data: string;
  }

  it.each<[string, RegExp, (node: Spoiled) => Promise<void> | void]>([
    [
      'there is no roster',
      /data\/roster\.json: cannot be read \(ENOENT\)\. Copy it from another member, or restore the backup\. For a new cluster/,
      ({ env, data }) => { env['ROSTER_FILE'] = join(data, 'data/roster.json'); },
    ],
    [
      'there is no identity',
      /identity_node-1\.json: cannot be read \(ENOENT\)\. Restore it from its backup/,
      ({ data }) => rm(join(data, 'identity_node-1.json')),
    ],
    [
      'the roster has another in its name',
      /roster: it has other keys for node-1 than this identity/,
      ({ data }) => writeFile(join(data, 'identity_node-1.json'), identityText('node-1', ' of another world')),
    ],
    [
      'it is not in the roster',
      /roster: there is no node-9 in it/,
      ({ env, data }) => {
        env['NODE_ID'] = 'node-9';
        return writeFile(join(data, 'identity_node-9.json'), identityText('node-9'));
      },
    ],
    [
      'there is no policy where POLICY_FILE says',
      /^configuration: POLICY_FILE: .*data\/policy\.json: cannot be read \(ENOENT\)\n$/,
      ({ env, data }) => { env['POLICY_FILE'] = join(data, 'policy.json'); },
    ],
    [
      'its policy is not one',
      /^configuration: POLICY_FILE: .*data\/policy\.json: allow: must have a pattern, or not be there\n$/,
      ({ env, data }) => {
        env['POLICY_FILE'] = join(data, 'policy.json');
        return writeFile(env['POLICY_FILE'], '{"version":1,"allow":[]}');
      },
    ],
    ['the threshold is another', /THRESHOLD: it is 3 in the roster/, ({ env }) => { env['THRESHOLD'] = '2'; }],
    [
      'the identity is in clear text and should be sealed',
      /identity_node-1\.json: it is not sealed, and SEAL_KEY is not none/,
      ({ env, data }) => {
        env['SEAL_KEY'] = `key-file:${join(data, 'key')}`;
        return writeFile(join(data, 'key'), 'a'.repeat(64));
      },
    ],
    [
      'its key cannot be had',
      /SEAL_KEY: the command nosuchprogram: cannot be run \(ENOENT\)/,
      ({ env }) => { env['SEAL_KEY'] = 'command:nosuchprogram s3cret'; },
    ],
  ])('refuses to start when %s', (_what, message, spoil) =>
    inFolder(async (folder) => {
      const env = await dataFolder(folder, 'node-1');
      await spoil({ env, data: join(folder, 'data') });
      const { output, ended } = start(env);
      expect(await ended).toBe(2);
      expect(output.stdout).toBe('');
      expect(output.stderr).toMatch(message);
      expect(output.stderr).not.toContain('s3cret');
      expect(output.stderr.split('\n')).toHaveLength(2);
    }),
  );
});
