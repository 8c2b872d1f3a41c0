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

/**
 * Writes to a database. Those that come in one turn of the event loop share a transaction: so a burst waits for the disk a few times, not
 * once for each write.
 */
export class GroupCommit {
  #writes: Write[] = [];

  /** @param defer calls back at the end of the turn */
  constructor(
    private readonly database: DatabaseSync,
    private readonly defer: (callback: () => void) => void,
  ) {}

  /**
   * @param run the statements; when it throws, none of the writes of this turn is done
   * @returns what `run` returns, when it is on the disk
   * @throws StoreFull; the error of the transaction
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
    try {
      this.#commit(writes);
    } catch (error) {
      const why = sqliteError(error)?.code === SQLITE_FULL ? new StoreFull('there is no room on the disk', { cause: error }) : error;
      for (const { failed } of writes) failed(why);
      return;
    }
    for (const { done } of writes) done();
  }

  #commit(writes: readonly Write[]): void {
    this.database.exec('BEGIN IMMEDIATE');
    try {
      for (const { run } of writes) run();
      this.database.exec('COMMIT');
    } catch (error) {
      // SQLite itself ends the transaction after some errors.
      if (this.database.isTransaction) this.database.exec('ROLLBACK');
      throw error;
    }
  }
}
