import { SEAL_KEY_FORMS, SealKeySourceSchema } from 'sealing/seal_key';
import { integer } from 'service/env';
import { AllowedHostsSchema } from 'service/hosts';
import { LEVELS, LevelSchema } from 'service/log';
import { z } from 'zod';

/** The gateway's environment: for each variable its name, range, default and purpose. */
export const ConfigSchema = z.object({
  HOST: z.string().default('127.0.0.1').describe('address it is served at; 0.0.0.0: reachable from other machines and containers'),
  ALLOWED_HOSTS: AllowedHostsSchema,
  PORT: integer(0, 65_535, 8000).describe('port it is served at; 0: a free one'),
  LOG_LEVEL: LevelSchema.default('info').describe(LEVELS.join(', ')),
  MESSAGE_BOARD_URL: z.url({ protocol: /^https?$/ }).default('http://127.0.0.1:8080').describe('the message board'),
  DATA_DIR: z.string().default('./data').describe('requests and their outcomes, in gateway.sqlite; the folder\'s mode becomes 0700'),
  ROSTER_FILE: z.string().default('./data/roster.json').describe('who belongs to the cluster'),
  IDENTITY_FILE: z.string().default('./data/identity_gateway.json').describe("the gateway's own identity"),
  SEAL_KEY: z
    .string(`is required: ${SEAL_KEY_FORMS}`)
    .pipe(SealKeySourceSchema)
    .describe(`the key or passphrase of the identity; required: ${SEAL_KEY_FORMS}`),
  REQUEST_LIFETIME_SECONDS: integer(60, 86_400, 3_600).describe(
    '60 to 86400: nodes may sign a request for this long; two minutes later it has failed',
  ),
  RETENTION_SECONDS: integer(60, 31_536_000, 604_800).describe('how long an outcome and its idempotency key are kept'),
  MAX_UNFINISHED: integer(1, 1_000_000, 10_000).describe('how many requests may be unfinished; one more is answered 429'),
  MAX_WAITING: integer(0, 100_000, 1_000).describe('how many readers ?wait= holds at a time; one more is answered at once'),
});
export type Config = z.infer<typeof ConfigSchema>;
