import { appendFileSync } from 'node:fs';
import type { Logger } from 'pino';
import { sleep, type Clock, type Timer } from 'service/clock';
import type { AuditChain } from './audit_chain.js';
import { noteHead } from './noted_head.js';
import { openLog, putAway, type OpenLog } from './audit_files.js';

/** A file of this size is full. It has about 200,000 lines. */
const FULL_BYTES = 64 << 20;
/** A note waits at most this long, ms, to be written together with a record. Smaller: more writing. Larger: a crash loses older notes. */
const NOTE_MS = 200;
/**
 * Written lines wait this long, ms, so that others go to the disk with them. Smaller: more work for the disk. Larger: a power cut loses
 * more.
 */
const SYNC_MS = 20;

/** A request, who asked for it, and what is to be signed. */
export interface AuditedRequest {
  readonly request_id: string;
  /** null when nobody has signed for it. */
  readonly asked_by: string | null;
  /** SHA-256 of the statement by which it was asked for, hexadecimal; null when there is none. */
  readonly origin_sha256: string | null;
  readonly kind: 'message' | 'bytes' | 'digest';
  /** null for a digest, which is signed as it is. */
  readonly hash: 'sha256' | 'sha256d' | 'keccak256' | null;
  /** Names the payload, hexadecimal: SHA-256 of a message that is signed with it. The payload itself is never written. */
  readonly message_sha256: string;
}

/** What is recorded, and none of it is secret. `signers` are node numbers joined by `-`. */
interface AuditFields {
  readonly started: {
    readonly node: string;
    readonly version: string;
    readonly incarnation: string;
    readonly roster: string;
    readonly policy_sha256: string | null;
  };
  /** Before it is in force. */
  readonly policy_changed: { readonly before: string | null; readonly policy_sha256: string | null };
  /** The first line of a data folder that restore-share has made. */
  readonly restored: { readonly node: string; readonly version: string; readonly roster: string; readonly backup_sha256: string };
  readonly request_authorized: AuditedRequest;
  readonly request_refused: AuditedRequest & { readonly code: string; readonly why: string };
  /** Requests that the gateway has not signed: how many since the last such line. */
  readonly unsigned_requests_refused: { readonly count: number; readonly code: string };
  /** Before it is computed. */
  readonly partial_signature: {
    readonly request_id: string;
    readonly message_sha256: string;
    readonly presignature_id: string;
    readonly signers: string;
  };
  /** Before the first message. */
  readonly full_signing_started: {
    readonly request_id: string;
    readonly message_sha256: string;
    readonly execution_id: string;
    readonly signers: string;
  };
  readonly full_signing_ended: { readonly request_id: string; readonly execution_id: string; readonly signed: boolean };
  readonly signature_verified: {
    readonly request_id: string;
    readonly message_sha256: string;
    readonly signers: string;
    readonly path: 'fast' | 'full';
  };
  readonly aborted: {
    readonly protocol: string;
    readonly session: string;
    readonly code: string;
    readonly round: string;
    readonly culprits: readonly string[];
  };
  readonly presignatures_dropped: { readonly lost: string; readonly dropped: number };
}

type AuditEvent = keyof AuditFields;
export type AuditRecord = { [Event in AuditEvent]: { readonly event: Event; readonly fields: AuditFields[Event] } }[AuditEvent];

export interface AuditLogOptions {
  readonly logger: Logger;
  /** Told why nothing can be recorded, and null when that is over. */
  readonly onProblem?: (reason: string | null) => void;
  readonly clock: Clock;
  /** A file of this size is full; 64 MiB by default. */
  readonly fullBytes?: number;
}

interface QueuedRecord {
  readonly record: AuditRecord;
  readonly time: string;
  /** What waits for it to be written; null for a note. */
  readonly waiter: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null;
}

/**
 * What this node is asked for, and what it does about that. It writes what it will do before it does it, and never removes a line.
 *
 * The kernel has each written line, so the line survives this process, however that ends. It is on the disk a moment later; nothing waits
 * for that. After a power cut the last moment is missing here, but the other signers' logs have it. A presignature signs only once, and
 * that does not depend on this log: presignatures do not survive their process.
 */
export class AuditLog {
  #queue: QueuedRecord[] = [];
  /** null while a full file is put away, and after a writing that failed: the file may then end in a part of a line. */
  #opened: OpenLog | null;
  #reopening: Promise<void> | null = null;
  #later: Timer | null = null;
  #syncing: Promise<void> | null = null;
  #isSynced = true;
  #closed = false;
  #chain: AuditChain;

  private constructor(
    /** Of the current file; {@link fullFiles} are beside it. */
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

  /** SHA-256 of the last written line, hexadecimal. */
  get head(): string {
    return this.#chain.head;
  }

  /** Number of written lines. */
  get length(): number {
    return this.#chain.sequence;
  }

  /** Resolves when the record, with everything before it, is written. @throws when it is not: what it announces must not be done */
  record(record: AuditRecord): Promise<void> {
    if (this.#closed) return Promise.reject(new Error('the audit log is closed'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ record, time: this.#time(), waiter: { resolve, reject } });
      this.#write();
    });
  }

  /** A record that nothing waits for. It is written with the next record, or soon. A writing that fails does not lose it. */
  note(record: AuditRecord): void {
    this.#queue.push({ record, time: this.#time(), waiter: null });
    this.#writeLater();
  }

  /** Closes the log once everything is on the disk, as far as possible. Later records are rejected, and later notes are logged as lost. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#queue.length > 0) this.#write();
    while (this.#reopening !== null) await this.#reopening;
    await this.#syncing;
    this.#later?.stop();
    await this.#opened?.file.close();
  }

  /** Writes the queue, synchronously: to hand a few lines to another thread would cost more. Never throws. */
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

  /** Opens the file again, or begins another one when it is full. Records that come meanwhile wait. Never throws. */
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

  /** Brings written lines to the disk until there are no more, each time all that there are. Never throws. */
  async #sync(): Promise<void> {
    while (!this.#isSynced) {
      await sleep(this.options.clock, SYNC_MS);
      this.#isSynced = true;
      const opened = this.#opened;
      try {
        await opened?.file.datasync();
        if (opened !== null) {
          noteHead(this.path, opened.chain);
          this.options.onProblem?.(null);
        }
      } catch (error) {
        this.#fail(error, []);
      }
    }
    this.#syncing = null;
  }

  #fail(error: unknown, batch: readonly QueuedRecord[]): void {
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
