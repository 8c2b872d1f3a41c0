import { z } from 'zod';
import { integer } from './env.js';

const MIB = 1024 * 1024;
const DAY = 86_400;

/** The board's environment; names, presets and ranges. Sizes in bytes, times in seconds. */
export const ConfigSchema = z.object({
  /** `0.0.0.0` to be reached from other machines or containers. */
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(0, 65_535, 8080),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** With it, the board refuses what is not signed by a member; without, it checks nothing. */
  ROSTER_FILE: z.string().optional(),
  MAX_BODY_BYTES: integer(1024, 64 * MIB, 2 * MIB),
  MAX_WAITING: integer(1, 100_000, 10_000),
  MAX_ENTRIES_PER_REQUEST: integer(1, 1_000_000, 10_000),
  MAX_PENDING_REQUESTS: integer(1, 1_000_000, 10_000),
  MAX_OPEN_SESSIONS: integer(1, 1_000_000, 10_000),
  MAX_FINISHED: integer(1, 10_000_000, 100_000),
  /** Counted at two bytes a character; plain text takes half of it. */
  MAX_STORED_BYTES: integer(8 * MIB, 64 * 1024 * MIB, 512 * MIB),
  RETENTION_SECONDS: integer(1, 365 * DAY, 3600),
  ENTRY_RETENTION_SECONDS: integer(1, 365 * DAY, 600),
  IDLE_SECONDS: integer(1, 365 * DAY, 3600),
  REQUEST_DEADLINE_SECONDS: integer(1, 365 * DAY, DAY),
});
export type Config = z.infer<typeof ConfigSchema>;

/** The configuration as `createApp` takes it. */
export function appLimits(config: Config) {
  return {
    maxBodyBytes: config.MAX_BODY_BYTES,
    maxWaiting: config.MAX_WAITING,
    limits: {
      maxEntriesPerRequest: config.MAX_ENTRIES_PER_REQUEST,
      maxPendingRequests: config.MAX_PENDING_REQUESTS,
      maxOpenSessions: config.MAX_OPEN_SESSIONS,
      maxFinished: config.MAX_FINISHED,
      maxStoredBytes: config.MAX_STORED_BYTES,
      retentionMs: 1000 * config.RETENTION_SECONDS,
      entryRetentionMs: 1000 * config.ENTRY_RETENTION_SECONDS,
      idleMs: 1000 * config.IDLE_SECONDS,
      requestDeadlineMs: 1000 * config.REQUEST_DEADLINE_SECONDS,
    },
  };
}
