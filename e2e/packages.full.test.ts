/**
 * The libraries as strangers get them: the files of `npm pack`, installed into an empty folder far from this repository. Installs
 * their dependencies from the registry, or from npm's cache.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { build, type BuildOptions } from 'esbuild';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGES = ['cggmp24', 'sealing'] as const;
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const PackedSchema = z.array(z.object({ name: z.enum(PACKAGES), filename: z.string(), files: z.array(z.object({ path: z.string() })) }));

let folder: string;
let project: string;
let packed: z.infer<typeof PackedSchema>;

interface Ending {
  readonly code: number;
  readonly output: string;
}

/** Runs a program to its end, whatever that is. */
async function run(cwd: string, program: string, ...args: string[]): Promise<Ending> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { cwd, maxBuffer: 1 << 24 });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = z.object({ code: z.number(), stdout: z.string(), stderr: z.string() }).parse(error);
    return { code, output: stdout + stderr };
  }
}

const node = (cwd: string, ...args: string[]): Promise<Ending> => run(cwd, process.execPath, ...args);

async function npm(cwd: string, ...args: string[]): Promise<string> {
  const { code, output } = await run(cwd, 'npm', ...args);
  if (code !== 0) throw new Error(`npm ${args.join(' ')}: ${output}`);
  return output;
}

/** Puts a file into the empty project. */
async function write(name: string, text: string): Promise<string> {
  await writeFile(join(project, name), text);
  return name;
}

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'packages-')));
  project = join(folder, 'project');
  await mkdir(project);
  const workspaces = PACKAGES.flatMap((name) => ['-w', `packages/${name}`]);
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder, ...workspaces];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: ROOT });
  const listed: unknown = JSON.parse(stdout);
  packed = PackedSchema.parse(Array.isArray(listed) ? listed : Object.values(listed as object));
  await npm(project, 'init', '-y');
  await npm(project, 'pkg', 'set', 'type=module');
  const archives = packed.map(({ filename }) => join(folder, filename));
  await npm(project, 'install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', ...archives);
  for (const name of PACKAGES) {
    for (const example of await readdir(join(ROOT, 'packages', name, 'examples'))) {
      await copyFile(join(project, 'node_modules', name, 'examples', example), join(project, example));
    }
  }
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('the file of npm pack', () => {
  it.each(PACKAGES)('has what %s needs, and no tests', (name) => {
    const paths = packed.find((one) => one.name === name)?.files.map(({ path }) => path) ?? [];
    expect(paths).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'package.json']));
    expect(paths.some((path) => /^dist\/.+\.d\.ts$/.test(path))).toBe(true);
    expect(paths.filter((path) => !/^(dist|src|examples)\/|^(README\.md|LICENSE|package\.json)$/.test(path))).toEqual([]);
  });
});

describe('in an empty project', () => {
  it('two of three parties sign, with real parameters', async () => {
    const { code, output } = await node(project, 'two_of_three.ts');
    expect(output).toContain('real ones, 128-bit security');
    expect(output.trim()).toMatch(/The signature is valid$/);
    expect(code).toBe(0);
  });

  it('a sealed message is read by its recipient', async () => {
    const { code, output } = await node(project, 'sealed_message.ts');
    expect(output).toContain('node-2 reads: for node-2 alone');
    expect(code).toBe(0);
  });

  it('a strict program compiles without the types of Node.js, the declarations checked too', async () => {
    const ofSealing = [
      'identity', 'json', 'roster', 'statement', 'kinds', 'envelope', 'errors', 'seal_key', 'sealed_file', 'member',
    ];
    const imports = ['cggmp24', 'cggmp24/testing', ...ofSealing.map((name) => `sealing/${name}`)];
    const uses = `
      import { run, keygen, verify, type CoreKeyShare, type Recipient, type Transport } from 'cggmp24';
      import { Identity } from 'sealing/identity';
      export const transport: Transport = {
        send: ({ to }) => { const recipient: Recipient = to; void recipient; },
        next: () => Promise.reject(new Error('nobody')),
      };
      const executionId = new Uint8Array(16);
      export const share: Promise<CoreKeyShare> = run(keygen({ executionId, index: 0, parties: 3, threshold: 2 }), transport);
      export const holds: boolean = verify({ r: 1n, s: 1n }, new Uint8Array(33), new Uint8Array());
      export const name: string = Identity.generate('node-1').name;
    `;
    await write('consumer.ts', [...imports.map((name, k) => `import * as all${k} from '${name}';\nvoid all${k};`), uses].join('\n'));
    const compilerOptions = {
      ...{ target: 'ES2023', module: 'NodeNext', types: [], strict: true, skipLibCheck: false },
      ...{ noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, noEmit: true },
    };
    await write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
    expect(await node(project, TSC, '-p', '.')).toEqual({ code: 0, output: '' });
    // And it is compiled at all.
    const wrong = 'export const holds: string = verify({ r: 1n, s: 1n }, new Uint8Array(), new Uint8Array());';
    await write('consumer.ts', `import { verify } from 'cggmp24';\n${wrong}`);
    expect((await node(project, TSC, '-p', '.')).output).toContain("Type 'boolean' is not assignable to type 'string'");
  });

  it('CommonJS requires them', async () => {
    await write('required.cjs', `console.log(typeof require('cggmp24').keygen, typeof require('sealing/identity').Identity)`);
    expect(await node(project, 'required.cjs')).toEqual({ code: 0, output: 'function function\n' });
  });
});

describe('bundled by esbuild', () => {
  /** @returns the path of the bundle, in a folder without node_modules */
  async function bundle(name: string, options: BuildOptions): Promise<string> {
    const outfile = join(folder, 'bundles', name);
    await build({ absWorkingDir: project, bundle: true, outfile, logLevel: 'silent', ...options });
    return outfile;
  }

  it.each(['two_of_three', 'sealed_message'])('%s runs in Node.js, far from its dependencies', async (name) => {
    const path = await bundle(`${name}.mjs`, { entryPoints: [`${name}.ts`], platform: 'node', format: 'esm' });
    const { code, output } = await node(folder, path, '--small');
    expect(output).toMatch(/The signature is valid|In another place it is rejected/);
    expect(code).toBe(0);
  });

  it('as CommonJS it runs too', async () => {
    const begin = 'keygen({ executionId: new Uint8Array(1), index: 0, parties: 2, threshold: 2 }).proceed()';
    const entry = await write('common.ts', `import { keygen } from 'cggmp24';\nconsole.log(${begin}.kind);`);
    const path = await bundle('common.cjs', { entryPoints: [entry], platform: 'node', format: 'cjs' });
    expect(await node(folder, path)).toEqual({ code: 0, output: 'send\n' });
  });

  it('for a browser, cggmp24 says that it is for Node.js only', async () => {
    const entry = await write('page.ts', `import { keygen } from 'cggmp24';\nconsole.log(keygen);`);
    const path = await bundle('page.mjs', { entryPoints: [entry], platform: 'browser', format: 'esm' });
    expect(await readFile(path, 'utf8')).not.toContain('node:crypto"');
    const { code, output } = await node(folder, path);
    expect(output).toContain('Error: cggmp24 runs in Node.js only');
    expect(code).toBe(1);
  });
});
