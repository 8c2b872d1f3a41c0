import { appendFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { Refused } from 'sealing/errors';
import { AuditChain, LINE_FEED } from './audit_chain.js';
import { DamagedFile } from './errors.js';
import { syncFolder } from './files.js';

/** So much of the end of a file is read, and checked, when it is opened; all of it by `verify-audit-log`. */
const TAIL_BYTES = 1 << 20;
/** What a crash may leave of a writing. */
const MAX_TORN_BYTES = 1 << 18;
/** A note waits so long for a record to be written with, ms. */
const NOTE_MS = 200;
/** What is written waits so long for more to go to the disk with, ms. */
const SYNC_MS = 20;

/** Which request, who asked for it, and what is to be signed; `null`: nobody has signed for it. */
export interface Asked {
  readonly request_id: string;
  readonly asked_by: string | null;
  /** SHA-256 of the asker's statement, hexadecimal. */
  readonly origin_sha256: string | null;
  /** SHA-256 of the message, hexadecimal: the message itself is never written. */
  readonly message_sha256: string;
}

/** What is recorded. Nothing secret. `signers`: node numbers joined by `-`. */
export type AuditRecord =
  | { readonly event: 'started'; readonly fields: { readonly node: string; readonly version: string; readonly incarnation: string; readonly roster: string; readonly policy_sha256: string | null } }
  | { readonly event: 'request_authorized'; readonly fields: Asked }
  | { readonly event: 'request_refused'; readonly fields: Asked & { readonly code: string; readonly why: string } }
  /** Before it is computed. */
  | { readonly event: 'partial_signature'; readonly fields: { readonly request_id: string; readonly message_sha256: string; readonly presignature_id: string; readonly signers: string } }
  /** Before the first message. */
  | { readonly event: 'full_signing_started'; readonly fields: { readonly request_id: string; readonly message_sha256: string; readonly execution_id: string; readonly signers: string } }
  | { readonly event: 'full_signing_ended'; readonly fields: { readonly request_id: string; readonly execution_id: string; readonly signed: boolean } }
  | { readonly event: 'signature_verified'; readonly fields: { readonly request_id: string; readonly message_sha256: string; readonly signers: string; readonly path: 'fast' | 'full' } }
  | { readonly event: 'aborted'; readonly fields: { readonly protocol: string; readonly session: string; readonly code: string; readonly round: string; readonly culprits: readonly string[] } }
  | { readonly event: 'presignatures_dropped'; readonly fields: { readonly lost: string; readonly dropped: number } };

export interface AuditLogOptions {
  readonly logger: Logger;
  /** Told why nothing can be recorded, and null when it can again. */
  readonly onProblem?: (reason: string | null) => void;
  /** Wall clock, ms. */
  readonly now?: () => number;
}

interface Waiting {
  readonly record: AuditRecord;
  readonly time: string;
  /** Who waits for it; null for a note. */
  readonly waiter: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null;
}

/** An open file and the chain in it. */
interface Opened {
  readonly file: FileHandle;
  readonly chain: AuditChain;
}

/**
 * What this node was asked, and what it did about it, written before it is done. Nothing in it is ever removed.
 *
 * What is written is with the kernel: however this process ends, it is there. On the disk it is a moment later; nothing waits
 * for that. When the whole machine loses its power, that moment is missing here, and the other signers' logs have it. That a
 * presignature signs once does not rest on it: presignatures do not survive their process.
 */
export class AuditLog {
  #queue: Waiting[] = [];
  /** null after a failed writing: the file may end in a part of a line. */
  #opened: Opened | null;
  #reopening: Promise<void> | null = null;
  #later: NodeJS.Timeout | null = null;
  #syncing: Promise<void> | null = null;
  #isSynced = true;
  #closed = false;
  #chain: AuditChain;

  private constructor(
    readonly path: string,
    private readonly options: AuditLogOptions,
    opened: Opened,
  ) {
    this.#opened = opened;
    this.#chain = opened.chain;
  }

  /**
   * Opens a log, or begins one. What a crash has cut short was never relied on; it goes into an entry of its own, `recovered`.
   * @throws DamagedFile when the chain is broken near its end
   */
  static async open(path: string, options: AuditLogOptions): Promise<AuditLog> {
    return new AuditLog(path, options, await openChain(path, options.now ?? Date.now));
  }

  /** SHA-256 of the last line that is written, hexadecimal. */
  get head(): string {
    return this.#chain.head;
  }

  /** How many lines are written. */
  get length(): number {
    return this.#chain.sequence;
  }

  /** Written when it resolves, with everything that came before it. @throws when it is not: what it announces must not be done */
  record(record: AuditRecord): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the audit log is closed'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ record, time: this.#time(), waiter: { resolve, reject } });
      this.#write();
    });
  }

  /** What nothing waits for: it is written with the next record, or soon, and is not lost when that fails. */
  note(record: AuditRecord): void {
    this.#queue.push({ record, time: this.#time(), waiter: null });
    this.#writeLater();
  }

  /** Ends it when everything is on the disk, as far as that can be. What comes afterwards is lost, and said to be. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#queue.length > 0) this.#write();
    await this.#reopening;
    await this.#syncing;
    if (this.#later !== null) clearTimeout(this.#later);
    await this.#opened?.file.close();
  }

  /** Writes what waits, at once: a few lines cost less than to hand them to another thread. Never throws. */
  #write(): void {
    if (this.#opened === null) {
      this.#reopening ??= this.#reopen();
      return;
    }
    const { file, chain: before } = this.#opened;
    const batch = this.#queue.splice(0);
    let chain = before;
    const lines = batch.map(({ record: { event, fields }, time }) => {
      const appended = chain.append({ time, event, fields: { ...fields } });
      chain = appended.chain;
      return `${appended.line}\n`;
    });
    try {
      appendFileSync(file.fd, lines.join(''));
    } catch (error) {
      this.#fail(error, batch);
      return;
    }
    this.#opened = { file, chain };
    this.#chain = chain;
    for (const { waiter } of batch) waiter?.resolve();
    this.#isSynced = false;
    this.#syncing ??= this.#sync();
  }

  #writeLater(): void {
    if (this.#closed) {
      const lost = this.#queue.splice(0).map(({ record }) => record.event);
      this.options.logger.error({ event: 'audit_log_failed', lost }, 'The audit log is closed');
      return;
    }
    this.#later ??= setTimeout(() => {
      this.#later = null;
      this.#write();
    }, NOTE_MS);
  }

  async #reopen(): Promise<void> {
    try {
      this.#opened = await openChain(this.path, this.options.now ?? Date.now);
    } catch (error) {
      this.#fail(error, this.#queue.splice(0));
    }
    this.#reopening = null;
    if (this.#opened !== null) this.#write();
  }

  /** To the disk, all that came meanwhile at once. Never throws. */
  async #sync(): Promise<void> {
    while (!this.#isSynced) {
      await sleep(SYNC_MS);
      this.#isSynced = true;
      const opened = this.#opened;
      try {
        await opened?.file.datasync();
        if (opened !== null) this.options.onProblem?.(null);
      } catch (error) {
        this.#fail(error, []);
      }
    }
    this.#syncing = null;
  }

  #fail(error: unknown, batch: readonly Waiting[]): void {
    const { onProblem, logger } = this.options;
    logger.error({ event: 'audit_log_failed', err: error }, 'The audit log cannot be written');
    onProblem?.(`the audit log cannot be written: ${error instanceof Error ? error.message : String(error)}`);
    void this.#opened?.file.close().catch(() => undefined);
    this.#opened = null;
    for (const { waiter } of batch) waiter?.reject(error);
    this.#queue = [...batch.filter(({ waiter }) => waiter === null), ...this.#queue];
    if (this.#queue.length > 0) this.#writeLater();
  }

  #time(): string {
    return new Date((this.options.now ?? Date.now)()).toISOString();
  }
}

