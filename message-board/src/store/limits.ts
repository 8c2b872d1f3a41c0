/**
 * What bounds the board's memory. In a sealed cluster each member has an equal share of entries, sessions, and bytes of messages. A larger
 * value lets it grow further. Each limit says what goes wrong with a smaller one. Times are in milliseconds.
 */
export interface Limits {
  /** Messages of one id, and separately its partial signatures. With a smaller value, a session of many nodes cannot end. */
  readonly maxEntriesPerRequest: number;
  /** Unfinished signing requests. With a smaller value, the gateway is refused sooner at times of many requests. */
  readonly maxPendingRequests: number;
  /** Protocol records, and separately unfinished presignature requests. With a smaller value, fewer sessions can run at one time. */
  readonly maxOpenSessions: number;
  /**
   * Finished requests, and separately finished presignature requests. Beyond it, the oldest is forgotten. With a smaller value, a client
   * that asks late finds nothing.
   */
  readonly maxFinished: number;
  /**
   * All texts, at two bytes a character. Beyond it, the messages of the oldest finished work are forgotten. With a smaller value, that may
   * not be enough, and new work is refused.
   */
  readonly maxStoredBytes: number;
  /** A finished record is kept for this long. With a smaller value, a client that asks late finds nothing. */
  readonly retentionMs: number;
  /** Its messages and partial signatures are kept for this long. With a smaller value, a slow node cannot finish its session. */
  readonly entryRetentionMs: number;
  /**
   * A protocol record or an unfinished presignature request is forgotten when nobody has posted to it or asked for it for this long. With
   * a smaller value, a session that computes for long loses its messages.
   */
  readonly idleMs: number;
  /** A request that is still pending after this time fails. With a smaller value, requests fail that nodes could still sign. */
  readonly requestDeadlineMs: number;
}
