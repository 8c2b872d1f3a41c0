import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { VirtualClock } from 'testkit/virtual_clock';
import { DecidedRequestsFile, type AskedPayload, type DecidedRequestsOptions } from '../../src/storage/decided_requests.js';

const HOUR_MS = 3_600_000;
const SIGNATURE = '{"r":"1","s":"2"}';

let folder: string;
let path: string;
let clock: VirtualClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'decided-'));
  path = join(folder, 'decided.sqlite');
  clock = new VirtualClock();
});
afterEach(() => rm(folder, { recursive: true }));

const open = (options: Partial<DecidedRequestsOptions> = {}): DecidedRequestsFile => DecidedRequestsFile.open(path, { clock, ...options });
const asked = (id: string, change: Partial<AskedPayload> = {}): AskedPayload => ({
  id,
  messageSha256: 'ab'.repeat(32),
  expires: clock.now() + HOUR_MS,
  ...change,
});

/** What the file has after it was closed and opened again. */
function reopened<T>(file: DecidedRequestsFile, look: (file: DecidedRequestsFile) => T): T {
  file.close();
  const again = open();
  try {
    return look(again);
  } finally {
    again.close();
  }
}

describe('decided requests', () => {
  it('are kept in a file that only its owner can read', async () => {
    const file = open();
    file.accept(asked('accepted'));
    file.refuse(asked('refused'), 'policy_refused');
    file.accept(asked('signed'));
    file.complete(asked('signed'), SIGNATURE);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const [accepted, refused, signed, unknown] = reopened(file, (again) =>
      ['accepted', 'refused', 'signed', 'unknown'].map((id) => again.get(id)));
    expect(accepted).toEqual({ ...asked('accepted'), refusal: null, signature: null });
    expect(refused).toEqual({ ...asked('refused'), refusal: 'policy_refused', signature: null });
    expect(signed).toEqual({ ...asked('signed'), refusal: null, signature: SIGNATURE });
    expect(unknown).toBeUndefined();
  });

  it('change once: from accepted to refused, or to signed', () => {
    const file = open();
    file.accept(asked('a'));
    file.refuse(asked('a'), 'cancelled');
    file.refuse(asked('a'), 'expired');
    file.accept(asked('a'));
    file.complete(asked('a'), SIGNATURE);
    file.accept(asked('b'));
    file.complete(asked('b'), SIGNATURE);
    file.complete(asked('b'), '{"r":"3"}');
    file.refuse(asked('b'), 'cancelled');
    file.accept(asked('c'));
    file.refuse(asked('c', { messageSha256: 'cd'.repeat(32) }), 'cancelled');
    file.complete(asked('c', { messageSha256: 'cd'.repeat(32) }), SIGNATURE);
    file.complete(asked('unknown'), SIGNATURE);
    const ends = reopened(file, (again) => ['a', 'b', 'c', 'unknown'].map((id) => again.get(id)));
    expect(ends).toMatchObject([
      { refusal: 'cancelled', signature: null },
      { refusal: null, signature: SIGNATURE },
      { refusal: null, signature: null, messageSha256: 'ab'.repeat(32) },
      undefined,
    ].map((end) => end ?? expect.anything()).slice(0, 3));
    expect(ends[3]).toBeUndefined();
  });

  it('are forgotten an hour after they have expired, or after they were decided later than that', async () => {
    const file = open();
    file.accept(asked('a'));
    file.refuse(asked('late', { expires: clock.now() - 24 * HOUR_MS }), 'expired');
    file.accept(asked('never ends', { expires: Number.MAX_SAFE_INTEGER }));
    const left = async (ms: number): Promise<string[]> => {
      await clock.advance(ms);
      // Something new is decided.
      file.accept(asked(`at ${clock.now()}`));
      return ['a', 'late', 'never ends'].filter((id) => file.get(id) !== undefined);
    };
    expect(await left(HOUR_MS)).toEqual(['a', 'late', 'never ends']);
    expect(await left(60_000)).toEqual(['a', 'never ends']);
    expect(await left(HOUR_MS)).toEqual(['never ends']);
    expect(await left(31 * 24 * HOUR_MS)).toEqual([]);
    file.close();
  });

  it('are not forgotten because the wall clock jumps ahead, while the node runs or before it is started', async () => {
    const file = open();
    file.refuse(asked('a'), 'policy_refused');
    await clock.advance(HOUR_MS / 2);
    clock.jump(24 * HOUR_MS);
    const later = async (kept: DecidedRequestsFile, id: string, ms: number): Promise<boolean> => {
      await clock.advance(ms);
      kept.accept(asked(`at ${clock.now()}`));
      return kept.get(id) !== undefined;
    };
    expect(await later(file, 'a', HOUR_MS / 2)).toBe(true);
    expect(await later(file, 'a', HOUR_MS + 60_000)).toBe(false);
    // What the disk says of the last change is by the machine's clock.
    clock.jump(Date.now() - clock.now());
    file.refuse(asked('b'), 'policy_refused');
    file.close();
    clock.jump(24 * HOUR_MS);
    const again = open();
    expect(await later(again, 'b', HOUR_MS)).toBe(true);
    again.close();
  });

  it('are forgotten after the wall clock was set back, too', async () => {
    clock.jump(1000 * HOUR_MS);
    const file = open();
    clock.jump(-1000 * HOUR_MS);
    file.accept(asked('a'));
    await clock.advance(2 * HOUR_MS + 1);
    file.accept(asked('b'));
    expect(file.get('a')).toBeUndefined();
    file.close();
  });

  it('that cannot be kept are told, and so is the end of that', () => {
    const problems: (string | null)[] = [];
    const file = open({ onProblem: (reason) => problems.push(reason) });
    file.accept(asked('a'));
    file.close();
    expect(() => {
      file.refuse(asked('b'), 'x');
    }).toThrow();
    expect(problems).toEqual([null, expect.stringContaining('decisions about requests cannot be kept')]);
  });
});

