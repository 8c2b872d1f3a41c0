import { closeSync, openSync, unlinkSync, write } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { every, type Clock, type Timer } from './clock.js';

/** The disk as a program needs it. It is passed in, so that tests can fill it up. */
export interface Disk {
  /** Bytes that this program can still write to the disk of a folder, as far as the system tells. */
  freeBytes(folder: string): Promise<number>;
  /** Writes a few bytes in a folder, and removes them. @throws when that is not possible: a quota or a read-only disk shows only so */
  tryToWrite(folder: string): Promise<void>;
  /** Tells a file from every other one, also from one that has taken its place. @throws when it is not there */
  identity(file: string): Promise<string>;
}

export const systemDisk: Disk = {
  freeBytes: async (folder) => {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
  tryToWrite: async (folder) => {
    const name = join(folder, 'write_test.tmp');
    const file = openSync(name, 'w', 0o600);
    try {
      // From here nobody sees it.
      unlinkSync(name);
      await promisify(write)(file, Buffer.alloc(4096));
    } finally {
      closeSync(file);
    }
  },
  identity: async (file) => {
    const { dev, ino } = await stat(file);
    return `${dev}:${ino}`;
  },
};

/** Smaller: more is done on a disk that has just become full. Larger: more calls. */
const LOOK_MS = 1_000;
/** Smaller: logs can fill it between two looks, and a write fails in the middle of a signature. Larger: small volumes cannot be used. */
const FLOOR_BYTES = 16 << 20;
/** After it was below the floor it must have this many times as much. Smaller: a disk that is nearly full is full every other second. */
const RECOVERY = 2;
const NO_SPACE: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT']);

export interface DiskProblem {
  readonly code: 'disk_full' | 'disk_failed';
  readonly reason: string;
}

export interface DiskState {
  /** Rounded down to two digits, so that it does not change all the time; null while nobody knows. */
  readonly freeBytes: number | null;
  /** Null when files can be written. */
  readonly problem: DiskProblem | null;
}

export interface DiskWatchOptions {
  readonly folder: string;
  /** Files of the folder that the program keeps open from before the first look. One that was removed takes writes, and loses them. */
  readonly open?: readonly string[];
  readonly disk: Disk;
  readonly clock: Clock;
  /** Called when the state has changed. */
  readonly onChange?: (state: DiskState) => void;
}

/** Looks every second whether a folder can be written to. */
export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #state: DiskState = { freeBytes: null, problem: null };
  #isLooking = false;
  /** The open files, as the first look has found them. */
  readonly #identities = new Map<string, string>();

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  get state(): DiskState {
    return this.#state;
  }

  /** Begins to look. */
  start(): Timer {
    void this.look();
    return every(this.#options.clock, LOOK_MS, () => void this.look());
  }

  /** Looks now. Never rejects. A look that hangs is waited for: the disk hangs too. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const state = await this.#look();
    this.#isLooking = false;
    const before = JSON.stringify(this.#state);
    this.#state = state;
    if (JSON.stringify(state) !== before) this.#options.onChange?.(state);
  }

  async #look(): Promise<DiskState> {
    const { folder, disk } = this.#options;
    let freeBytes: number | null = null;
    try {
      const free = await disk.freeBytes(folder);
      freeBytes = twoDigits(free);
      const floor = this.#state.problem?.code === 'disk_full' ? RECOVERY * FLOOR_BYTES : FLOOR_BYTES;
      if (free < floor) return { freeBytes, problem: full(folder, 'it has less than 16 MiB left') };
      await disk.tryToWrite(folder);
      return { freeBytes, problem: await this.#missing() };
    } catch (error) {
      const code = codeOf(error);
      return { freeBytes, problem: NO_SPACE.has(code) ? full(folder, code) : failed(folder, code) };
    }
  }

  /** An open file that is not in its place any more. */
  async #missing(): Promise<DiskProblem | null> {
    const { folder, disk, open = [] } = this.#options;
    for (const path of open.map((name) => join(folder, name))) {
      const found = await disk.identity(path).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') return null;
        throw error;
      });
      const first = this.#identities.get(path) ?? found;
      if (first === null || found !== first) return missing(path);
      this.#identities.set(path, first);
    }
    return null;
  }
}

/** The system's code, `ENOENT` for instance, or else what the error says. */
function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}

function missing(path: string): DiskProblem {
  const advice = 'stop this program, put the file back, and start it again';
  return { code: 'disk_failed', reason: `${path} is not the file any more that this program writes to: ${advice}` };
}

function full(folder: string, why: string): DiskProblem {
  return { code: 'disk_full', reason: `the disk of ${folder} is full (${why}): make room` };
}

function failed(folder: string, why: string): DiskProblem {
  if (why === 'ENOENT') {
    return { code: 'disk_failed', reason: `the folder ${folder} is gone: stop this program, put it back, and start it again` };
  }
  return { code: 'disk_failed', reason: `nothing can be written to ${folder} (${why}): repair the disk, or its mode and owner` };
}

function twoDigits(bytes: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, bytes))) - 1);
  return Math.floor(bytes / step) * step;
}
