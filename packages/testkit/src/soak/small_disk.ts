/** A disk of its own for one folder, small enough to be filled: whatever writes there, SQLite among them, meets a full disk. */
import { execFile } from 'node:child_process';
import { cp, mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A node calls its disk full when less than 16 MiB are left. Smaller: it does so from the start. Larger: more memory. */
const SIZE_MIB = 96;
const CHUNK = Buffer.alloc(64 << 10);
const BALLAST = 'ballast';

const run = promisify(execFile);
const mounted = new Set<string>();

/** May this process mount one? */
export const CAN_MOUNT = process.getuid?.() === 0;

/** Takes away the disks of a run that was interrupted. */
export async function unmountAll(): Promise<void> {
  for (const folder of mounted) await run('umount', ['--lazy', folder]);
}

export class SmallDisk {
  private constructor(private readonly folder: string) {}

  /** Puts what is in a folder on a small disk. Nobody may have a file open there. */
  static async under(folder: string): Promise<SmallDisk> {
    const kept = `${folder}.kept`;
    await rename(folder, kept);
    await mkdir(folder);
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MIB}m,mode=700`, 'tmpfs', folder]);
    mounted.add(folder);
    await cp(kept, folder, { recursive: true });
    await rm(kept, { recursive: true });
    return new SmallDisk(folder);
  }

  /** Leaves no room on it. */
  async fill(): Promise<void> {
    const file = await open(join(this.folder, BALLAST), 'w');
    try {
      for (;;) await file.write(CHUNK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
  }

  /** Puts what is on it back on the disk before. Nobody may have a file open there. */
  async remove(): Promise<void> {
    const kept = `${this.folder}.kept`;
    await rm(join(this.folder, BALLAST), { force: true });
    await cp(this.folder, kept, { recursive: true });
    await run('umount', [this.folder]);
    mounted.delete(this.folder);
    await rm(this.folder, { recursive: true });
    await rename(kept, this.folder);
  }
}
