import { mkdir, readdir, rm } from 'node:fs/promises';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parsePrimes } from 'cggmp24';
import { SMALL_FOR_TESTS, smallSafePrimes } from 'cggmp24/testing';
import type { SealKey } from 'sealing/seal_key';
import { systemRandom } from 'service/random';
import { WorkerFailed } from '../../src/base/errors.js';
import { PrimeFolder } from '../../src/primes/prime_folder.js';
import { PrimeSupply } from '../../src/primes/safe_primes.js';
import { until } from 'testkit/eventually';
import { inFolder } from 'testkit/folder';
import { present } from 'testkit/present';
import { testSealKey } from 'testkit/seal_key';
import { VirtualClock } from 'testkit/virtual_clock';
import { memoryLog } from '../util/cluster.js';
import { FakeRunner } from './fake_runner.js';

let sealKey: SealKey;
let clock: VirtualClock;
beforeEach(() => {
  clock = new VirtualClock();
});
beforeAll(async () => {
  sealKey = await testSealKey();
});

async function open(folder: string) {
  const fake = new FakeRunner();
  const log = memoryLog();
  const own = { folder, nodeId: 'node-1', sealKey, params: SMALL_FOR_TESTS, clock, random: systemRandom };
  const supply = await PrimeSupply.open({ ...own, runner: fake.runner, workers: 2, logger: log.logger });
  return { supply, fake, lines: log.lines, files: new PrimeFolder(own) };
}

const never = new AbortController().signal;
const handedOut = async (supply: PrimeSupply): Promise<string[]> => {
  const { p, q, pHat, qHat } = parsePrimes(await supply.take(), SMALL_FOR_TESTS).reveal();
  return [p, q, pHat, qHat].map((prime) => prime.toString(16));
};

describe('the supply of safe primes', () => {
  it('searches on all workers until there are four, and stops them all then', () =>
    inFolder(async (folder) => {
      const { supply, fake, lines } = await open(folder);
      const ready = supply.prepare(never);
      await until(() => fake.searches.length === 2);
      for (let found = 1; found <= 4; found++) {
        fake.find();
        await until(() => fake.searches.length === 2 || found === 4);
      }
      await ready;
      expect(fake.aborted).toBe(1);
      const progress = lines.filter(({ event }) => event === 'safe_primes');
      expect(progress[0]).toMatchObject({ msg: 'Generating safe primes', found: 0, needed: 4 });
      expect(progress.at(-1)).toMatchObject({ msg: 'Safe primes generated', found: 4 });
      for (const prime of smallSafePrimes.slice(0, 4)) expect(JSON.stringify(lines)).not.toContain(prime.slice(0, 32));
      expect((await handedOut(supply)).sort()).toEqual(smallSafePrimes.slice(0, 4).sort());
      expect(await readdir(folder)).toEqual([]);
      await expect(supply.take()).rejects.toThrow('there are not four primes');
    }));

  it('keeps what it has found through a restart, and searches for the rest', () =>
    inFolder(async (folder) => {
      const { supply, fake } = await open(folder);
      const life = new AbortController();
      const ready = supply.prepare(life.signal);
      await until(() => fake.searches.length === 2);
      fake.find();
      await until(() => fake.searches.length === 2);
      life.abort(new Error('killed'));
      await expect(ready).rejects.toThrow('killed');
      expect(fake.aborted).toBe(2);
      const again = await open(folder);
      expect(await again.files.size()).toBe(1);
      await clock.advance(1);
      for (const prime of smallSafePrimes.slice(4, 7)) await again.files.add(prime);
      await again.supply.prepare(never);
      expect(again.fake.searches).toHaveLength(0);
      expect((await handedOut(again.supply))[0]).toBe(smallSafePrimes[0]);
    }));

  it('uses what was made ahead, four at a time, also what is added while it runs', () =>
    inFolder(async (folder) => {
      const { supply, fake, files } = await open(folder);
      for (const prime of smallSafePrimes.slice(0, 9)) await files.add(prime);
      const taken: string[] = [];
      for (let key = 0; key < 2; key++) {
        await supply.prepare(never);
        taken.push(...(await handedOut(supply)));
      }
      expect(taken.sort()).toEqual([...new Set(taken)]);
      expect(await files.size()).toBe(1);
      const life = new AbortController();
      const ready = supply.prepare(life.signal);
      await until(() => fake.searches.length === 2);
      life.abort(new Error('enough'));
      await expect(ready).rejects.toThrow('enough');
    }));

  it('goes on with those that it has when another process was faster with the rest', () =>
    inFolder(async (folder) => {
      const { supply, fake, files } = await open(folder);
      for (const prime of smallSafePrimes.slice(4, 7)) await files.add(prime);
      await expect(supply.take()).rejects.toThrow('there are not four primes');
      const ready = supply.prepare(never);
      await until(() => fake.searches.length === 2);
      fake.find();
      await ready;
      expect((await handedOut(supply)).sort()).toEqual([...smallSafePrimes.slice(4, 7), present(smallSafePrimes[0])].sort());
    }));

  it('searches on, a second later, when a search fails', () =>
    inFolder(async (folder) => {
      const { supply, fake, lines, files } = await open(folder);
      for (const prime of smallSafePrimes.slice(1, 4)) await files.add(prime);
      const ready = supply.prepare(never);
      await until(() => fake.searches.length === 2);
      fake.fail(new WorkerFailed('the worker thread crashed'));
      await until(() => lines.some(({ event }) => event === 'safe_prime_failed'));
      expect(fake.searches).toHaveLength(1);
      await clock.advance(1_000);
      expect(fake.searches).toHaveLength(2);
      fake.find();
      await ready;
    }));

  it('fails, and stops all searches, when a prime cannot be kept', () =>
    inFolder(async (parent) => {
      const folder = `${parent}/data`;
      await mkdir(folder);
      const { supply, fake } = await open(folder);
      const ready = supply.prepare(never);
      await until(() => fake.searches.length === 2);
      await rm(folder, { recursive: true });
      fake.find();
      await expect(ready).rejects.toThrow('ENOENT');
      expect(fake.aborted).toBe(1);
    }));
});
