/**
 * What this node has decided about requests, on disk, for as long as somebody could put them on the board again.
 *
 * In SQLite, because entries change and are forgotten one by one: a file that is only appended to needs an index, a repair and a
 * compaction of its own. A change is in the file as a whole or not at all, and survives this process however it ends. A refusal is on the
 * disk, with all before it, before anything rests on it. What is accepted or signed is there only at the next refusal or checkpoint: after
 * a power cut the node may accept such a request again, which is a share of the same payload.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Clock } from 'service/clock';
import { z } from 'zod';
import { DamagedFile } from '../base/errors.js';

/**
 * Entries are kept for this long after their requests have expired. Smaller: a node whose clock was set back meets requests that it has
 * forgotten, before they have expired. Larger: a larger file.
 */
const KEPT_MS = 3_600_000;
/** No request counts as expiring later than this. Smaller: one that can still be signed is forgotten. Larger: a larger file. */
const LONGEST_LIFE_MS = 30 * 86_400_000;
/** Old entries are forgotten this often. Smaller: needless work. Larger: a larger file. */
const FORGET_EVERY_MS = 60_000;
/** SQLite's number for this form of the file. */
const FORM = 1;

const NEW_FILE = `
  BEGIN;
  CREATE TABLE decided (
    id TEXT PRIMARY KEY, message_sha256 TEXT NOT NULL, expires INTEGER NOT NULL, forget INTEGER NOT NULL, refusal TEXT, signature TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX decided_forget ON decided (forget);
  PRAGMA user_version = ${FORM};
  COMMIT`;

/** The changes of an open file are in one beside it. */
const LOG = '-wal';

/** What the gateway has asked for. */
export interface AskedPayload {
  readonly id: string;
  /** Names the payload, hexadecimal: of a message that is signed with SHA-256, that. An id stands for one payload. */
  readonly messageSha256: string;
  /** Milliseconds since 1970, as the gateway has signed it. */
  readonly expires: number;
}

/** A decision. It is accepted when there is no `refusal`. There is never both a refusal and a signature. */
export interface DecidedRequest extends AskedPayload {
  /** Why this node signs nothing of it: its own refusal, or why the request has failed. */
  readonly refusal: string | null;
  /** Valid, in the board's form; null until this node has seen one. */
  readonly signature: string | null;
}

/**
 * Decisions about requests that the gateway has asked for. What is kept survives this process when a method returns.
 * Each method throws when that fails: then nothing must be done that rests on it.
 */
export interface DecidedRequests {
  get(id: string): DecidedRequest | undefined;
  /** Keeps that this node signs it. Nothing changes when it is decided already. */
  accept(request: AskedPayload): void;
  /** Keeps that this node signs nothing of it any more. Only an accepted one without a signature changes. */
  refuse(request: AskedPayload, code: string): void;
  /** Keeps the signature of an accepted one. The first stays. Nothing changes when another message was accepted under this id. */
  complete(request: Pick<AskedPayload, 'id' | 'messageSha256'>, signature: string): void;
}

const RowSchema = z
  .strictObject({
    id: z.string().min(1).max(256),
    message_sha256: z.string().regex(/^[0-9a-f]{64}$/),
    expires: z.int(),
    forget: z.int(),
    refusal: z.string().regex(/^[a-z][a-z0-9_]{0,63}$/).nullable(),
    signature: z.string().max(512).startsWith('{').nullable(),
  })
  .refine(({ refusal, signature }) => refusal === null || signature === null);

export interface DecidedRequestsOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Told why nothing can be kept, and null when that is over. */
  readonly onProblem?: (reason: string | null) => void;
}

/** {@link DecidedRequests} in a file. */
export class DecidedRequestsFile implements DecidedRequests {
  readonly #database: DatabaseSync;
  readonly #options: DecidedRequestsOptions;
  readonly #get: StatementSync;
  readonly #accept: StatementSync;
  readonly #refuse: StatementSync;
  readonly #complete: StatementSync;
  readonly #forget: StatementSync;
  /** Entries are forgotten that end before this, on the wall clock. It goes no faster than the monotonic clock: a wrong time may pass. */
  #horizon: number;
  /** When they were last forgotten, on the monotonic clock. */
  #forgotAt: number;

