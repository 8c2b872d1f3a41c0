import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { GroupCommit } from './group_commit.js';
import {
  TooManyPending, type Ended, type ListQuery, type NewRequest, type Outcome, type PendingSummary, type PostedRequest, type Registered,
  type RequestStore, type StoredRequest,
} from './request_store.js';

/** Version of the tables. A file with a higher one is of a later version of this program. */
export const SCHEMA_VERSION = 2;

/** What was posted is only there while the request is pending; the outcome only afterwards. */
export const SCHEMA = `
  CREATE TABLE cluster (roster TEXT NOT NULL) STRICT;
  CREATE TABLE requests (
    arrival INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    idempotency_key TEXT UNIQUE,
    asked_sha256 TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'completed', 'failed')),
    message BLOB,
    kind TEXT CHECK (kind IN ('bytes', 'digest')),
    hash TEXT CHECK (hash IN ('sha256d', 'keccak256')),
    origin TEXT,
    presignature_id TEXT,
    signature TEXT,
    recovery_id INTEGER,
    reason TEXT,
    closing TEXT,
    ended_at INTEGER
  ) STRICT;
  CREATE INDEX requests_by_status ON requests (status, arrival);
  CREATE INDEX requests_by_end ON requests (ended_at) WHERE ended_at IS NOT NULL;
`;

/** Makes tables of version 1 those of version 2. */
export const FROM_VERSION_1 = `
  ALTER TABLE requests ADD COLUMN kind TEXT CHECK (kind IN ('bytes', 'digest'));
  ALTER TABLE requests ADD COLUMN hash TEXT CHECK (hash IN ('sha256d', 'keccak256'));
  ALTER TABLE requests ADD COLUMN recovery_id INTEGER;
`;

const RowSchema = z.object({
  arrival: z.int(),
  id: z.string(),
  idempotency_key: z.string().nullable(),
  asked_sha256: z.string(),
  accepted_at: z.int(),
  ends_at: z.int(),
  status: z.enum(['pending', 'completed', 'failed']),
  message: z.instanceof(Uint8Array).nullable(),
  kind: z.enum(['bytes', 'digest']).nullable(),
  hash: z.enum(['sha256d', 'keccak256']).nullable(),
  origin: z.string().nullable(),
  presignature_id: z.string().nullable(),
  signature: z.string().nullable(),
  recovery_id: z.int().min(0).max(3).nullable(),
  reason: z.string().nullable(),
  closing: z.string().nullable(),
});
const IdSchema = z.object({ id: z.string() }).transform(({ id }) => id);
const OriginSchema = z.object({ id: z.string(), origin: z.string() }).transform(({ id, origin }): [string, string] => [id, origin]);
const CountSchema = z.object({ count: z.int(), oldest: z.int().nullable() });
const InTimeSchema = z.object({ id: z.string(), acceptedAt: z.int() });

/** The requests of one gateway, in a file that no other process opens. Reads take microseconds, and see what is on the disk. */
export class SqliteStore implements RequestStore {
  readonly #database: DatabaseSync;
  readonly #commit: GroupCommit;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * @param database with the tables of {@link SCHEMA}, which this store closes
   * @param defer calls back at the end of a turn of the event loop
   */
  constructor(database: DatabaseSync, defer: (callback: () => void) => void = setImmediate) {
    this.#database = database;
    this.#commit = new GroupCommit(database, defer);
  }

