import type { DatabaseSync } from 'node:sqlite';
import { StoreFull } from './request_store.js';
import { sqliteError } from './sqlite_errors.js';

/** SQLite's code for: the disk is full. */
const SQLITE_FULL = 13;

interface Write {
  readonly run: () => void;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** A write that could not be done, and why. */
interface Failure {
  readonly write: Write;
  readonly error: unknown;
}

/**
 * Writes to a database. Those that come in one turn of the event loop share a transaction: so a burst waits for the disk a few times, not
 * once for each write. One that cannot be done is undone alone, except when the disk is full: then none is done.
 */
export class GroupCommit {
  #writes: Write[] = [];

  /** @param defer calls back at the end of the turn */
  constructor(
    private readonly database: DatabaseSync,
    private readonly defer: (callback: () => void) => void,
  ) {}

  /**
   * @param run the statements; when it throws, none of them counts
   * @returns what `run` returns, when it is on the disk
   * @throws what `run` throws; StoreFull; the error of the transaction
   */
  write<T>(run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: { readonly value: T } | undefined;
      this.#writes.push({
        run: () => {
          result = { value: run() };
        },
        done: () => {
          if (result !== undefined) resolve(result.value);
        },
        failed: reject,
      });
      if (this.#writes.length === 1) this.defer(() => { this.flush(); });
    });
  }

  /** Does now what waits for the end of the turn. */
  flush(): void {
    const writes = this.#writes;
    this.#writes = [];
    if (writes.length === 0) return;
    let failures: Failure[];
    try {
      failures = this.#commit(writes);
    } catch (error) {
      failures = writes.map((write) => ({ write, error }));
    }
    const failed = new Set(failures.map(({ write }) => write));
    for (const { write, error } of failures) write.failed(toldAs(error));
    for (const write of writes) if (!failed.has(write)) write.done();
  }

  #commit(writes: readonly Write[]): Failure[] {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      const failures = writes.flatMap((write) => this.#run(write));
      this.database.exec('COMMIT');
      return failures;
    } catch (error) {
      // SQLite itself ends the transaction after some errors.
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }

  /** @throws when the transaction is over, and with it all writes */
  #run(write: Write): Failure[] {
    this.database.exec('SAVEPOINT one');
    try {
      write.run();
      this.database.exec('RELEASE one');
      return [];
    } catch (error) {
      if (!this.database.isTransaction) throw error;
      this.database.exec('ROLLBACK TO one; RELEASE one');
      return [{ write, error }];
    }
  }
}

function toldAs(error: unknown): unknown {
  return sqliteError(error)?.code === SQLITE_FULL ? new StoreFull('there is no room on the disk', { cause: error }) : error;
}
