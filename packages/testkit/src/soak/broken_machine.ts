/**
 * Loaded before a node (`--import`), it makes the node's machine a broken one.
 *
 * - `SOAK_CLOCK_MS`: the wall clock is off by this much.
 * - After SIGUSR2 the disk is full: nothing more can be written to any file. Its log goes on: that is not on the same disk.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { devNull } from 'node:os';

const offsetMs = Number(process.env['SOAK_CLOCK_MS'] ?? '0');
if (offsetMs !== 0) {
  const right = Date.now.bind(Date);
  const now = (): number => right() + offsetMs;
  const Right = Date;
  globalThis.Date = new Proxy(Right, {
    construct: (target, args: unknown[]) => Reflect.construct(target, args.length === 0 ? [now()] : args) as Date,
    get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
  });
}

function full(): never {
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28, syscall: 'write' });
}

const fill = async (): Promise<void> => {
  const rejected = (): Promise<never> => new Promise(full);
  const handle = await fs.promises.open(devNull);
  const prototype = Object.getPrototypeOf(handle) as Record<string, unknown>;
  await handle.close();
  for (const name of ['write', 'writev', 'writeFile', 'appendFile']) prototype[name] = rejected;
  Object.assign(fs.promises, { writeFile: rejected, appendFile: rejected, statfs: emptied(fs.promises.statfs.bind(fs.promises)) });
  Object.assign(fs, { writeFileSync: full, appendFileSync: full });
  syncBuiltinESMExports();
};

/** As the kernel tells how much is free: nothing. */
function emptied(statfs: typeof fs.promises.statfs) {
  return async (path: string): Promise<fs.StatsFs> => Object.assign(await statfs(path), { bavail: 0, bfree: 0 });
}

process.on('SIGUSR2', () => void fill());
