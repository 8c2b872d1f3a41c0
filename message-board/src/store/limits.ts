/** What bounds the board's memory. Times in milliseconds. */
export interface Limits {
  /** Messages, and separately partial signatures, under one id. */
  readonly maxEntriesPerRequest: number;
  readonly maxPendingRequests: number;
  /** Protocol records; and separately, unfinished presignature requests. */
  readonly maxOpenSessions: number;
  /** Finished requests; and separately, finished presignature requests. The oldest are forgotten first. */
  readonly maxFinished: number;
  /** Texts held, at two bytes a character. The oldest finished work makes room. */
  readonly maxStoredBytes: number;
  /** A finished record is kept for this long. */
  readonly retentionMs: number;
  /** Its messages and partial signatures are kept for this long. */
  readonly entryRetentionMs: number;
  /** A protocol record or an unfinished presignature request is forgotten when nobody has posted to it or asked for it for this long. */
  readonly idleMs: number;
  /** A request that is still pending after this has failed. */
  readonly requestDeadlineMs: number;
}
