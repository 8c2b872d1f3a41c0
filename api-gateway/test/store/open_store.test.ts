/** Which files a gateway starts with, and what it says of the others. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { openStore } from '../../src/store/open_store.js';

const ROSTER = 'a'.repeat(64);

let folder: string;
let file: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'store-')), 'data');
  file = join(folder, 'gateway.sqlite');
});
afterEach(() => rm(join(folder, '..'), { recursive: true }));

const made = async (requests = 0): Promise<void> => {
  const store = await openStore(folder, ROSTER);
  for (let k = 0; k < requests; k += 1) {
    const times = { acceptedAt: 1, endsAt: 2 };
    const posted = { message: `${k}`, origin: 'o'.repeat(600) };
    await store.register({ id: `req_1_${k}`, idempotencyKey: undefined, askedSha256: 'b', ...times, posted });
  }
  await store.close();
};
const opening = () => openStore(folder, ROSTER).then((store) => store.close());
const statement = (sql: string): void => {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
};

it('only its owner can read what is kept, whatever the folder was before', async () => {
  const store = await openStore(folder, ROSTER);
  await chmod(folder, 0o755);
  await chmod(file, 0o644);
  await store.close();
  const again = await openStore(folder, ROSTER);
  try {
    const posted = { message: 'm', origin: 'o' };
    await again.register({ id: 'r', idempotencyKey: undefined, askedSha256: '', acceptedAt: 1, endsAt: 2, posted });
    const modes = await Promise.all((await readdir(folder)).map(async (name) => [name, (await stat(join(folder, name))).mode & 0o777]));
    expect(modes).toEqual([['gateway.sqlite', 0o600], ['gateway.sqlite-wal', 0o600]]);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  } finally {
    await again.close();
  }
});

it('no other process opens it at the same time, and any may afterwards, however the first one has ended', async () => {
  await made();
  const program = (rest: string) => `
    const { openStore } = await import(${JSON.stringify(new URL('../../dist/store/open_store.js', import.meta.url).href)});
    const store = await openStore(${JSON.stringify(folder)}, '${ROSTER}');
    ${rest}`;
  const node = (code: string) => promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  const store = await openStore(folder, ROSTER);
  await expect(node(program('await store.close();'))).rejects.toThrow(/another gateway runs with it already\. Stop it first/);
  await expect(opening()).rejects.toThrow('another gateway runs with it already');
  await store.close();
  await expect(node(program("process.kill(process.pid, 'SIGKILL');"))).rejects.toMatchObject({ signal: 'SIGKILL' });
  await opening();
});

it('brings a file of version 1 to this one, with what is in it', async () => {
  await mkdir(folder);
  statement(`
    CREATE TABLE cluster (roster TEXT NOT NULL) STRICT;
    CREATE TABLE requests (
      arrival INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, idempotency_key TEXT UNIQUE, asked_sha256 TEXT NOT NULL,
      accepted_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'failed')),
      message BLOB, origin TEXT, presignature_id TEXT, signature TEXT, reason TEXT, closing TEXT, ended_at INTEGER
    ) STRICT;
    CREATE INDEX requests_by_status ON requests (status, arrival);
    CREATE INDEX requests_by_end ON requests (ended_at) WHERE ended_at IS NOT NULL;
    INSERT INTO cluster VALUES ('${ROSTER}');
    INSERT INTO requests (id, asked_sha256, accepted_at, ends_at, status, message, origin) VALUES ('p', 'a', 1, 2, 'pending', x'6d', 'o');
    INSERT INTO requests (id, asked_sha256, accepted_at, ends_at, status, signature, ended_at)
      VALUES ('c', 'a', 1, 2, 'completed', '{}', 2);
    PRAGMA application_id = 1953720183;
    PRAGMA user_version = 1`);
  for (let time = 0; time < 2; time += 1) {
    const store = await openStore(folder, ROSTER);
    expect(await store.get('p')).toMatchObject({ state: { status: 'pending', posted: { message: 'm', origin: 'o' } } });
    expect((await store.get('c'))?.state).toEqual({ status: 'completed', signature: '{}', recoveryId: undefined });
    await store.close();
  }
  const store = await openStore(folder, ROSTER);
  const posted = { message: 'ab', kind: 'bytes', hash: 'keccak256', origin: 'o' } as const;
  const { request } = await store.register({ id: 'new', idempotencyKey: undefined, askedSha256: 'b', acceptedAt: 1, endsAt: 2, posted });
  expect(request.state).toEqual({ status: 'pending', posted });
  await store.end('new', { status: 'completed', signature: '{}', recoveryId: 1 }, 3);
  expect((await store.get('new'))?.state).toEqual({ status: 'completed', signature: '{}', recoveryId: 1 });
  await store.close();
});

describe('a file that is refused, stays as it is, and says what to do', () => {
  it('is that of a later version', async () => {
    await made();
    statement('PRAGMA user_version = 3');
    await expect(opening()).rejects.toThrow(/later version of this program \(tables 3, known 2\)\. Start that version/);
  });

  it("is another cluster's", async () => {
    await made();
    const advice = /another roster\. Give the gateway of each cluster a DATA_DIR of its own/;
    await expect(openStore(folder, 'c'.repeat(64))).rejects.toThrow(advice);
    await opening();
  });

  it("is another program's database", async () => {
    await made();
    await rm(file);
    statement('CREATE TABLE t (x)');
    await expect(opening()).rejects.toThrow(/is not a gateway's\. Move it away/);
  });

  it('is no database', async () => {
    await made();
    await writeFile(file, 'garbage '.repeat(1_000));
    await expect(opening()).rejects.toThrow(/is damaged \(.*\)\. Restore it from a backup\. Or move it away/);
  });

  it.each([['the first page', 120], ['a later page', 3 * 4_096], ['another page', 6 * 4_096]])('is damaged in %s', async (_what, at) => {
    await made(60);
    await cp(file, `${file}.copy`);
    const handle = await open(file, 'r+');
    await handle.write(Buffer.alloc(600, 0xee), 0, 600, at);
    await handle.close();
    await expect(opening()).rejects.toThrow(/is damaged \(.*\)\. Restore it from a backup/);
    await cp(`${file}.copy`, file);
    await opening();
  });

  it('is cut short', async () => {
    await made(60);
    const handle = await open(file, 'r+');
    await handle.truncate((await handle.stat()).size - 8_192);
    await handle.close();
    await expect(opening()).rejects.toThrow(/is damaged/);
  });

  it('is in a folder that is none', async () => {
    await writeFile(folder, '');
    await expect(opening()).rejects.toThrow(/cannot be written \(.*\): DATA_DIR has to be a folder that the gateway owns/);
  });
});
