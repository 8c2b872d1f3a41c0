import { z } from 'zod';
import { integer } from 'service/env';
import { AllowedHostsSchema } from 'service/hosts';
import { LEVELS, LevelSchema } from 'service/log';

const MIB = 1024 * 1024;
const DAY = 86_400;

/** The settings in the board's environment: name, range, default and what each is for. */
export const ConfigSchema = z.object({
  HOST: z.string().default('127.0.0.1').describe('address it is served at; 0.0.0.0: reachable from other machines and containers'),
  ALLOWED_HOSTS: AllowedHostsSchema,
  PORT: integer(0, 65_535, 8080).describe('port it is served at; 0: a free one'),
  LOG_LEVEL: LevelSchema.default('info').describe(LEVELS.join(', ')),
  ROSTER_FILE: z.string().optional().describe('the roster: only what a member has signed is accepted; without it, everything is'),
  UNSIGNED_REQUESTS: z
    .enum(['keep', 'refuse'], 'must be keep or refuse')
    .default('refuse')
    .describe('with a roster, a signing request that the gateway has not signed: refuse it, or keep it for the nodes to refuse'),
  MAX_BODY_BYTES: integer(1024, 64 * MIB, 2 * MIB).describe('a larger body is answered 413'),
  MAX_WAITING: integer(1, 100_000, 10_000).describe('how many readers ?wait= holds at a time; one more is answered 429'),
  MAX_ENTRIES_PER_REQUEST: integer(1, 1_000_000, 10_000).describe('how many messages one request may have'),
  MAX_PENDING_REQUESTS: integer(1, 1_000_000, 10_000).describe('how many signing requests may be unfinished'),
  MAX_OPEN_SESSIONS: integer(1, 1_000_000, 10_000).describe('how many protocol runs may be unfinished'),
  MAX_FINISHED: integer(1, 10_000_000, 100_000).describe('how many finished requests are kept'),
  MAX_STORED_BYTES: integer(8 * MIB, 64 * 1024 * MIB, 512 * MIB).describe('all texts, at two bytes a character; ASCII takes half of it'),
  RETENTION_SECONDS: integer(1, 365 * DAY, 3600).describe('a finished request is kept for at least this long, unless there are too many'),
  ENTRY_RETENTION_SECONDS: integer(1, 365 * DAY, 600).describe('its messages are kept for this long'),
  IDLE_SECONDS: integer(1, 365 * DAY, 3600).describe('a protocol run without news for this long is forgotten'),
  REQUEST_DEADLINE_SECONDS: integer(1, 365 * DAY, DAY).describe('a request that is pending for this long fails'),
});
export type Config = z.infer<typeof ConfigSchema>;

/** The limits as `createApp` takes them, with times in milliseconds. */
export function appLimits(config: Config) {
  return {
    maxBodyBytes: config.MAX_BODY_BYTES,
    maxWaiting: config.MAX_WAITING,
    unsignedRequests: config.UNSIGNED_REQUESTS,
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
