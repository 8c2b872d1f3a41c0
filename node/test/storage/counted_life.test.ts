import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { systemRandom } from 'service/random';
import { inFolder } from 'testkit/folder';
import { DamagedFile } from '../../src/base/errors.js';
import { CountedLife } from '../../src/storage/counted_life.js';

const HOUR_MS = 3_600_000;
const NOON = 1_700_000_000_000;

interface Disk {
  readonly path: string;
  /** Begins a life of the node, at a time that its clock shows. */
  readonly lifeAt: (now: number) => Promise<CountedLife>;
}

const onDisk = (test: (disk: Disk) => Promise<void>) => (): Promise<void> =>
  inFolder(async (folder) => {
    const path = join(folder, 'life_node-1.json');
    await test({ path, lifeAt: (now) => CountedLife.begin(path, { clock: { now: () => now }, random: systemRandom }) });
  });

describe('the number of a life', () => {
  it('grows when the clock stands still or is set back, and is the time otherwise', onDisk(async ({ lifeAt, path }) => {
    const times = [0, 0, HOUR_MS, 0, 2 * HOUR_MS].map((ms) => NOON + ms);
    const lives: CountedLife[] = [];
    for (const time of times) lives.push(await lifeAt(time));
    expect(lives.map(({ started }) => started - NOON)).toEqual([0, 1, HOUR_MS, HOUR_MS + 1, 2 * HOUR_MS]);
    expect(new Set(lives.map(({ incarnation }) => incarnation)).size).toBe(5);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  }));

  it('is larger than before when the file is lost, or comes from an old copy', onDisk(async ({ lifeAt, path }) => {
    await lifeAt(NOON - HOUR_MS);
    const copy = await readFile(path, 'utf8');
    const last = await lifeAt(NOON);
    await writeFile(path, copy);
    const restored = await lifeAt(NOON + 1_000);
    await rm(path);
    const lost = await lifeAt(NOON + 2_000);
    expect([last, restored, lost].map(({ started }) => started - NOON)).toEqual([0, 1_000, 2_000]);
  }));

  it('outlives another life, for good', onDisk(async ({ lifeAt }) => {
    const life = await lifeAt(NOON);
    await life.outlive({ started: NOON + HOUR_MS });
    await life.outlive({ started: NOON });
    expect([life.started - NOON, (await lifeAt(NOON)).started - NOON]).toEqual([HOUR_MS + 1, HOUR_MS + 2]);
  }));

  it.each(['', 'garbage', '{"started":-1}', '{"started":1.5}', '{"started":1,"started":2}', '{"started":1,"by":"me"}', '\xff'])(
    'is not taken from a file that holds %j, which stays as it is',
    (text) => onDisk(async ({ lifeAt, path }) => {
      await writeFile(path, Buffer.from(text, 'latin1'));
      const begun = lifeAt(NOON);
      await expect(begun).rejects.toThrow(DamagedFile);
      await expect(begun).rejects.toThrow(/life_node-1\.json: .*move it away/);
      expect((await readFile(path)).toString('latin1')).toBe(text);
    })(),
  );
});
