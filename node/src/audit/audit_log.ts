import { appendFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { sleep, type Clock, type Timer } from 'service/clock';
import type { AuditChain } from './audit_chain.js';
import { openLog, putAway, type OpenLog } from './audit_files.js';

/** A file that has come to this size is full: about 200,000 lines. */
const FULL_BYTES = 64 << 20;
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
  readonly clock: Clock;
  /** When a file is full; 64 MiB. */
  readonly fullBytes?: number;
}

interface Waiting {
  readonly record: AuditRecord;
  readonly time: string;
  /** Who waits for it; null for a note. */
  readonly waiter: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null;
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
  /** null after a failed writing, as the file may end in a part of a line, and while a full file is put away. */
  #opened: OpenLog | null;
  #reopening: Promise<void> | null = null;
  #later: Timer | null = null;
  #syncing: Promise<void> | null = null;
  #isSynced = true;
  #closed = false;
  #chain: AuditChain;

  private constructor(
    /** Of the file that is written to; {@link fullFiles} are beside it. */
    readonly path: string,
    private readonly options: AuditLogOptions,
    opened: OpenLog,
  ) {
    this.#opened = opened;
    this.#chain = opened.chain;
  }

  /**
   * Opens a log, or begins one, as {@link openLog} does.
   * @throws DamagedFile
   */
  static async open(path: string, options: AuditLogOptions): Promise<AuditLog> {
    return new AuditLog(path, options, await openLog(path, options.clock));
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
    while (this.#reopening !== null) await this.#reopening;
    await this.#syncing;
    this.#later?.stop();
    await this.#opened?.file.close();
  }

  /** Writes what waits, at once: a few lines cost less than to hand them to another thread. Never throws. */
  #write(): void {
    if (this.#opened === null) {
      this.#reopening ??= this.#reopen();
      return;
    }
    const { file, chain: before, size } = this.#opened;
    const batch = this.#queue.splice(0);
    let chain = before;
    const lines = batch.map(({ record: { event, fields }, time }) => {
      const appended = chain.append({ time, event, fields: { ...fields } });
      chain = appended.chain;
      return `${appended.line}\n`;
    });
    const bytes = Buffer.from(lines.join(''));
    try {
      appendFileSync(file.fd, bytes);
    } catch (error) {
      this.#fail(error, batch);
      return;
    }
    this.#opened = { file, chain, size: size + bytes.length };
    this.#chain = chain;
    for (const { waiter } of batch) waiter?.resolve();
    this.#isSynced = false;
    this.#syncing ??= this.#sync();
    if (this.#opened.size >= (this.options.fullBytes ?? FULL_BYTES)) this.#reopening = this.#reopen(this.#opened);
  }

  #writeLater(): void {
    if (this.#closed) {
      const lost = this.#queue.splice(0).map(({ record }) => record.event);
      this.options.logger.error({ event: 'audit_log_failed', lost }, 'The audit log is closed');
      return;
    }
    this.#later ??= this.options.clock.after(NOTE_MS, () => {
      this.#later = null;
      this.#write();
    });
  }

  /** Opens the file again, or begins another when it is full; what comes meanwhile waits. Never throws. */
  async #reopen(full: OpenLog | null = null): Promise<void> {
    this.#opened = null;
    try {
      if (full !== null) await putAway(this.path, full);
      this.#opened = await openLog(this.path, this.options.clock);
    } catch (error) {
      this.#fail(error, this.#queue.splice(0));
    }
    this.#reopening = null;
    if (this.#opened !== null && this.#queue.length > 0) this.#write();
  }

  /** To the disk, all that came meanwhile at once. Never throws. */
  async #sync(): Promise<void> {
    while (!this.#isSynced) {
      await sleep(this.options.clock, SYNC_MS);
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
    return new Date(this.options.clock.now()).toISOString();
  }
}
