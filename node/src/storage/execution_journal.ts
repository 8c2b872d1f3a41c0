import { open, readFile, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DamagedFile } from '../base/errors.js';
import { isMissing, syncFolder, writeAtomically } from './files.js';

/** The journal remembers at least this many ids, and has at most twice as many lines. */
const DEFAULT_MAX_ENTRIES = 100_000;
/** What a journal's line can be: the names of attempts and requests. */
const ID = /^[\x20-\x7e]{1,512}$/;
/** The most that a crash leaves of a line: a block of the disk. */
const MAX_CUT_BYTES = 4096;

/**
 * The execution ids that this node has begun, on disk. None is run twice, whatever crashes: two runs of one id could answer two challenges
 * with one nonce. The journal is bounded: it forgets the oldest ids, which nobody makes again after this many others.
 */
export class ExecutionJournal {
  readonly #claimed: Set<string>;
  readonly #path: string;
  readonly #maxEntries: number;
  #file: FileHandle;
  #writing: Promise<void> = Promise.resolve();
  #lines: number;
  #cut = false;

  private constructor(path: string, maxEntries: number, claimed: Set<string>, file: FileHandle) {
    this.#path = path;
    this.#maxEntries = maxEntries;
    this.#claimed = claimed;
    this.#lines = claimed.size;
    this.#file = file;
  }

  /**
   * Opens the journal, or begins one. A line that a crash has cut short is no entry: nothing was run under it.
   * @throws DamagedFile when it has lines that are no ids: it stays as it is
   */
  static async open(path: string, maxEntries = DEFAULT_MAX_ENTRIES): Promise<ExecutionJournal> {
    const lines = (await textOf(path)).split('\n');
    const cut = lines.pop() ?? '';
    const wrong = lines.findIndex((line) => line !== '' && !ID.test(line));
    if (wrong >= 0) throw damaged(path, `line ${wrong + 1} is no execution id`);
    if (cut.length > MAX_CUT_BYTES) throw damaged(path, 'its last line is longer than any that this program writes');
    const ids = [...new Set(lines)].filter((line) => line !== '').slice(-maxEntries);
    if (cut !== '' || ids.length < lines.length) await writeAtomically(path, toText(ids));
    const file = await open(path, 'a', 0o600);
    await syncFolder(dirname(path));
    return new ExecutionJournal(path, maxEntries, new Set(ids), file);
  }

  /** The remembered ids, the oldest first. */
  ids(): Iterable<string> {
    return this.#claimed.values();
  }

  /**
   * Records that this node begins an execution. The record is on disk when this resolves.
   * @returns false when the execution was begun before: it must not be run
   * @throws when this cannot be recorded: it must not be run either
   */
  async claim(executionId: string): Promise<boolean> {
    if (this.#claimed.has(executionId)) return false;
    if (!ID.test(executionId)) throw new Error('an execution id must be one line of at most 512 ASCII characters');
    this.#claimed.add(executionId);
    const written = this.#writing.then(() => this.#write(executionId));
    this.#writing = written.catch(() => undefined);
    await written;
    return true;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  async #write(executionId: string): Promise<void> {
    if (this.#lines >= 2 * this.#maxEntries) await this.#compact();
    // After a failed write the file may end in a part of a line.
    const start = this.#cut ? '\n' : '';
    this.#cut = true;
    await this.#file.appendFile(`${start}${executionId}\n`);
    await this.#file.datasync();
    this.#cut = false;
    this.#lines += 1;
  }

  /** Keeps only the newest entries. */
  async #compact(): Promise<void> {
    const ids = [...this.#claimed].slice(-this.#maxEntries);
    await writeAtomically(this.#path, toText(ids));
    const file = await open(this.#path, 'a', 0o600);
    await this.#file.close();
    this.#file = file;
    this.#lines = ids.length;
    const kept = new Set(ids);
    for (const id of this.#claimed) if (!kept.has(id)) this.#claimed.delete(id);
  }
}

/** Byte by byte: a file that is not UTF-8 is looked at like any other. */
async function textOf(path: string): Promise<string> {
  return readFile(path, 'latin1').catch((error: unknown) => {
    if (isMissing(error)) return '';
    throw error;
  });
}

function damaged(path: string, what: string): DamagedFile {
  const advice = 'Find out who changed it. Keep it, but move it away: the node then begins a new one, as after restore-share';
  return new DamagedFile(`${path}: ${what}. It is left as it is. ${advice}`);
}

function toText(ids: readonly string[]): string {
  return ids.map((id) => `${id}\n`).join('');
}