describe('a file of decisions', () => {
  it('has every decision that was made before its process was killed', async () => {
    const module = pathToFileURL(join(import.meta.dirname, '../../dist/storage/decided_requests.js')).href;
    const program = `
      const { DecidedRequestsFile } = await import(${JSON.stringify(module)});
      const file = DecidedRequestsFile.open(${JSON.stringify(path)}, { clock: { now: () => ${clock.now()}, monotonic: () => 0 } });
      for (let k = 0; ; k += 1) {
        file.refuse({ id: 'req_' + k, messageSha256: 'ab'.repeat(32), expires: ${clock.now() + HOUR_MS} }, 'policy_refused');
        require('node:fs').writeSync(1, k + '\\n');
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', `import { createRequire } from 'node:module';
      const require = createRequire('/');${program}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.length > 2_000) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const last = Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
    expect(last).toBeGreaterThan(100);
    const file = open();
    for (let k = 0; k <= last; k += 1) expect(file.get(`req_${k}`)).toMatchObject({ refusal: 'policy_refused' });
    file.close();
  });

  it('is whole without a change that was cut off at any byte', async () => {
    const file = open();
    for (let k = 0; k < 20; k += 1) file.refuse(asked(`req_${k}`), 'policy_refused');
    // A process that is killed leaves the changes in this file beside it.
    const [copy, log] = [join(folder, 'copy.sqlite'), `${path}-wal`];
    const bytes = await readFile(log);
    const database = await readFile(path);
    file.close();
    for (let length = 0; length < bytes.length; length += 997) {
      await writeFile(copy, database);
      await writeFile(`${copy}-wal`, bytes.subarray(0, length));
      const cut = DecidedRequestsFile.open(copy, { clock });
      const known = Array.from({ length: 20 }, (_, k) => cut.get(`req_${k}`) !== undefined);
      // The first ones, up to some point.
      expect(known).toEqual([...known].sort((a, b) => Number(b) - Number(a)));
      cut.close();
      await rm(`${copy}-wal`, { force: true });
    }
  });

  async function written(): Promise<Buffer> {
    const file = open();
    for (let k = 0; k < 200; k += 1) file.refuse(asked(`req_${k}`), 'policy_refused');
    file.close();
    return readFile(path);
  }

  it.each<[what: string, damage: (bytes: Buffer) => Promise<unknown>]>([
    ['garbage', () => writeFile(path, 'no database, for more bytes than its header has'.repeat(10))],
    ['cut', (bytes) => truncate(path, bytes.length - 4096)],
    ['overwritten in the middle', (bytes) => writeFile(path, bytes.fill(0x41, 5000, 9000))],
    ['another database', async () => {
      await rm(path);
      const other = new DatabaseSync(path);
      other.exec('CREATE TABLE decided (id TEXT); PRAGMA user_version = 7');
      other.close();
    }],
    ['one with an entry that is none', () => {
      const other = new DatabaseSync(path);
      other.exec(`UPDATE decided SET refusal = 'Because!' WHERE id = 'req_7'`);
      other.close();
      return Promise.resolve();
    }],
  ])('that is %s is refused with what to do, and stays as it is', async (_what, damage) => {
    await damage(await written());
    const before = join(folder, 'before');
    await copyFile(path, before);
    const message: unknown = expect.stringMatching(/decided\.sqlite: .*move it away/s);
    expect(() => open()).toThrow(expect.objectContaining({ name: 'DamagedFile', message }));
    expect((await readFile(path)).equals(await readFile(before))).toBe(true);
    await chmod(path, 0o600);
  });
});
