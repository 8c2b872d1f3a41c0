import { integer } from 'message-board/env';
import { SEAL_KEY_FORMS, SealKeySourceSchema } from 'sealing/seal_key';
import { z } from 'zod';

/** The gateway's environment; names, presets and ranges. */
export const ConfigSchema = z.object({
  /** `0.0.0.0` to be reached from other machines or containers. */
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(0, 65_535, 8000),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  MESSAGE_BOARD_URL: z.url({ protocol: /^https?$/ }).default('http://localhost:8080'),
  /** Who belongs to the cluster. */
  ROSTER_FILE: z.string().default('./data/roster.json'),
  /** The gateway's own. */
  IDENTITY_FILE: z.string().default('./data/identity_gateway.json'),
  /** Under what the identity is sealed. */
  SEAL_KEY: z.string(`is required: ${SEAL_KEY_FORMS}`).pipe(SealKeySourceSchema),
  MAX_UNFINISHED: integer(1, 1_000_000, 10_000),
  MAX_WAITING: integer(0, 100_000, 1_000),
});
export type Config = z.infer<typeof ConfigSchema>;
