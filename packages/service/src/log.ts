/**
 * The log of a program: one JSON object a line on stdout, with `level`, `time` (ISO 8601), `service` and `event`.
 *
 * Every line has one form, `logger.info({ event: 'snake_case', … }, 'A sentence in plain English')`. Operators search for the event,
 * which never changes, and read the sentence, which may. Both are literals where possible: docs/log_events.md lists them.
 * Secrets, and the messages that are signed, are never logged.
 */
import { pino, type Logger } from 'pino';
import { z } from 'zod';

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const LevelSchema = z.enum(LEVELS, `must be one of ${LEVELS.join(', ')}`);
export type Level = z.infer<typeof LevelSchema>;

/** @param base fields of every line */
export function createLogger(level: Level, base: { readonly service: string; readonly node_id?: string }): Logger {
  return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime });
}
