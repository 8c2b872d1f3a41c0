import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { objectionTo } from '../src/start_program.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const Manifest = z.object({
  engines: z.object({ node: z.string() }).optional(),
  workspaces: z.array(z.string()).optional(),
  bin: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
});
const manifest = (folder: string) => Manifest.parse(JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')));

/** Built programs, from the project's folder. */
const COMMANDS = Object.values(manifest('node').bin ?? {}).map((path) => join('node', path));
const SERVICES = ['node', 'message-board', 'api-gateway'].map((folder) => join(folder, 'dist/main.js'));

/** The first Node.js on PATH that is too old; undefined when there is none. */
const OLD_NODE = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .find(
    (node) => existsSync(node) && objectionTo(execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()) !== null,
  );

/** Runs a program without arguments. */
function run(node: string, args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(node, args, { cwd: ROOT }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

describe('an objection to a version of Node.js', () => {
  it.each(['18.20.8', '20.19.0', '22.22.0', '23.11.1', '9.0.0'])('%s is too old', (version) => {
    expect(objectionTo(version)).toBe(
      `Node.js 24.0.0 or later is needed, and this is ${version}: use scripts/run, or install Node.js from https://nodejs.org`,
    );
  });

  it.each(['24.0.0', '24.0.1', '24.10.0', '25.0.0-nightly20260101abcdef', '100.0.0'])('%s is not', (version) => {
    expect(objectionTo(version)).toBeNull();
  });

  it('is the same in all packages, and there is none to what the scripts install', () => {
    const root = manifest('.');
    for (const folder of root.workspaces ?? []) expect([folder, manifest(folder).engines]).toEqual([folder, root.engines]);
    const installed = Object.values(manifest('scripts/runtime').optionalDependencies ?? {});
    expect(new Set(installed).size).toBe(1);
    for (const version of installed) expect(objectionTo(version)).toBeNull();
  });
});

describe('every program', () => {
  it('imports nothing before it knows the version', () => {
    const start = (shebang: string, path: string): string =>
      `${shebang}import { startProgram } from 'service/start_program';\n\nawait startProgram(() => import('${path}'));\n`;
    const source = (path: string): string => readFileSync(join(ROOT, path.replace('/dist/', '/src/').replace(/\.js$/, '.ts')), 'utf8');
    for (const path of [...SERVICES, 'bench/dist/main.js']) expect([path, source(path)]).toEqual([path, start('', './program.js')]);
    for (const path of COMMANDS)
      expect([path, source(path)]).toEqual([path, start('#!/usr/bin/env node\n', `../commands/${basename(path)}`)]);
    expect(COMMANDS.length).toBeGreaterThan(10);
  });

  it('says that Node.js is too old, in one line, and ends with code 2', async () => {
    const older = "data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })";
    for (const path of [...SERVICES, ...COMMANDS]) {
      expect([path, await run(process.execPath, ['--import', older, path])]).toEqual([
        path,
        { code: 2, stdout: '', stderr: `${String(objectionTo('20.20.2'))}\n` },
      ]);
    }
  });

  (OLD_NODE === undefined ? it.skip : it)('says so under an older Node.js, where there is one on this machine', async () => {
    for (const path of [...SERVICES, ...COMMANDS]) {
      const { code, stdout, stderr } = await run(OLD_NODE ?? '', [path]);
      expect([path, code, stdout]).toEqual([path, 2, '']);
      expect(stderr).toMatch(/^Node\.js 24\.0\.0 or later is needed, and this is .*\n$/);
    }
  });
});
