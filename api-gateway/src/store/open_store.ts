import { chmod, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Refused, systemCode } from 'sealing/errors';
import { z } from 'zod';
import { sqliteError } from './sqlite_errors.js';
import { FROM_VERSION_1, SCHEMA, SCHEMA_VERSION, SqliteStore } from './sqlite_store.js';

const FILE = 'gateway.sqlite';
/** What an open store writes to, in its folder. */
export const STORE_FILES: readonly string[] = [FILE, `${FILE}-wal`];
/** Marks the file as this program's: `file gateway.sqlite` shows it. */
const APPLICATION_ID = 0x74736777;

/** SQLite's codes: another process has the file; the file is damaged; it is no database. */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

const MOVE_IT_AWAY =
  'Restore it from a backup. Or move it away, with its -wal file: the gateway begins a new one. It then takes its unfinished requests ' +
  'over from the message board, and no longer knows the others, nor their idempotency keys';

/**
 * Opens the gateway's database, or begins one. Only its owner can read it. Until it is closed, or the process ends in any way, no other
 * process can open it.
 * @param folder is made if it is not there, and its mode becomes 0700
 * @param roster the cluster's, by its hash: the requests of one cluster mean nothing in another
 * @throws Refused saying which file, why, and what to do
 */
export async function openStore(folder: string, roster: string): Promise<SqliteStore> {
  const path = join(folder, FILE);
  await makeFile(folder, path);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    lock(database);
    prepare(database, roster, path);
    return new SqliteStore(database);
  } catch (error) {
    database?.close();
    throw explained(path, error);
  }
}

/** The files that SQLite makes beside it get the same mode. */
async function makeFile(folder: string, path: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    const file = await open(path, 'a', 0o600);
    await file.chmod(0o600);
    await file.close();
  } catch (error) {
    const advice = 'DATA_DIR has to be a folder that the gateway owns and can write to';
    throw new Refused(`${path} cannot be written (${systemCode(error)}): ${advice}`, { cause: error });
  }
}

/** Takes the file for this process. SQLite then needs no memory that it shares with others. */
function lock(database: DatabaseSync): void {
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('BEGIN EXCLUSIVE; COMMIT');
  // What was committed stays, also when the machine loses its power. For an outcome too: the board has no disk and nodes do not wait for
  // theirs, so this may be the only copy of a signature that a client was told.
  database.exec('PRAGMA synchronous = FULL');
}

function prepare(database: DatabaseSync, roster: string, path: string): void {
  const version = pragma(database, 'user_version');
  const application = pragma(database, 'application_id');
  const isNew = version === 0 && application === 0 && pragma(database, 'schema_version') === 0;
  if (isNew) begin(database, roster);
  else if (application !== APPLICATION_ID) throw new Refused(`${path} is not a gateway's. Move it away, or choose another DATA_DIR`);
  else if (version > SCHEMA_VERSION) {
    const advice = 'Start that version of the gateway, or restore the file from before the upgrade';
    throw new Refused(`${path} was written by a later version of this program (tables ${version}, known ${SCHEMA_VERSION}). ${advice}`);
  }
  const [check] = rows(database, 'PRAGMA quick_check(1)', z.object({ quick_check: z.string() }));
  if (check?.quick_check !== 'ok') throw damaged(path, check?.quick_check ?? 'it cannot be checked');
  const [cluster] = rows(database, 'SELECT roster FROM cluster', z.object({ roster: z.string() }));
  if (cluster?.roster !== roster) {
    const advice = 'Give the gateway of each cluster a DATA_DIR of its own, or the roster of this one';
    throw new Refused(`${path} belongs to a cluster with another roster. ${advice}`);
  }
  if (!isNew && version < SCHEMA_VERSION) upgrade(database);
}

/** In one transaction: after a crash the file is of one version or the other. */
function upgrade(database: DatabaseSync): void {
  database.exec(`BEGIN IMMEDIATE; ${FROM_VERSION_1} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

function begin(database: DatabaseSync, roster: string): void {
  database.exec('BEGIN IMMEDIATE');
  database.exec(SCHEMA);
  database.prepare('INSERT INTO cluster (roster) VALUES (?)').run(roster);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  database.exec('COMMIT');
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id' | 'schema_version'): number {
  const [row] = rows(database, `PRAGMA ${name}`, z.record(z.string(), z.int()));
  return row?.[name] ?? 0;
}

function rows<T>(database: DatabaseSync, sql: string, schema: z.ZodType<T>): T[] {
  return database.prepare(sql).all().map((row) => schema.parse(row));
}

function explained(path: string, error: unknown): unknown {
  const { code, message = '' } = sqliteError(error) ?? {};
  if (code === SQLITE_BUSY) return new Refused(`${path}: another gateway runs with it already. Stop it first`, { cause: error });
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB) {
    return damaged(path, message, error);
  }
  return error;
}

function damaged(path: string, why: string, cause?: unknown): Refused {
  return new Refused(`${path} is damaged (${why.replace(/\s+/g, ' ')}). ${MOVE_IT_AWAY}`, { cause });
}
