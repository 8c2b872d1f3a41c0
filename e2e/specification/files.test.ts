/** The files that the specification names, and the containers. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { departs } from './departures.js';
import { NODES, ROOT } from './running_cluster.js';

const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');

describe('source files', () => {
  const protocol = ['keygen', 'aux_info', 'signing', 'signing_fast', 'presignature', 'presignature_pool', 'http_transport', 'utils'];
  const programs = ['verify_signature', 'verify_from_api', 'export_pubkey'];
  it.each([
    ['node/src', ['main', ...protocol, ...programs]],
    ['message-board/src', ['main']],
    ['api-gateway/src', ['main']],
  ])(`%s has the files of the specification, in whatever folder ${departs('typescript')}`, async (folder, names) => {
    const files = (await readdir(join(ROOT, folder), { recursive: true })).map((path) => basename(path));
    expect(files).toEqual(expect.arrayContaining(names.map((name) => `${name}.ts`)));
  });

  it(`the board's client and the contracts are package exports ${departs('sharedClient', 'typescript')}`, async () => {
    const exportsOf = async (workspace: string): Promise<string[]> =>
      Object.keys((JSON.parse(await read(`${workspace}/package.json`)) as { exports: Record<string, unknown> }).exports);
    expect(await exportsOf('message-board')).toEqual(expect.arrayContaining(['./client', './contract']));
    expect(await exportsOf('api-gateway')).toContain('./contract');
  });

  it('the scripts can be executed', async () => {
    const names = ['start', 'stop', 'logs', 'demo', 'test-message-board', 'test-api-gateway', 'test-e2e', 'test-sign-and-verify', 'test'];
    for (const name of names) expect((await stat(join(ROOT, 'scripts', `${name}.sh`))).mode & 0o111).toBe(0o111);
  });

  it.each(['README.md', '.gitignore', 'podman-compose.yml'])('%s', async (name) => {
    expect(await read(name)).not.toBe('');
  });
});

describe('containers', () => {
  const services = ['message-board', 'api-gateway', ...NODES];

  /** The lines of one service in podman-compose.yml. */
  async function composed(name: string): Promise<string> {
    const found = new RegExp(`^  ${name}:\n((?:    .*\n|\n)+)`, 'm').exec(await read('podman-compose.yml'));
    return found?.[1] ?? '';
  }

  it.each(services)(`%s is a service, and no other cluster can take its container ${departs('containerNames')}`, async (name) => {
    expect(await composed(name)).toMatch(/^ {4}<<: \*(service|node)$/m);
    expect(await composed(name)).not.toMatch(/container_name:/);
  });

  it.each(NODES)('%s knows its NODE_ID', async (name) => {
    expect(await composed(name)).toMatch(new RegExp(`^      NODE_ID: ${name}$`, 'm'));
  });

  it('the gateway is published on port 8000, the board on loopback alone', async () => {
    expect(await composed('api-gateway')).toMatch(/^ +- "(\$\{GATEWAY_HOST:-127\.0\.0\.1\}:)?\$\{GATEWAY_PORT:-8000\}:8000"$/m);
    expect(await composed('message-board')).toMatch(/^ +- "127\.0\.0\.1:\$\{BOARD_PORT:-8080\}:8080"$/m);
  });

  it('they are in the network threshold-net, where nodes and gateway find the board', async () => {
    const file = await read('podman-compose.yml');
    expect(file).toMatch(/^ {2}threshold-net:$/m);
    expect(file).toMatch(/^ +MESSAGE_BOARD_URL: http:\/\/message-board:8080$/m);
    expect(await composed('api-gateway')).toContain('http://message-board:8080');
  });

  it(`are of one image, with bash and curl inside ${departs('oneContainerfile')}`, async () => {
    const file = await read('Containerfile');
    expect(file).toMatch(/apt-get install[^&]* bash /);
    expect(file).toMatch(/apt-get install[^&]* curl/);
  });
});
