import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SECURITY_128 } from 'cggmp24';
import { fullSafePrimes } from 'cggmp24/testing';
import { SealKey, SealKeySourceSchema } from 'sealing/seal_key';
import { systemClock } from 'service/clock';
import { systemRandom } from 'service/random';
import { PrimeFolder } from '../../src/primes/prime_folder.js';
import { inFolder } from 'testkit/folder';
import { runProgram, type Ran } from './run_program.js';

/** A data folder of node-2 with this many primes, and its SPEC. */
async function withPrimes(count: number, use: (data: string, spec: string, folder: PrimeFolder) => Promise<void>): Promise<void> {
  await inFolder(async (root) => {
    const [data, keyFile] = [join(root, 'data'), join(root, 'key')];
    await mkdir(data, { mode: 0o755 });
    await writeFile(keyFile, 'a'.repeat(64), { mode: 0o600 });
    const spec = `key-file:${keyFile}`;
    const sealKey = await SealKey.open(SealKeySourceSchema.parse(spec));
    const system = { clock: systemClock, random: systemRandom };
    const folder = new PrimeFolder({ folder: data, nodeId: 'node-2', sealKey, params: SECURITY_128, ...system });
    for (const prime of fullSafePrimes.slice(0, count)) await folder.add(prime);
    await use(data, spec, folder);
  });
}
const make = (data: string, spec: string, count: string, ...more: string[]): Promise<Ran> =>
  runProgram('make_primes', '--data', data, '--name', 'node-2', '--seal-key', spec, '--count', count, ...more);

describe('make-primes', () => {
  it('makes no more than are wanted', () =>
    withPrimes(4, async (data, spec) => {
      const before = await readdir(data);
      expect(await make(data, spec, '3')).toEqual({ code: 0, stdout: `✓ ${data}: safe primes of node-2: 4\n`, stderr: '' });
      expect(await readdir(data)).toEqual(before);
      expect((await stat(data)).mode & 0o777).toBe(0o700);
    }));

  it('refuses a folder whose primes it cannot open, before it searches', () =>
    withPrimes(1, async (data, spec) => {
      const other = `${spec.slice('key-file:'.length)}-2`;
      await writeFile(other, 'b'.repeat(64), { mode: 0o600 });
      const { code, stdout, stderr } = await make(data, `key-file:${other}`, '2');
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/prime_node-2\..*sealed under another key.*Nothing was made\n$/);
      expect(await readdir(data)).toHaveLength(1);
    }));

  it('refuses the folder of another member, and makes nothing there', () =>
    withPrimes(0, async (data, spec) => {
      await writeFile(join(data, 'identity_node-3.json'), 'x');
      const stderr = expect.stringMatching(/identity_node-3.json.*not the folder of node-2: correct --data or --name. Nothing was made/);
      expect(await make(data, spec, '1')).toEqual({ code: 1, stdout: '', stderr });
      expect(await readdir(data)).toEqual(['identity_node-3.json']);
    }));

  it('leaves what reseal puts under another key', () =>
    withPrimes(2, async (data, spec) => {
      const other = `${spec.slice('key-file:'.length)}-2`;
      await writeFile(other, 'b'.repeat(64), { mode: 0o600 });
      const resealed = await runProgram('reseal', '--data', data, '--name', 'node-2', '--from', spec, '--to', `key-file:${other}`);
      expect(resealed).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^(✓ .*\/prime_node-2\.[^\n]*\n){2}$/) });
      expect(await make(data, `key-file:${other}`, '2')).toMatchObject({ code: 0, stderr: '' });
    }));

  it.each([
    ['--count: must be 1 to 10000', ['--count', '0']],
    ['--count: must be 1 to 10000', ['--count', '10001']],
    ['--count: must be 1 to 10000', ['--count', '1e3']],
    ['--workers: must be 1 to 256', ['--workers', '257']],
    ['--name: must be node-1 to node-256', ['--name', 'gateway']],
  ])('says %s', (message, args) =>
    withPrimes(0, async (data, spec) => {
      expect(await make(data, spec, '1', ...args)).toEqual({ code: 2, stdout: '', stderr: `${message}\nTry 'make-primes --help'.\n` });
    }),
  );

  it('explains itself', async () => {
    const stdout = expect.stringMatching(/^Usage: make-primes .*--count N.*Exit code/s);
    expect(await runProgram('make_primes', '--help')).toMatchObject({ code: 0, stderr: '', stdout });
  });
});
