import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { SMALL_FOR_TESTS, smallSafePrimes } from 'cggmp24/testing';
import { SealKey } from 'sealing/seal_key';
import { sealText, type Label } from 'sealing/sealed_file';
import { systemRandom } from 'service/random';
import { DamagedFile } from '../../src/base/errors.js';
import { PrimeFolder, type PrimeFolderOptions } from '../../src/primes/prime_folder.js';
import { inFolder } from 'testkit/folder';
import { present } from 'testkit/present';
import { testSealKey } from 'testkit/seal_key';
import { VirtualClock } from 'testkit/virtual_clock';

let sealKey: SealKey;
beforeAll(async () => {
  sealKey = await testSealKey();
});

const [PRIME = ''] = smallSafePrimes;
const clock = new VirtualClock();
const open = (folder: string, other: Partial<PrimeFolderOptions> = {}): PrimeFolder =>
  new PrimeFolder({ folder, nodeId: 'node-1', sealKey, params: SMALL_FOR_TESTS, clock, random: systemRandom, ...other });

async function filled(folder: string, count: number, key = sealKey): Promise<PrimeFolder> {
  const primes = open(folder, { sealKey: key });
  for (const prime of smallSafePrimes.slice(0, count)) await primes.add(prime);
  return primes;
}

async function takeAll(primes: PrimeFolder): Promise<string[]> {
  const taken = [];
  for (let prime = await primes.take(); prime !== null; prime = await primes.take()) taken.push(prime);
  return taken;
}

describe('a folder of primes', () => {
  it('hands each out once, the oldest first; then it is in no file', () =>
    inFolder(async (folder) => {
      await filled(folder, 1);
      await clock.advance(1);
      await open(folder).add(present(smallSafePrimes[7]));
      const primes = open(folder);
      await primes.check();
      expect(await primes.size()).toBe(2);
      expect(await primes.take()).toBe(PRIME);
      expect(await readdir(folder)).toHaveLength(1);
      expect(await primes.take()).toBe(smallSafePrimes[7]);
      expect(await readdir(folder)).toEqual([]);
      expect(await primes.take()).toBeNull();
    }));

  it('keeps them sealed, for the owner of the file alone', () =>
    inFolder(async (folder) => {
      await filled(folder, 3);
      for (const name of await readdir(folder)) {
        expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
        const text = await readFile(join(folder, name), 'utf8');
        for (const prime of smallSafePrimes.slice(0, 3)) expect(text).not.toContain(prime.slice(0, 16));
      }
    }));

  it('gives several takers different ones', () =>
    inFolder(async (folder) => {
      await filled(folder, 12);
      const taken = (await Promise.all(Array.from({ length: 4 }, () => takeAll(open(folder))))).flat();
      expect(taken.sort()).toEqual(smallSafePrimes.slice(0, 12).sort());
    }));

  it('is not emptied by another node', () =>
    inFolder(async (folder) => {
      await filled(folder, 2);
      const other = open(folder, { nodeId: 'node-11' });
      expect(await other.size()).toBe(0);
      expect(await other.take()).toBeNull();
      expect(await open(folder).size()).toBe(2);
    }));
});

/** Takes primes one by one and says each on a line as soon as it has it. */
const TAKER = `
  import { PrimeFolder } from ${JSON.stringify(new URL('../../dist/primes/prime_folder.js', import.meta.url).href)};
  import { SMALL_FOR_TESTS } from 'cggmp24/testing';
  import { SealKey } from 'sealing/seal_key';
  import { systemClock } from 'service/clock';
  import { systemRandom } from 'service/random';
  const about = { folder: process.argv[1], nodeId: 'node-1', sealKey: SealKey.none, params: SMALL_FOR_TESTS };
  const primes = new PrimeFolder({ ...about, clock: systemClock, random: systemRandom });
  for (let prime = await primes.take(); prime !== null; prime = await primes.take()) process.stdout.write(prime + '\\n');
`;

