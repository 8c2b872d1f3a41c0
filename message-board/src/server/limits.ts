/** What bounds the board's memory. Times in milliseconds. */
export interface Limits {
  /** Messages, and partial signatures, under one id. */
  readonly maxEntriesPerRequest: number;
  readonly maxPendingRequests: number;
  /** Protocol records; and, separately, unfinished presignature requests. */
  readonly maxOpenSessions: number;
  /** Finished requests; and, separately, finished presignature requests. The oldest are forgotten first. */
  readonly maxFinished: number;
  /** Texts held, at two bytes a character. The oldest finished work makes room. */
  readonly maxStoredBytes: number;
  /** How long a finished record is kept. */
  readonly retentionMs: number;
  /** How long its messages and partial signatures are kept. */
  readonly entryRetentionMs: number;
  /** A protocol record or an unfinished presignature request that nobody posts to or asks for is forgotten after this. */
  readonly idleMs: number;
  /** A request still pending after this has failed. */
  readonly requestDeadlineMs: number;
}

/** The texts of one list answer, at two bytes a character: 16 MiB of plain characters. */
export const MAX_PAGE_BYTES = 32 * 1024 * 1024;

/** The longest run from the start of `items` that fits a page, at least one. */
export function firstPage<T>(items: Iterable<T>, bytesOf: (item: T) => number): T[] {
  const page: T[] = [];
  let bytes = 0;
  for (const item of items) {
    bytes += bytesOf(item);
    if (page.length > 0 && bytes > MAX_PAGE_BYTES) break;
    page.push(item);
  }
  return page;
}
