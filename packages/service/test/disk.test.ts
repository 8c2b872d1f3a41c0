import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { inFolder } from 'testkit/folder';
import { VirtualClock } from 'testkit/virtual_clock';
import { DiskWatch, systemDisk, type DiskState } from '../src/disk.js';

const MIB = 1 << 20;

/** A watch of a disk of which the test says how it is. */
function watched() {
  const clock = new VirtualClock();
  const disk = { free: 100 * MIB, error: null as string | null };
  const states: DiskState[] = [];
  const watch = new DiskWatch({
    folder: '/data',
    clock,
    disk: {
      identity: () => Promise.resolve('1:1'),
      freeBytes: () => Promise.resolve(disk.free),
      tryToWrite: () => (disk.error === null ? Promise.resolve() : Promise.reject(Object.assign(new Error('no'), { code: disk.error }))),
    },
    onChange: (state) => states.push(state),
  });
  return { watch, clock, disk, states };
}

describe('the watch of a disk', () => {
  it('knows its free space, to two digits, and tells only what has changed', async () => {
    const { watch, clock, disk, states } = watched();
    expect(watch.state).toEqual({ freeBytes: null, problem: null });
    const looking = watch.start();
    await clock.advance(0);
    expect(watch.state).toEqual({ freeBytes: 100_000_000, problem: null });
    disk.free -= 4_000_000;
    await clock.advance(3_000);
    disk.free -= 1_000_000;
    await clock.advance(1_000);
    expect(states.map(({ freeBytes }) => freeBytes)).toEqual([100_000_000, 99_000_000]);
    looking.stop();
    expect(clock.pending).toBe(0);
  });

  it('calls it full below 16 MiB, and again good only at twice as much', async () => {
    const { watch, disk } = watched();
    const codes: (string | undefined)[] = [];
    for (const mib of [16, 15.9, 16, 31, 32, 16]) {
      disk.free = mib * MIB;
      await watch.look();
      codes.push(watch.state.problem?.code);
    }
    expect(codes).toEqual([undefined, 'disk_full', 'disk_full', 'disk_full', undefined, undefined]);
  });

  it.each([
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['EROFS', 'disk_failed'],
    ['EACCES', 'disk_failed'],
  ])('takes %s for %s, however much seems to be free, until a write works', async (error, code) => {
    const { watch, disk } = watched();
    disk.error = error;
    await watch.look();
    expect(watch.state.problem).toMatchObject({ code, reason: expect.stringContaining(`/data`) });
    disk.error = null;
    await watch.look();
    expect(watch.state.problem).toBeNull();
  });

  it('looks at the disk of this machine, and leaves nothing there', () =>
    inFolder(async (folder) => {
      const watch = new DiskWatch({ folder, disk: systemDisk, clock: new VirtualClock() });
      await watch.look();
      expect(watch.state).toEqual({ freeBytes: expect.any(Number), problem: null });
      expect(await readdir(folder)).toEqual([]);
      const gone = new DiskWatch({ folder: `${folder}/gone`, disk: systemDisk, clock: new VirtualClock() });
      await gone.look();
      expect(gone.state.problem).toEqual({ code: 'disk_failed', reason: expect.stringContaining('gone is gone') });
    }));

  it('notices that an open file, or its folder, is not in its place, until it is back', () =>
    inFolder(async (parent) => {
      const [folder, file] = [`${parent}/data`, `${parent}/data/kept`];
      await mkdir(folder);
      await writeFile(file, 'old');
      const watch = new DiskWatch({ folder, open: ['kept'], disk: systemDisk, clock: new VirtualClock() });
      const problem = async (): Promise<unknown> => {
        await watch.look();
        return watch.state.problem;
      };
      const lost = { code: 'disk_failed', reason: expect.stringContaining(`${file} is not the file any more`) };
      expect(await problem()).toBeNull();
      await rename(file, `${parent}/away`);
      expect(await problem()).toEqual(lost);
      await writeFile(file, 'new');
      expect(await problem()).toEqual(lost);
      await rename(`${parent}/away`, file);
      expect(await problem()).toBeNull();
      await rm(folder, { recursive: true });
      expect(await problem()).toMatchObject({ code: 'disk_failed' });
    }));
});