async function openChain(path: string, now: () => number): Promise<Opened> {
  const file = await open(path, 'a+', 0o600);
  try {
    await syncFolder(dirname(path));
    const { lines, torn, size } = await readTail(file);
    if (lines.length === 0 && size > TAIL_BYTES) throw damaged(path, 'a line in it is longer than any that this program writes');
    const chain = checked(path, lines, size > TAIL_BYTES);
    return { file, chain: torn.length === 0 ? chain : await recover(path, file, chain, torn, size, now) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The last whole lines, without their line feeds, and what comes after them. */
async function readTail(file: FileHandle): Promise<{ lines: Uint8Array[]; torn: Uint8Array; size: number }> {
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
  return { lines: start === 0 ? pieces : pieces.slice(1), torn: buffer.subarray(from, bytesRead), size };
}

function checked(path: string, lines: readonly Uint8Array[], inTheMiddle: boolean): AuditChain {
  const [first, ...rest] = lines;
  if (first === undefined) return AuditChain.empty;
  try {
    const begun = inTheMiddle ? AuditChain.from(first) : AuditChain.empty.follow(first);
    return rest.reduce((chain, line) => chain.follow(line), begun);
  } catch (error) {
    if (error instanceof Refused) throw damaged(path, 'its chain is broken', error);
    throw error;
  }
}

/** Takes a part of a line into an entry of its own. */
async function recover(path: string, file: FileHandle, before: AuditChain, torn: Uint8Array, size: number, now: () => number): Promise<AuditChain> {
  if (torn.length > MAX_TORN_BYTES) throw damaged(path, 'a line in it is longer than any that this program writes');
  const { line, chain } = before.append({ time: new Date(now()).toISOString(), event: 'recovered', fields: { torn: Buffer.from(torn).toString() } });
  await file.truncate(size - torn.length);
  await file.appendFile(`${line}\n`);
  await file.datasync();
  return chain;
}

function damaged(path: string, what: string, cause?: unknown): DamagedFile {
  return new DamagedFile(`${path}: ${what}. Find out who changed it (verify-audit-log names the place). Keep it and move it away: a new one is begun then`, { cause });
}