/** @param killAfter how many lines; it is killed with SIGKILL @returns the whole lines that it said */
async function takerProcess(folder: string, killAfter = Infinity): Promise<string[]> {
  const cwd = new URL('../..', import.meta.url);
  const child = spawn(process.execPath, ['--input-type=module', '-e', TAKER, folder], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    said += data.toString();
    if (said.split('\n').length > killAfter) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return said.split('\n').slice(0, -1);
}

describe('processes that take primes', () => {
  it('and are killed in the middle leave none that was handed out', () =>
    inFolder(async (folder) => {
      await filled(folder, 16, SealKey.none);
      const taken = [];
      for (let round = 1; round <= 4; round++) {
        const said = await takerProcess(folder, round);
        taken.push(...said);
        const left = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')));
        for (const prime of said) expect(left.join()).not.toContain(prime);
      }
      expect(taken.length).toBeGreaterThanOrEqual(10);
      expect(new Set(taken).size).toBe(taken.length);
    }));

  it('at the same time get different ones', () =>
    inFolder(async (folder) => {
      await filled(folder, 32, SealKey.none);
      const taken = (await Promise.all([takerProcess(folder), takerProcess(folder), takerProcess(folder)])).flat();
      expect(taken.sort()).toEqual([...smallSafePrimes].sort());
    }));
});

describe('a file of a prime', () => {
  const NAME = 'prime_node-1.1795246538123-0123456789abcdef.json';
  const LABEL = { purpose: 'primes', owner: 'node-1' } as const;
  const sealed = (content: object, change: Partial<Label> = {}): Promise<string> =>
    sealText(sealKey, { ...LABEL, ...change }, JSON.stringify(content));
  const whole = (): Promise<string> => sealed({ file: NAME, prime: PRIME });
  const underAnotherKey = async (): Promise<string> =>
    sealText(await testSealKey('8'), LABEL, JSON.stringify({ file: NAME, prime: PRIME }));

  it.each([
    [
      'of another node',
      () => sealed({ file: NAME, prime: PRIME }, { owner: 'node-2' }),
      /sealed as primes of node-2, and it should be primes of node-1/,
    ],
    ['of another kind', () => sealed({ file: NAME, prime: PRIME }, { purpose: 'aux-info' }), /sealed as aux-info of node-1/],
    ['that was cut off', async () => (await whole()).slice(0, -9), /it is damaged\. Remove it; another will be searched for/],
    [
      'that is damaged',
      async () => (await whole()).replace('"jwe":"ey', '"jwe":"ez'),
      /it is damaged\. Remove it; another will be searched for/,
    ],
    ['that is empty', () => Promise.resolve(''), /it is not sealed/],
    ['in clear text', () => Promise.resolve(JSON.stringify({ file: NAME, prime: PRIME })), /it is not sealed, and SEAL_KEY is not none/],
    ['under another key', underAnotherKey, /sealed under another key.*Give that one/],
    ['with a shorter prime', () => sealed({ file: NAME, prime: PRIME.slice(1) }), /has \d+ bits, and \d+ are needed\. Remove it/],
    ['with a longer prime', () => sealed({ file: NAME, prime: `${PRIME}1` }), /has \d+ bits, and \d+ are needed\. Remove it/],
    ['with something else', () => sealed({ file: NAME, prime: 'x' }), /does not hold a prime.*Remove it/],
    ['with more than a prime', () => sealed({ file: NAME, prime: PRIME, more: PRIME }), /does not hold a prime.*Remove it/],
  ])('%s is refused and left as it is', (_what, makeFile, message) =>
    inFolder(async (folder) => {
      const text = await makeFile();
      await writeFile(join(folder, NAME), text);
      for (const use of [open(folder).check(), open(folder).take()]) {
        const failure = await use.catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(DamagedFile);
        expect(String(failure)).toMatch(message);
        expect(String(failure)).toContain(NAME);
        expect(String(failure)).not.toContain(PRIME.slice(0, 16));
      }
      expect(await readFile(join(folder, NAME), 'utf8')).toBe(text);
    }),
  );

  it('is not believed under another name: its prime would be used twice', () =>
    inFolder(async (folder) => {
      const primes = await filled(folder, 1);
      const [name = ''] = await readdir(folder);
      await copyFile(join(folder, name), join(folder, NAME));
      await expect(primes.check()).rejects.toThrow(/it is a copy of prime_node-1.*Remove it/);
    }));

  it('of another node is not passed over: it is refused, and the message says where it belongs', () =>
    inFolder(async (folder) => {
      const primes = await filled(folder, 1);
      const other = NAME.replace('node-1', 'node-2');
      await writeFile(join(folder, other), 'x');
      const problem = /prime_node-2.*of node-2, and this is the folder of node-1. Move it to the data folder of node-2/;
      await expect(primes.check()).rejects.toThrow(problem);
    }));

  it('that a crash left unfinished does not count', () =>
    inFolder(async (folder) => {
      const primes = await filled(folder, 1);
      const [name = ''] = await readdir(folder);
      await copyFile(join(folder, name), join(folder, `${NAME}.tmp`));
      await truncate(join(folder, `${NAME}.tmp`), 10);
      await primes.check();
      expect(await takeAll(primes)).toEqual([PRIME]);
    }));
});
