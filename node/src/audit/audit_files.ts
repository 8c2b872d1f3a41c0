/**
 * The files of an audit log. Lines are written to the current file, `audit_<node>.log`. When it is full it is renamed to
 * `audit_<node>.<number of its last line>.log`, and another one is begun. Numbers and chain go on from file to file: the first line has the
 * hash of the last line of the file before.
 */
import { open, readdir, rename, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Refused } from 'sealing/errors';
import type { Clock } from 'service/clock';
import { AuditChain, LINE_FEED } from './audit_chain.js';
import { DamagedFile } from '../base/errors.js';
import { sha256 } from '../base/sha256.js';
import { syncFolder } from '../storage/files.js';
import { readNotedHead, type NotedHead } from './noted_head.js';

/**
 * This much of the end of a file is checked when it is opened; `verify-audit-log` checks all of it. Smaller: a node that starts notices
 * fewer changes. Larger: it starts later.
 */
const TAIL_BYTES = 1 << 20;
/** The longest part of a line that a crash can leave. Longer ones are not this program's. */
const MAX_TORN_BYTES = 1 << 18;
const END = '.log';

/** The current file, and the chain up to its end. */
export interface OpenLog {
  readonly file: FileHandle;
  readonly chain: AuditChain;
  /** Bytes. */
  readonly size: number;
}

/** A full file. */
interface FullFile {
  readonly path: string;
  /** Number of its last line, as its name says. */
  readonly last: number;
}

/** The full files of a log, the oldest first. @param path of the current file */
export async function fullFiles(path: string): Promise<FullFile[]> {
  const folder = dirname(path);
  const name = basename(path, END);
  const files = (await readdir(folder)).flatMap((file) => {
    const last = file.startsWith(name) ? /^\.([1-9]\d{0,14})\.log$/.exec(file.slice(name.length))?.[1] : undefined;
    return last === undefined ? [] : [{ path: join(folder, file), last: Number(last) }];
  });
  return files.sort((a, b) => a.last - b.last);
}

/**
 * Opens the current file, or begins it. Nothing relies on a line that a crash has cut short: what is left of it goes into an entry
 * `recovered`.
 * @throws DamagedFile when the chain is broken near its end, does not go on from the file before, or lacks the line that was noted last
 */
export async function openLog(path: string, clock: Pick<Clock, 'now'>): Promise<OpenLog> {
  const before = await endOf((await fullFiles(path)).at(-1));
  const file = await open(path, 'a+', 0o600);
  try {
    await syncFolder(dirname(path));
    const { lines, torn, size, isWhole } = await readTail(path, file);
    const chain = checked(path, lines, isWhole ? before : null);
    checkNoted(path, await readNotedHead(path), chain, lines);
    if (chain.sequence < before.sequence) throw damaged(path, `it ends before the file of line ${before.sequence} does`);
    return torn.length === 0 ? { file, chain, size } : await recover(path, file, chain, { torn, size }, clock);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Gives a full file the name that says where it ends. All of it is on the disk then. */
export async function putAway(path: string, { file, chain }: OpenLog): Promise<void> {
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
  // There is no such file: all full ones end earlier.
  await rename(path, join(dirname(path), `${basename(path, END)}.${chain.sequence}${END}`));
}

/** The chain up to the end of a full file. */
async function endOf(full: FullFile | undefined): Promise<AuditChain> {
  if (full === undefined) return AuditChain.empty;
  const { path, last } = full;
  const file = await open(path, 'r');
  try {
    const { lines, torn } = await readTail(path, file);
    const chain = checked(path, lines, null);
    if (torn.length > 0 || chain.sequence !== last) throw damaged(path, `it does not end with line ${last}`);
    return chain;
  } finally {
    await file.close();
  }
}

interface Tail {
  /** Without their line feeds. */
  readonly lines: Uint8Array[];
  /** The bytes after the last line feed. */
  readonly torn: Uint8Array;
  /** Of the file, bytes. */
  readonly size: number;
  /** Is the first line the file's first? */
  readonly isWhole: boolean;
}

async function readTail(path: string, file: FileHandle): Promise<Tail> {
  const { size } = await file.stat();
  const start = Math.max(0, size - TAIL_BYTES);
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - start), position: start });
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (let end = buffer.indexOf(LINE_FEED); end >= 0 && end < bytesRead; end = buffer.indexOf(LINE_FEED, from)) {
    pieces.push(buffer.subarray(from, end));
    from = end + 1;
  }
  // The first piece begins somewhere in a line.
  const lines = start === 0 ? pieces : pieces.slice(1);
  if (lines.length === 0 && start > 0) throw damaged(path, 'a line in it is longer than any that this program writes');
  return { lines, torn: buffer.subarray(from, bytesRead), size, isWhole: start === 0 };
}

/** @param before the chain that the first line follows; null when it is not at hand */
function checked(path: string, lines: readonly Uint8Array[], before: AuditChain | null): AuditChain {
  const [first, ...rest] = lines;
  if (first === undefined) return before ?? AuditChain.empty;
  try {
    const begun = before === null ? AuditChain.from(first) : before.follow(first);
    return rest.reduce((chain, line) => chain.follow(line), begun);
  } catch (error) {
    if (error instanceof Refused) throw damaged(path, 'its chain is broken', error);
    throw error;
  }
}

/** Is the line that was noted last still what it was? A line before those that were read is left to `verify-audit-log`. */
function checkNoted(path: string, noted: NotedHead | null, chain: AuditChain, lines: readonly Uint8Array[]): void {
  if (noted === null) return;
  const { sequence, head } = noted;
  if (sequence > chain.sequence) throw damaged(path, `it ends with line ${chain.sequence}, and line ${sequence} was written`);
  const line = lines.at(sequence - chain.sequence - 1);
  const isRead = sequence > chain.sequence - lines.length;
  if (isRead && line !== undefined && sha256(line) !== head) throw damaged(path, `line ${sequence} is not what was written`);
}

/** Moves the part of a line that a crash has left into an entry. */
async function recover(
  path: string,
  file: FileHandle,
  before: AuditChain,
  { torn, size }: Pick<Tail, 'torn' | 'size'>,
  clock: Pick<Clock, 'now'>,
): Promise<OpenLog> {
  if (torn.length > MAX_TORN_BYTES) throw damaged(path, 'a line in it is longer than any that this program writes');
  const time = new Date(clock.now()).toISOString();
  const { line, chain } = before.append({ time, event: 'recovered', fields: { torn: Buffer.from(torn).toString() } });
  await file.truncate(size - torn.length);
  await file.appendFile(`${line}\n`);
  await file.datasync();
  return { file, chain, size: (await file.stat()).size };
}

function damaged(path: string, what: string, cause?: unknown): DamagedFile {
  const advice =
    'Find out who changed it (verify-audit-log names the place). '
    + 'Keep it, but move it away with all other files of this log: the node then begins a new one';
  return new DamagedFile(`${path}: ${what}. ${advice}`, { cause });
}