  private constructor(database: DatabaseSync, options: DecidedRequestsOptions, changedAt: number) {
    this.#horizon = changedAt;
    this.#forgotAt = options.clock.monotonic();
    this.#database = database;
    this.#options = options;
    const insert = 'INSERT INTO decided (id, message_sha256, expires, forget, refusal) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO';
    this.#get = database.prepare('SELECT * FROM decided WHERE id = ?');
    this.#accept = database.prepare(`${insert} NOTHING`);
    this.#refuse = database.prepare(`${insert} UPDATE SET refusal = excluded.refusal
      WHERE refusal IS NULL AND signature IS NULL AND message_sha256 = excluded.message_sha256`);
    this.#complete = database.prepare(`UPDATE decided SET signature = ?
      WHERE id = ? AND message_sha256 = ? AND refusal IS NULL AND signature IS NULL`);
    this.#forget = database.prepare('DELETE FROM decided WHERE forget < ?');
  }

  /**
   * Opens the file, or begins one. @param path `:memory:` for one that is on no disk
   * @throws DamagedFile when it is not such a file, or not whole: it stays as it is
   */
  static open(path: string, options: DecidedRequestsOptions): DecidedRequestsFile {
    const changedAt = path === ':memory:' ? options.clock.now() : lastChange(path);
    if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600));
    const database = new DatabaseSync(path);
    try {
      // Nobody else opens the file while the node runs. So no file of shared memory is needed beside it.
      database.exec('PRAGMA locking_mode = EXCLUSIVE');
      const isNew = checkWhole(database);
      database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
      if (isNew) database.exec(NEW_FILE);
      return new DecidedRequestsFile(database, options, Math.min(changedAt, options.clock.now()));
    } catch (error) {
      database.close();
      throw damaged(path, error);
    }
  }

  get(id: string): DecidedRequest | undefined {
    const row = this.#get.get(id);
    if (row === undefined) return undefined;
    const { message_sha256: messageSha256, expires, refusal, signature } = RowSchema.parse(row);
    return { id, messageSha256, expires, refusal, signature };
  }

  accept(request: AskedPayload): void {
    this.#write(() => this.#accept.run(...this.#row(request), null));
  }

  refuse(request: AskedPayload, code: string): void {
    this.#write(() => {
      this.#database.exec('PRAGMA synchronous = FULL');
      try {
        this.#refuse.run(...this.#row(request), code);
      } finally {
        this.#database.exec('PRAGMA synchronous = NORMAL');
      }
    });
  }

  complete({ id, messageSha256 }: Pick<AskedPayload, 'id' | 'messageSha256'>, signature: string): void {
    this.#write(() => this.#complete.run(signature, id, messageSha256));
  }

  close(): void {
    this.#database.close();
  }

  #row({ id, messageSha256, expires }: AskedPayload): [string, string, number, number] {
    const now = this.#options.clock.now();
    // A request may have expired by this clock only, because it is wrong.
    const until = Math.min(Math.max(expires, now), now + LONGEST_LIFE_MS);
    return [id, messageSha256, expires, Math.ceil(until + KEPT_MS)];
  }

  #write(change: () => void): void {
    const { onProblem } = this.#options;
    try {
      change();
      this.#forgetOld();
    } catch (error) {
      onProblem?.(`decisions about requests cannot be kept: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
    onProblem?.(null);
  }

  #forgetOld(): void {
    const { clock } = this.#options;
    const passedMs = clock.monotonic() - this.#forgotAt;
    if (passedMs < FORGET_EVERY_MS) return;
    this.#forgotAt += passedMs;
    this.#horizon = Math.min(clock.now(), this.#horizon + passedMs);
    this.#forget.run(Math.floor(this.#horizon));
  }
}

/** When the file was last changed, milliseconds since 1970; Infinity when there is none. */
function lastChange(path: string): number {
  const times = [path, `${path}${LOG}`].flatMap((each) => statSync(each, { throwIfNoEntry: false })?.mtimeMs ?? []);
  return times.length === 0 ? Infinity : Math.max(...times);
}

/** @returns true when it is empty @throws when it has another form, or is not whole */
function checkWhole(database: DatabaseSync): boolean {
  if (database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) return true;
  const { user_version: form } = z.object({ user_version: z.int() }).parse(database.prepare('PRAGMA user_version').get());
  if (form !== FORM) throw new Error(`it has form ${form}, and this version knows form ${FORM}`);
  const { quick_check: state } = z.object({ quick_check: z.string() }).parse(database.prepare('PRAGMA quick_check(1)').get());
  if (state !== 'ok') throw new Error(state);
  for (const row of database.prepare('SELECT * FROM decided').iterate()) RowSchema.parse(row);
  return false;
}

function damaged(path: string, cause: unknown): DamagedFile {
  const what = cause instanceof z.ZodError ? 'an entry is no decision' : cause instanceof Error ? cause.message : String(cause);
  const advice = 'Find out who changed it. Keep it, but move it away, with the files beside it whose names begin with its name, and start '
    + 'the node an hour after REQUEST_LIFETIME_SECONDS of the gateway: until then it might sign what it has refused';
  return new DamagedFile(`${path}: ${what}. It is left as it is. ${advice}`, { cause });
}