  register(request: NewRequest, maxPending = Infinity): Promise<Registered> {
    const { id, idempotencyKey, askedSha256, acceptedAt, endsAt, posted } = request;
    return this.#commit.write(() => {
      const known = (idempotencyKey === undefined ? undefined : this.#withKey(idempotencyKey)) ?? this.#get(id);
      if (known?.id === id && known.askedSha256 !== askedSha256) throw new Error(`${id} stands for another request already`);
      if (known !== undefined) return { request: known, isNew: false };
      const { count } = this.#pending();
      if (count >= maxPending) throw new TooManyPending(count);
      this.#run(
        `INSERT INTO requests
           (id, idempotency_key, asked_sha256, accepted_at, ends_at, status, message, kind, hash, origin, presignature_id)
         VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?)`,
        id, idempotencyKey ?? null, askedSha256, acceptedAt, endsAt, ...columnsOf(posted),
      );
      return { request: this.#known(id), isNew: true };
    });
  }

  get(id: string): Promise<StoredRequest | undefined> {
    return reading(() => this.#get(id));
  }

  withKey(idempotencyKey: string): Promise<StoredRequest | undefined> {
    return reading(() => this.#withKey(idempotencyKey));
  }

  replacePosted(id: string, fromOrigin: string, posted: PostedRequest): Promise<StoredRequest | undefined> {
    return this.#commit.write(() => {
      this.#run(
        `UPDATE requests SET message = ?, kind = ?, hash = ?, origin = ?, presignature_id = ?
         WHERE id = ? AND status = 'pending' AND origin = ?`,
        ...columnsOf(posted), id, fromOrigin,
      );
      return this.#get(id);
    });
  }

  end(id: string, outcome: Outcome, endedAt: number): Promise<Ended | undefined> {
    const { status } = outcome;
    const [signature, recoveryId, reason, closing] =
      status === 'completed'
        ? [outcome.signature, outcome.recoveryId ?? null, null, null]
        : [null, null, outcome.reason, outcome.closing ?? null];
    return this.#commit.write(() => {
      const isNew = this.#run(
        `UPDATE requests SET status = ?, signature = ?, recovery_id = ?, reason = ?, closing = ?, ended_at = ?,
           message = NULL, kind = NULL, hash = NULL, origin = NULL, presignature_id = NULL
         WHERE id = ? AND status = 'pending'`,
        status, signature, recoveryId, reason, closing, endedAt, id,
      );
      const state = this.#get(id)?.state;
      return state === undefined || state.status === 'pending' ? undefined : { outcome: state, isNew };
    });
  }

  list({ status, after, limit }: ListQuery): Promise<StoredRequest[] | undefined> {
    return reading(() => {
      const last = after === undefined ? 0 : this.#get(after)?.arrival;
      if (last === undefined) return undefined;
      const ofStatus = status === undefined ? '' : 'AND status = ?';
      const values = status === undefined ? [last, limit] : [last, status, limit];
      return this.#all(`SELECT * FROM requests WHERE arrival > ? ${ofStatus} ORDER BY arrival LIMIT ?`, ...values).map(toRequest);
    });
  }

  pendingOrigins(): Promise<Map<string, string>> {
    return reading(() => {
      const rows = this.#all(`SELECT id, origin FROM requests WHERE status = 'pending' ORDER BY arrival`);
      return new Map(rows.map((row) => OriginSchema.parse(row)));
    });
  }

  pendingSummary(endsAfter: number): Promise<PendingSummary> {
    return reading(() => {
      const { count, oldest } = this.#pending();
      const inTime = `SELECT id, accepted_at AS acceptedAt FROM requests WHERE status = 'pending' AND ends_at > ? ORDER BY arrival LIMIT 1`;
      const [oldestInTime] = this.#all(inTime, endsAfter).map((row) => InTimeSchema.parse(row));
      return { count, oldestAcceptedAt: oldest ?? undefined, oldestInTime };
    });
  }

  overdue(now: number, limit: number): Promise<string[]> {
    return reading(() =>
      this.#all(`SELECT id FROM requests WHERE status = 'pending' AND ends_at <= ? ORDER BY arrival LIMIT ?`, now, limit).map((row) =>
        IdSchema.parse(row),
      ),
    );
  }

  async forget(endedBefore: number, now: number, limit: number): Promise<number> {
    const old = await reading(() =>
      this.#all('SELECT id FROM requests WHERE ended_at < ? AND ends_at <= ? LIMIT ?', endedBefore, now, limit).map((row) =>
        IdSchema.parse(row),
      ),
    );
    if (old.length === 0) return 0;
    return this.#commit.write(() => {
      for (const id of old) this.#run('DELETE FROM requests WHERE id = ?', id);
      return old.length;
    });
  }

  close(): Promise<void> {
    return reading(() => {
      this.#commit.flush();
      this.#database.close();
    });
  }

  #get(id: string): StoredRequest | undefined {
    return this.#all('SELECT * FROM requests WHERE id = ?', id).map(toRequest)[0];
  }

  #withKey(idempotencyKey: string): StoredRequest | undefined {
    return this.#all('SELECT * FROM requests WHERE idempotency_key = ?', idempotencyKey).map(toRequest)[0];
  }

  #pending(): z.infer<typeof CountSchema> {
    const [row] = this.#all(
      `SELECT count(*) AS count,
         (SELECT accepted_at FROM requests WHERE status = 'pending' ORDER BY arrival LIMIT 1) AS oldest
       FROM requests WHERE status = 'pending'`,
    );
    return CountSchema.parse(row);
  }

  #known(id: string): StoredRequest {
    const request = this.#get(id);
    if (request === undefined) throw new Error(`${id} is not there after it was written`);
    return request;
  }

  /** @returns whether it has changed anything */
  #run(sql: string, ...values: SQLInputValue[]): boolean {
    return this.#prepared(sql).run(...values).changes > 0;
  }

  #all(sql: string, ...values: SQLInputValue[]): unknown[] {
    return this.#prepared(sql).all(...values);
  }

  #prepared(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** A text may have NUL characters, after which SQLite's own functions would see nothing: a message is kept as its bytes. */
function columnsOf({ message, kind, hash, origin, presignature_id }: PostedRequest): SQLInputValue[] {
  return [Buffer.from(message), kind ?? null, hash ?? null, origin, presignature_id ?? null];
}

/** @throws ZodError or Error when somebody has changed the file */
function toRequest(value: unknown): StoredRequest {
  const row = RowSchema.parse(value);
  return {
    arrival: row.arrival,
    id: row.id,
    idempotencyKey: row.idempotency_key ?? undefined,
    askedSha256: row.asked_sha256,
    acceptedAt: row.accepted_at,
    endsAt: row.ends_at,
    state: stateOf(row),
  };
}

function stateOf(row: z.infer<typeof RowSchema>): StoredRequest['state'] {
  const { id, status, message, origin, signature, reason } = row;
  if (status === 'pending' && message !== null && origin !== null) {
    const [kind, hash, presignature_id] = [row.kind ?? undefined, row.hash ?? undefined, row.presignature_id ?? undefined];
    return { status, posted: { message: Buffer.from(message).toString(), kind, hash, origin, presignature_id } };
  }
  if (status === 'completed' && signature !== null) return { status, signature, recoveryId: row.recovery_id ?? undefined };
  if (status === 'failed' && reason !== null) return { status, reason, closing: row.closing ?? undefined };
  throw new Error(`gateway.sqlite: the row of ${id} lacks what its status needs`);
}

/** Reads at once. What it throws becomes the rejection of the promise. */
function reading<T>(read: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(read());
  });
}
