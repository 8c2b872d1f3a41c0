/** What a container is made of, without podman: its scripts are run here, and its files are read. */
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { read, ROOT } from './util/repository.js';

const run = promisify(execFile);
const operations = read('docs/operations.md');
/** The commands in a block of the documentation, as one gives them in a container: without the script that finds Node.js. */
const commandsIn = (block: string): string[] =>
  block
    .replace(/\\\n +/g, '')
    .split('\n')
    .map((line) => line.replace('./scripts/run ', ''))
    .filter((line) => line !== '' && !line.startsWith('#'));
/** The commands of a section. */
const linesAfter = (heading: string): string[] =>
  commandsIn(/```sh\n([^]*?)```/.exec(operations.slice(operations.indexOf(heading)))?.[1] ?? '');

let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'container-'));
  await mkdir(join(folder, 'bin'));
  await run(join(ROOT, 'container/link-programs'), [join(ROOT, 'node/dist/bin'), join(folder, 'bin')]);
  env = { PATH: [join(folder, 'bin'), dirname(process.execPath), '/usr/bin', '/bin'].join(':') };
});
afterAll(() => rm(folder, { recursive: true }));

describe('the programs in a container', () => {
  it('have the names that node/package.json gives them, and start', async () => {
    const { bin } = JSON.parse(read('node/package.json')) as { bin: Record<string, string> };
    expect((await readdir(join(folder, 'bin'))).sort()).toEqual(Object.keys(bin).sort());
    for (const name of Object.keys(bin)) expect((await run(name, ['--help'], { env })).stdout).toMatch(new RegExp(`^Usage: ${name} `));
  });

  it('are those of docs/operations.md, with their options', async () => {
    const blocks = [...operations.matchAll(/```sh\n([^]*?)```/g)].map(([, block = '']) => block);
    const calls = blocks.flatMap(commandsIn).filter((line) => /^[a-z]+-[a-z-]+ /.test(line));
    expect(calls.length).toBeGreaterThan(6);
    for (const call of calls) {
      const [name = '', ...words] = call.split(' ');
      const { stdout } = await run(name, ['--help'], { env });
      const unknown = words.filter((word) => word.startsWith('--') && !stdout.includes(word));
      expect([call, unknown]).toEqual([call, []]);
    }
  });

  it('make a cluster of four operators as docs/operations.md writes it', async () => {
    const place = join(folder, 'operators');
    await mkdir(place);
    await writeFile(join(place, 'secret'), 'correct horse battery', { mode: 0o600 });
    const shell = async (line: string): Promise<string> => {
      const command = line.replaceAll('/run/secrets/node-2', join(place, 'secret'));
      return (await run('bash', ['-c', command], { cwd: place, env })).stdout;
    };
    const [identity = '', cluster = '', fingerprint = '', check = ''] = linesAfter('## A new cluster');
    expect(identity).toContain('--name node-2 ');
    for (const name of ['node-1', 'node-2', 'node-3', 'node-4', 'gateway']) {
      await shell(identity.replace('--name node-2', `--name ${name}`).replace('data/node-2', `data/${name}`));
    }
    await shell('cp data/*/card_* .');
    const described = await shell(cluster);
    await cp(join(place, 'data/cluster/roster.json'), join(place, 'data/node-2/roster.json'));
    expect(described).toContain(`fingerprint  ${await shell(fingerprint)}`);
    expect(await shell(check)).toMatch(/^✓ 4 nodes, 3 sign; sealed[^]*\n✓ contains node-2\n✓ contains node-2\n$/);
  });
});

describe('await-roster', () => {
  const roster = (): string => join(folder, 'awaited.json');
  const awaiting = (...command: string[]) =>
    spawn(join(ROOT, 'container/await-roster'), command, { env: { ...env, ROSTER_FILE: roster() }, stdio: 'ignore' });
  const ended = (child: ReturnType<typeof awaiting>): Promise<number | null> => new Promise((resolve) => child.once('close', resolve));

  it('lets a program for operators begin without a roster', async () => {
    expect(await ended(awaiting('make-identity', '--help'))).toBe(0);
  });

  it('lets a service begin when the roster is there', async () => {
    const service = awaiting('node', '-e', 'process.exit(require("node:fs").existsSync(process.env.ROSTER_FILE) ? 5 : 6)');
    const exit = ended(service);
    await writeFile(roster(), '{}');
    expect(await exit).toBe(5);
  });
});

describe('containers', () => {
  const compose = read('podman-compose.yml');

  it('have no name that another cluster on the machine would have too', () => {
    expect(compose).not.toMatch(/container_name:|^ +name:/m);
  });

  it('publish ports on loopback, unless GATEWAY_HOST says otherwise', () => {
    const ports = [...compose.matchAll(/^ +ports:\n((?: +- .*\n)+)/gm)].flatMap(([, list = '']) => list.trim().split(/\n *- |^- /));
    expect(ports.filter((port) => port !== '')).toEqual([
      '"127.0.0.1:${BOARD_PORT:-8080}:8080"',
      '"${GATEWAY_HOST:-127.0.0.1}:${GATEWAY_PORT:-8000}:8000"',
    ]);
  });

  it('are built from what the Containerfile copies: the projects of its build and all that they refer to, and no other', () => {
    const image = read('Containerfile');
    const referred = (path: string): string[] => {
      const { references = [] } = JSON.parse(read(`${path}/tsconfig.json`)) as { references?: { path: string }[] };
      return [path, ...references.flatMap((reference) => referred(join(path, reference.path)))];
    };
    const projects = /^RUN npx tsc -b ([^&]*) &&/m.exec(image)?.[1]?.split(' ') ?? [];
    const needed = [...new Set(projects.flatMap(referred))].sort();
    expect(needed).toEqual(expect.arrayContaining(['node', 'api-gateway', 'message-board', 'packages/cggmp24']));
    // npm prune keeps what the copied workspaces depend on: a workspace for tests would bring its libraries along.
    expect([...image.matchAll(/^COPY (.*)\/package\.json \1\/$/gm)].map(([, path = '']) => path).sort()).toEqual(needed);
    expect([...image.matchAll(/^COPY (\S*) \1$/gm)].map(([, path = '']) => path).sort()).toEqual(needed);
    const readable = read('.containerignore').split('\n');
    for (const path of needed) expect(readable).toContain(`!${path.split('/')[0] ?? ''}`);
    for (const [program] of compose.matchAll(/[a-z-]+(?=\/dist\/main\.js)/g)) expect(needed).toContain(program);
  });

  it('have the scripts that podman-compose.yml names, and link the programs', async () => {
    const image = read('Containerfile');
    const scripts = await readdir(join(ROOT, 'container'));
    const copied = /^COPY (container\/.*) \/usr\/local\/bin\/$/m.exec(image)?.[1]?.split(' ') ?? [];
    expect(copied.map((path) => path.replace('container/', '')).sort()).toEqual(scripts.sort());
    expect(image).toMatch(/^RUN link-programs \/app\/node\/dist\/bin \/usr\/local\/bin$/m);
    expect(image).toContain('ENTRYPOINT ["await-roster"]');
    expect(scripts).toContain(/entrypoint: \["(.*)"\]/.exec(compose)?.[1]);
    expect(scripts).toContain(/test: \/usr\/local\/bin\/(.*)/.exec(compose)?.[1]);
    // A script of the same name would hide a program.
    const { bin } = JSON.parse(read('node/package.json')) as { bin: Record<string, string> };
    for (const name of scripts) expect(Object.keys(bin)).not.toContain(name);
  });
});
