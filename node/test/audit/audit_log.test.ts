import { appendFile, copyFile, open, readdir, readFile, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { sleep } from 'service/clock';
import { fullFiles } from '../../src/audit/audit_files.js';
import { AuditLog, type AuditLogOptions, type AuditRecord } from '../../src/audit/audit_log.js';
import { until } from 'testkit/eventually';
import { inFolder } from 'testkit/folder';
import { VirtualClock } from 'testkit/virtual_clock';
import { memoryLog } from '../util/cluster.js';
import { passUntilSettled } from '../util/passing.js';

/** Full with three of the lines that are written here. */
const FULL_BYTES = 500;
/** A note is written after this time at the latest. */
const NOTE_MS = 200;
/** A written line goes to the disk after this time. */
const SYNC_MS = 20;
const logger = pino({ level: 'silent' });
const DROPPED = 'presignatures_dropped';
const dropped = (lost: string): AuditRecord => ({ event: DROPPED, fields: { lost, dropped: 1 } });
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

let clock: VirtualClock;
beforeEach(() => {
  clock = new VirtualClock();
});

const openLog = (path: string, other: Partial<AuditLogOptions> = {}): Promise<AuditLog> => AuditLog.open(path, { clock, logger, ...other });

/** Closes a log. Time passes meanwhile: the last lines go to the disk a moment after they are written. */
const close = (log: AuditLog): Promise<void> => passUntilSettled(clock, log.close());

interface Line {
  readonly sequence: number;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly previous: string;
}

async function read(path: string): Promise<{ texts: string[]; lines: Line[] }> {
  const files = [...(await fullFiles(path)).map((full) => full.path), path];
  const text = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  const texts = text.split('\n').slice(0, -1);
  return { texts, lines: texts.map((line) => JSON.parse(line) as Line) };
}

/** As after a crash before the last lines were on the disk: nothing is noted of them. */
const forgetHead = (path: string): Promise<void> => rm(path.replace(/log$/, 'head.log'), { force: true });

/** Is every line chained to the one before it? */
async function expectWhole(path: string): Promise<Line[]> {
  const { texts, lines } = await read(path);
  expect(lines.map(({ sequence }) => sequence)).toEqual(lines.map((_, k) => k + 1));
  expect(lines.map(({ previous }) => previous)).toEqual(['0'.repeat(64), ...texts.slice(0, -1).map(sha256)]);
  return lines;
}

/** As on a full disk: a part of a text is written, and then there is an error. @returns how to mend it */
async function fillDisk(path: string): Promise<() => Promise<void>> {
  await appendFile(path, '{"sequence":');
  // Not open for writing.
  const other = await open(path, 'r');
  const { fd } = other;
  const prototype = Object.getPrototypeOf(other) as FileHandle;
  const own = Object.getOwnPropertyDescriptor(prototype, 'fd') ?? {};
  Object.defineProperty(prototype, 'fd', { configurable: true, get: () => fd });
  return async () => {
    Object.defineProperty(prototype, 'fd', own);
    await other.close();
  };
}

/** Has every file brought to the disk by `datasync` while `use` runs. */
async function withDisk(folder: string, datasync: () => Promise<void>, use: () => Promise<void>): Promise<void> {
  const any = await open(folder, 'r');
  const prototype = Object.getPrototypeOf(any) as Pick<FileHandle, 'datasync'>;
  const { datasync: own } = prototype;
  prototype.datasync = datasync;
  try {
    await use();
  } finally {
    prototype.datasync = own;
    await any.close();
  }
}

const withLog = (use: (path: string, reopen: () => Promise<AuditLog>) => Promise<void>): Promise<void> =>
  inFolder((folder) => {
    const path = join(folder, 'audit.log');
    return use(path, () => openLog(path));
  });

describe('the audit log', () => {
  it('chains each line to the one before it, through restarts', () =>
    withLog(async (path, reopen) => {
      for (const life of [1, 2, 3]) {
        const log = await reopen();
        await Promise.all([1, 2, 3].map((k) => log.record(dropped(`node-${life}${k}`))));
        const { texts } = await read(path);
        expect([log.length, log.head]).toEqual([3 * life, sha256(texts.at(-1) ?? '')]);
        await close(log);
      }
      const lines = await expectWhole(path);
      expect(lines.map(({ fields }) => fields['lost'])).toEqual([11, 12, 13, 21, 22, 23, 31, 32, 33].map((k) => `node-${k}`));
      expect((await stat(path)).mode & 0o777).toBe(0o600);
    }));

  it('has written what it has resolved, in the order in which it came, however much comes at once', () =>
    withLog(async (path, reopen) => {
      const log = await reopen();
      const first = log.record(dropped('first'));
      const others = Array.from({ length: 500 }, (_, k) => log.record(dropped(`other ${k}`)));
      await first;
      expect((await readFile(path, 'utf8')).startsWith('{"sequence":1,')).toBe(true);
      await Promise.all(others);
      expect((await expectWhole(path)).length).toBe(501);
      await close(log);
    }));

  it('writes a note with the record that comes after it, and after a fifth of a second if none comes', () =>
    withLog(async (path, reopen) => {
      const log = await reopen();
      log.note(dropped('node-1'));
      expect(await readFile(path, 'utf8')).toBe('');
      await log.record(dropped('node-2'));
      expect((await expectWhole(path)).map(({ fields }) => fields['lost'])).toEqual(['node-1', 'node-2']);
      await clock.advance(NOTE_MS);
      log.note(dropped('node-3'));
      await clock.advance(NOTE_MS - 1);
      log.note(dropped('node-4'));
      expect(log.length).toBe(2);
      await clock.advance(1);
      expect((await expectWhole(path)).map(({ fields }) => fields['lost'])).toEqual(['node-1', 'node-2', 'node-3', 'node-4']);
      await close(log);
    }));

  it('ends only when everything is written', () =>
    withLog(async (path, reopen) => {
      const log = await reopen();
      for (const k of [1, 2, 3]) log.note(dropped(`node-${k}`));
      await close(log);
      expect((await expectWhole(path)).length).toBe(3);
    }));

  it('takes what a crash has cut short into an entry of its own, wherever it cut', () =>
    withLog(async (path, reopen) => {
      const log = await reopen();
      await log.record(dropped('node-1'));
      const before = (await stat(path)).size;
      await log.record(dropped('node-2'));
      await close(log);
      const whole = await readFile(path);
      for (let size = before + 1; size < whole.length; size++) {
        await writeFile(path, whole.subarray(0, size));
        await forgetHead(path);
        await close(await reopen());
        const lines = await expectWhole(path);
        expect(lines.map(({ event }) => event)).toEqual([DROPPED, 'recovered']);
        expect(lines[1]?.fields).toEqual({ torn: whole.subarray(before, size).toString() });
      }
      for (const size of [0, before, whole.length]) {
        await writeFile(path, whole.subarray(0, size));
        await forgetHead(path);
        await close(await reopen());
        expect(await readFile(path)).toEqual(whole.subarray(0, size));
      }
    }));

  it('notices at its start that a byte near its end was changed, or that lines at its end are missing', () =>
    withLog(async (path, reopen) => {
      const log = await reopen();
      for (const node of ['node-1', 'node-2', 'node-3']) await log.record(dropped(node));
      await close(log);
      const whole = await readFile(path, 'utf8');
      const [first = '', second = '', third = ''] = whole.split('\n');
      const spoiled: [string, RegExp][] = [
        [whole.replace('node-3', 'node-4'), /: line 3 is not what was written\. Find out who changed it/],
        [`${first}\n${second}\n`, /: it ends with line 2, and line 3 was written\./],
        [whole.slice(0, -1), /: it ends with line 2, and line 3 was written\./],
        ['', /: it ends with line 0, and line 3 was written\./],
        [whole.replace('node-2', 'node-4'), /: its chain is broken\./],
      ];
      for (const [text, why] of spoiled) {
        await writeFile(path, text);
        await expect(reopen()).rejects.toThrow(why);
        expect(await readFile(path, 'utf8')).toBe(text);
      }
      await writeFile(path, whole);
      await close(await reopen());
      // Lines that came after the note, just before the process was killed.
      const { sequence } = JSON.parse(third) as Line;
      const later = { sequence: sequence + 1, time: new Date(0).toISOString(), event: DROPPED, fields: {}, previous: sha256(third) };
      await appendFile(path, `${JSON.stringify(later)}\n`);
      const again = await reopen();
      expect(again.length).toBe(4);
      await close(again);
    }));

  it('is opened without a note, as earlier versions leave it, or with one that a power cut has spoiled', () =>
    withLog(async (path, reopen) => {
      const log = await reopen();
      await log.record(dropped('node-1'));
      await close(log);
      for (const note of [null, '', '{"sequence":9', Buffer.alloc(80)]) {
        await forgetHead(path);
        if (note !== null) await writeFile(path.replace(/log$/, 'head.log'), note);
        await close(await reopen());
      }
      expect(await expectWhole(path)).toHaveLength(1);
    }));

  it('goes on with a log that is longer than what is read of it at the start', () =>
    withLog(async (path, reopen) => {
      const log = await reopen();
      const long = 'x'.repeat(5_000);
      await Promise.all(Array.from({ length: 400 }, (_, k) => log.record(dropped(`${k} ${long}`))));
      await close(log);
      expect((await stat(path)).size).toBeGreaterThan(1 << 20);
      await appendFile(path, '{"sequence":401,');
      const again = await reopen();
      await again.record(dropped('node-1'));
      await close(again);
      expect((await expectWhole(path)).length).toBe(402);
    }));

  it('refuses a log that was changed near its end, and says what to do', () =>
    withLog(async (path, reopen) => {
      const log = await reopen();
      for (const k of [1, 2, 3]) await log.record(dropped(`node-${k}`));
      await close(log);
      const text = await readFile(path, 'utf8');
      const changes = [
        text.replace('node-2', 'node-9'),
        text.replace(/^.*\n/, ''),
        `${text}{}\n`,
        `${text}${'x'.repeat(300_000)}`,
        'x'.repeat(2_000_000),
      ];
      for (const changed of changes) {
        await writeFile(path, changed);
        await expect(reopen()).rejects.toThrow(/audit\.log: .*(verify-audit-log names the place).*move it away/s);
        expect(await readFile(path, 'utf8')).toBe(changed);
      }
    }));

  it('refuses to record what it cannot write, says so, and goes on without a gap when it can again', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'audit.log');
      const problems: (string | null)[] = [];
      const { logger, lines } = memoryLog();
      const log = await openLog(path, { logger, onProblem: (reason) => void problems.push(reason) });
      await log.record(dropped('node-1'));
      const mend = await fillDisk(path);
      try {
        await expect(log.record(dropped('node-2'))).rejects.toThrow('EBADF');
        log.note(dropped('node-3'));
        await expect(log.record(dropped('node-4'))).rejects.toThrow(/EBADF|EINVAL/);
      } finally {
        await mend();
      }
      await log.record(dropped('node-5'));
      await close(log);
      const written = await expectWhole(path);
      const lost = written.filter(({ event }) => event === DROPPED).map(({ fields }) => fields['lost']);
      expect(lost).toEqual(['node-1', 'node-3', 'node-5']);
      expect(written.map(({ event }) => event)).toContain('recovered');
      expect(problems.at(-1)).toBeNull();
      expect(problems.some((problem) => /^the audit log cannot be written: .*EBADF/.test(problem ?? ''))).toBe(true);
      expect(lines.map(({ event }) => event)).toEqual(['audit_log_failed', 'audit_log_failed']);
    }));

  it('tries a note again when it could not be written', () =>
    withLog(async (path, reopen) => {
      const log = await reopen();
      const mend = await fillDisk(path);
      try {
        log.note(dropped('node-1'));
        await clock.advance(NOTE_MS);
        expect(log.length).toBe(0);
      } finally {
        await mend();
      }
      await clock.advance(NOTE_MS);
      await until(() => log.length === 2);
      expect((await expectWhole(path)).map(({ event }) => event)).toEqual(['recovered', DROPPED]);
      await close(log);
    }));

  it('does not keep anybody waiting for the disk, and says when the disk fails', () =>
    inFolder(async (folder) => {
      const problems: (string | null)[] = [];
      const path = join(folder, 'audit.log');
      const log = await openLog(path, { logger, onProblem: (reason) => void problems.push(reason) });
      let syncs = 0;
      const failing = (): Promise<void> => {
        syncs += 1;
        return Promise.reject(new Error('EIO'));
      };
      await withDisk(folder, failing, async () => {
        for (const k of [1, 2]) await log.record(dropped(`node-${k}`));
        expect((await expectWhole(path)).length).toBe(2);
        await clock.advance(SYNC_MS - 1);
        expect([syncs, problems]).toEqual([0, []]);
        await clock.advance(1);
        expect(syncs).toBe(1);
      });
      expect(problems).toEqual(['the audit log cannot be written: EIO']);
      await log.record(dropped('node-3'));
      await close(log);
      expect(problems.at(-1)).toBeNull();
      expect((await expectWhole(path)).length).toBe(3);
    }));

  it('brings the lines of one moment to the disk together, and rests when there are no more', () =>
    inFolder(async (folder) => {
      const log = await openLog(join(folder, 'audit.log'));
      let syncs = 0;
      const counting = (): Promise<void> => {
        syncs += 1;
        return Promise.resolve();
      };
      await withDisk(folder, counting, async () => {
        for (let moment = 1; moment <= 3; moment++) {
          for (const k of [1, 2, 3]) await log.record(dropped(`node-${k}`));
          await clock.advance(SYNC_MS);
          expect([syncs, clock.pending]).toEqual([moment, 0]);
        }
        await close(log);
      });
      expect(syncs).toBe(3);
    }));

  it('is as it was closed: what comes later is refused, or said to be lost, each once', () =>
    inFolder(async (folder) => {
      const { logger, lines } = memoryLog();
      const path = join(folder, 'audit.log');
      const log = await openLog(path, { logger });
      log.note(dropped('node-1'));
      await close(log);
      for (const k of [2, 3]) log.note(dropped(`node-${k}`));
      await expect(log.record(dropped('node-4'))).rejects.toThrow('the audit log is closed');
      await clock.advance(10 * NOTE_MS);
      expect(clock.pending).toBe(0);
      const lost = { event: 'audit_log_failed', lost: [DROPPED] };
      expect(lines).toMatchObject([lost, lost]);
      expect((await expectWhole(path)).length).toBe(1);
    }));

  it('begins another file when one is full, and the chain goes on in it, through restarts', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'audit.log');
      for (const life of [1, 2]) {
        const log = await openLog(path, { fullBytes: FULL_BYTES });
        for (const k of [1, 2, 3, 4, 5]) await log.record(dropped(`${life}, ${k}`));
        await Promise.all([6, 7, 8].map((k) => log.record(dropped(`${life}, ${k}`))));
        log.note(dropped(`${life}, 9`));
        expect(log.length).toBe(9 * life - 1);
        await close(log);
      }
      const names = await readdir(folder);
      const full = [12, 15, 18, 3, 6, 9].map((last) => `audit.${last}.log`);
      expect(names.sort()).toEqual([...full, 'audit.log']);
      const lines = await expectWhole(path);
      const written = [1, 2].flatMap((life) => Array.from({ length: 9 }, (_, k) => `${life}, ${k + 1}`));
      expect(lines.map(({ fields }) => fields['lost'])).toEqual(written);
      for (const name of names) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    }));

  it('ends only when the file that its end has filled is put away', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'audit.log');
      const log = await openLog(path, { fullBytes: FULL_BYTES });
      const slow = (): Promise<void> => sleep(clock, 5 * SYNC_MS);
      await withDisk(folder, slow, async () => {
        const written = Promise.all(Array.from({ length: 9 }, (_, k) => log.record(dropped(`node-${k}`))));
        await close(log);
        await written;
      });
      expect((await readdir(folder)).sort()).toEqual(['audit.3.log', 'audit.9.log', 'audit.log']);
      expect((await expectWhole(path)).length).toBe(9);
    }));

  it('is whole wherever a crash ends the beginning of another file', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'audit.log');
      const full = join(folder, 'audit.3.log');
      const write = async (count: number): Promise<void> => {
        const log = await openLog(path, { fullBytes: FULL_BYTES });
        for (let k = 1; k <= count; k++) await log.record(dropped(`node-${k}`));
        await close(log);
      };
      await write(3);
      const text = await readFile(full, 'utf8');
      const crashes = [
        { where: 'before the full one has its name', files: { [path]: text }, recovered: [] },
        { where: 'before there is another', files: { [full]: text }, recovered: [] },
        { where: 'before anything is in the other', files: { [full]: text, [path]: '' }, recovered: [] },
        { where: 'in the first line of the other', files: { [full]: text, [path]: '{"sequence":' }, recovered: ['recovered'] },
      ];
      for (const { where, files, recovered } of crashes) {
        for (const name of await readdir(folder)) await rm(join(folder, name));
        for (const [name, content] of Object.entries(files)) await writeFile(name, content);
        await write(2);
        const events = (await expectWhole(path)).map(({ event }) => event);
        expect({ where, events }).toEqual({ where, events: [DROPPED, DROPPED, DROPPED, ...recovered, DROPPED, DROPPED] });
      }
    }));

  it('is refused when it does not go on from the file before', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'audit.log');
      const open = (): Promise<AuditLog> => openLog(path, { fullBytes: FULL_BYTES });
      const log = await open();
      for (let k = 1; k <= 7; k++) await log.record(dropped(`node-${k}`));
      await close(log);
      const full = join(folder, 'audit.6.log');
      const [text, last] = [await readFile(full, 'utf8'), await readFile(path, 'utf8')];
      const withoutEnd = text.replace(/[^\n]*\n$/, '');
      for (const changed of [withoutEnd, text.slice(0, -9), text.replace('node-6', 'node-9'), text.replace('node-5', 'node-9'), '']) {
        await writeFile(full, changed);
        await expect(open()).rejects.toThrow(/audit(\.6)?\.log: .*(verify-audit-log names the place)/);
      }
      await writeFile(path, '');
      for (const cut of [withoutEnd, `${text}{"sequence":`]) {
        await writeFile(full, cut);
        await expect(open()).rejects.toThrow(/audit\.6\.log: it does not end with line 6/);
      }
      await writeFile(path, last);
      await rm(full);
      await expect(open()).rejects.toThrow(/audit\.log: its chain is broken/);
      await writeFile(full, text);
      await copyFile(join(folder, 'audit.3.log'), path);
      await expect(open()).rejects.toThrow(/audit\.log: its chain is broken/);
      await writeFile(path, last);
      const again = await open();
      expect(again.length).toBe(7);
      await close(again);
    }));

  it('is not opened when it cannot be', () =>
    inFolder(async (folder) => {
      await expect(openLog(join(folder, 'gone', 'audit.log'))).rejects.toThrow('ENOENT');
    }));
});
