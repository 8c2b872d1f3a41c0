import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parsePrimes } from 'cggmp24';
import { SMALL_FOR_TESTS, smallSafePrimes } from 'cggmp24/testing';
import { SealKey } from 'sealing/seal_key';
import { openText, sealText } from 'sealing/sealed_file';
import { DamagedFile, WorkerFailed } from '../src/errors.js';
import type { ProtocolRunner } from '../src/jobs.js';
import { PrimeSupply } from '../src/safe_primes.js';
import { eventually, memoryLog } from './util/cluster.js';
import { inFolder } from './util/folder.js';
import { testSealKey } from './util/seal_key.js';

/** Finds the fixture primes, each twice, one search at a time; fails now and then. */
class FakeRunner {
  readonly waiting: ((prime: string | Error) => void)[] = [];
  aborted = 0;
  #next = 0;

  get runner(): ProtocolRunner {
    const run = () => {
      let abort: (reason: Error) => void = () => undefined;
      const result = new Promise<string>((resolve, reject) => {
        let ended = false;
        this.waiting.push((found) => {
          ended = true;
          if (found instanceof Error) reject(found);
          else resolve(found);
        });
        abort = (reason) => {
          if (!ended) this.aborted += 1;
          reject(reason);
        };
      });
      result.catch(() => undefined);
      return { result, abort, receive: () => undefined };
    };
    return { run: run as unknown as ProtocolRunner['run'] };
  }

  find(): void {
    this.waiting.shift()?.(smallSafePrimes[Math.floor(this.#next++ / 2)] ?? '');
  }
}

let sealKey: SealKey;
beforeAll(async () => {
  sealKey = await testSealKey();
});
const label = { purpose: 'primes', owner: 'node-1' } as const;

async function open(folder: string, fake = new FakeRunner()) {
  const log = memoryLog();
  const supply = await PrimeSupply.open({ folder, nodeId: 'node-1', sealKey, params: SMALL_FOR_TESTS, runner: fake.runner, workers: 2, logger: log.logger });
  return { supply, fake, lines: log.lines };
}

const FILE = 'primes_node-1.json';
async function writePrimes(folder: string, text: string): Promise<void> {
  await writeFile(join(folder, FILE), await sealText(sealKey, label, text));
}

const never = new AbortController().signal;

describe('the supply of safe primes', () => {
  it('searches on all workers until there are four different ones', () =>
    inFolder(async (folder) => {
      const { supply, fake, lines } = await open(folder);
      const ready = supply.prepare(never);
      expect(fake.waiting).toHaveLength(2);
      for (let found = 0; found < 7; found++) {
        fake.find();
        await eventually('the next search begins', () => fake.waiting.length === 2 || found === 6);
      }
      await ready;
      expect(fake.aborted).toBe(1);
      expect(lines.filter(({ msg }) => msg === 'Generating safe primes')[0]).toMatchObject({ found: 0, needed: 4 });
      expect(lines.at(-1)).toMatchObject({ msg: 'Safe primes generated', found: 4 });
      for (const prime of smallSafePrimes.slice(0, 4)) expect(JSON.stringify(lines)).not.toContain(prime.slice(0, 32));
      const { p, q, pHat, qHat } = parsePrimes(await supply.take(), SMALL_FOR_TESTS).reveal();
      expect([p, q, pHat, qHat].map((prime) => prime.toString(16))).toEqual(smallSafePrimes.slice(0, 4));
    }));

  it('keeps what it has found through a restart, for its owner alone', () =>
    inFolder(async (folder) => {
      const { supply, fake } = await open(folder);
      const life = new AbortController();
      const ready = supply.prepare(life.signal);
      fake.find();
      await eventually('it is on disk', () => fake.waiting.length === 2);
      life.abort(new Error('killed'));
      await expect(ready).rejects.toThrow('killed');
      expect((await stat(join(folder, FILE))).mode & 0o777).toBe(0o600);
      const file = await readFile(join(folder, FILE), 'utf8');
      expect(JSON.parse(await openText(sealKey, label, file))).toEqual({ primes: smallSafePrimes.slice(0, 1) });
      const again = await open(folder);
      const readyAgain = again.supply.prepare(never);
      for (let found = 0; found < 8; found++) {
        again.fake.find();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await readyAgain;
      expect(parsePrimes(await again.supply.take(), SMALL_FOR_TESTS).reveal().p.toString(16)).toBe(smallSafePrimes[0]);
    }));

  it('hands primes out once: they are in no file any more', () =>
    inFolder(async (folder) => {
      await writePrimes(folder, JSON.stringify({ primes: smallSafePrimes.slice(0, 4) }));
      const { supply, fake } = await open(folder);
      await supply.prepare(never);
      expect(fake.waiting).toHaveLength(0);
      await supply.take();
      expect(await readdir(folder)).toEqual([]);
      await expect(supply.take()).rejects.toThrow('there are not four primes');
      const life = new AbortController();
      const ready = supply.prepare(life.signal);
      expect(fake.waiting).toHaveLength(2);
      life.abort(new Error('enough'));
      await expect(ready).rejects.toThrow('enough');
    }));

  it('searches on when a search fails', () =>
    inFolder(async (folder) => {
      await writePrimes(folder, JSON.stringify({ primes: smallSafePrimes.slice(1, 4) }));
      const { supply, fake, lines } = await open(folder);
      const ready = supply.prepare(never);
      fake.waiting.shift()?.(new WorkerFailed('the worker thread crashed'));
      await eventually('it says so', () => lines.some(({ event }) => event === 'safe_prime_failed'));
      fake.find();
      await ready;
    }));

  it.each([
    ['is no JSON', '{"primes": ['],
    ['holds something else', '{"p": "ff"}'],
    ['holds primes of another size', JSON.stringify({ primes: ['ffff'] })],
    ['holds too many', JSON.stringify({ primes: smallSafePrimes.slice(0, 5) })],
  ])('refuses a file that %s, and says what to do', (_what, text) =>
    inFolder(async (folder) => {
      await writePrimes(folder, text);
      const file = await readFile(join(folder, FILE), 'utf8');
      const failure = await open(folder).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DamagedFile);
      expect(String(failure)).toMatch(/primes_node-1\.json cannot be used.*Remove it/);
      expect(await readFile(join(folder, FILE), 'utf8')).toBe(file);
    }),
  );

  it.each([
    ['in clear text', (): Promise<string> => Promise.resolve(JSON.stringify({ primes: smallSafePrimes.slice(0, 4) })), /it is not sealed, and SEAL_KEY is not none/],
    ['of another node', () => sealText(sealKey, { ...label, owner: 'node-2' }, '{"primes":[]}'), /sealed as primes of node-2/],
    ['that is damaged', async () => (await sealText(sealKey, label, '{"primes":[]}')).replace('"jwe":"ey', '"jwe":"ez'), /it is damaged\. Remove it; others will be searched for/],
  ])('refuses a file %s', (_what, makeFile, message) =>
    inFolder(async (folder) => {
      await writeFile(join(folder, FILE), await makeFile());
      const failure = await open(folder).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(DamagedFile);
      expect(String(failure)).toMatch(message);
    }),
  );
});
