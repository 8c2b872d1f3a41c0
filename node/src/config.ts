import { availableParallelism } from 'node:os';
import { integer, parseEnv } from 'message-board/env';
import { z } from 'zod';
import { nodeIndex } from './utils.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const LevelSchema = z.enum(LEVELS, `must be one of ${LEVELS.join(', ')}`);
const SECONDS = 1000;
const MINUTES = 60 * SECONDS;
/** Rust nodes begin whenever they are started, and look for primes in the middle of it. */
const INTEROP_PATIENCE = 15;

/**
 * The level in a Rust filter (`info`, `warn,node=debug`, `node=trace`): the one that stands alone, or else the first;
 * `info` when there is none that we know.
 */
function levelOfRustFilter(filter: string): z.infer<typeof LevelSchema> {
  const directives = filter.toLowerCase().split(',').map((directive) => directive.trim());
  const directive = directives.find((text) => !text.includes('=')) ?? directives[0] ?? '';
  const level = directive.slice(directive.lastIndexOf('=') + 1);
  return level === 'off' ? 'silent' : (LevelSchema.safeParse(level).data ?? 'info');
}

const milliseconds = (preset: number) => integer(1, 24 * 60 * MINUTES, preset);

/** The environment: name, range, preset and what it is for. */
const Environment = z.object({
  NODE_ID: z.string('is required: node-1 to node-<N_NODES>').describe('which node this is: node-1, node-2, …'),
  MESSAGE_BOARD_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).default('http://127.0.0.1:8080').describe('the message board'),
  N_NODES: integer(2, 256, 4).describe('nodes in the cluster'),
  THRESHOLD: integer(2, 256, 3).describe('how many of them sign'),
  DATA_DIR: z.string().default('./data').describe('folder for key share and aux info; its mode becomes 0700'),
  LOG_LEVEL: LevelSchema.optional().describe(`${LEVELS.join(', ')}; else RUST_LOG, else info`),
  RUST_LOG: z.string().optional().describe('a Rust log filter, such as info or warn,node=debug'),
  HEALTH_PORT: integer(0, 65_535, 0).describe('port of /health and /ready; 0: none'),
  HOST: z.string().default('127.0.0.1').describe('address they are served at; 0.0.0.0 to be reached from elsewhere'),
  WORKERS: integer(1, 256, availableParallelism()).describe('threads for protocol arithmetic'),
  POOL_TARGET: integer(0, 10_000, 20).describe('presignatures that the cluster keeps ready; 0: none, every signature by the full protocol'),
  POOL_MAX: integer(0, 10_000, 30).describe('the most that a node holds'),
  FAST_SIGNING_TIMEOUT_MS: milliseconds(3 * SECONDS).describe('a signer silent for so long is replaced on the fast path'),
  FULL_SIGNING_TIMEOUT_MS: milliseconds(60 * SECONDS).describe('… in full signing'),
  POOL_LEADER_TIMEOUT_MS: milliseconds(30 * SECONDS).describe('a leader of the pool silent for so long is replaced'),
  PEER_DEAD_AFTER_MS: milliseconds(3 * SECONDS).describe('a node without a heartbeat for so long counts as down'),
  SETUP_TIMEOUT_MS: milliseconds(2 * MINUTES).describe('an attempt at key generation or aux info ends when a node is silent for so long; 15 times as long with RUST_INTEROP'),
  RUST_INTEROP: integer(0, 1, 0).describe('1: a cluster with Rust nodes, whose proof Pi^prm has 32 instead of 128 bits of soundness; no pool'),
});

const ConfigSchema = Environment.superRefine((env, context) => {
  const complain = (path: keyof typeof env, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message });
  };
  if (nodeIndex(env.NODE_ID, env.N_NODES) === null) complain('NODE_ID', `must be node-1 to node-${env.N_NODES}`);
  if (env.THRESHOLD > env.N_NODES) complain('THRESHOLD', `must be at most N_NODES, ${env.N_NODES}`);
  if (env.POOL_MAX < env.POOL_TARGET) complain('POOL_MAX', `must be at least POOL_TARGET, ${env.POOL_TARGET}`);
}).transform((env) => {
  const rustInterop = env.RUST_INTEROP === 1;
  return {
    nodeId: env.NODE_ID,
    /** Party index: `node-1` is 0. */
    index: nodeIndex(env.NODE_ID, env.N_NODES) ?? 0,
    boardUrl: env.MESSAGE_BOARD_URL,
    n: env.N_NODES,
    t: env.THRESHOLD,
    dataDir: env.DATA_DIR,
    logLevel: env.LOG_LEVEL ?? levelOfRustFilter(env.RUST_LOG ?? ''),
    /** 0: none. */
    healthPort: env.HEALTH_PORT,
    host: env.HOST,
    workers: env.WORKERS,
    /** 0: no pool. */
    poolTarget: rustInterop ? 0 : env.POOL_TARGET,
    poolMax: rustInterop ? 0 : env.POOL_MAX,
    fastSigningTimeoutMs: env.FAST_SIGNING_TIMEOUT_MS,
    fullSigningTimeoutMs: env.FULL_SIGNING_TIMEOUT_MS,
    poolLeaderTimeoutMs: env.POOL_LEADER_TIMEOUT_MS,
    peerDeadAfterMs: env.PEER_DEAD_AFTER_MS,
    setupTimeoutMs: env.SETUP_TIMEOUT_MS * (rustInterop ? INTEROP_PATIENCE : 1),
    rustInterop,
  };
});

export type Config = z.infer<typeof ConfigSchema>;

/**
 * Reads the configuration from the environment.
 * @throws Error whose message is one line that names each wrong variable
 */
export function parseConfig(env: NodeJS.ProcessEnv): Config {
  try {
    return parseEnv(ConfigSchema, env);
  } catch (error) {
    throw new Error((error instanceof Error ? error.message : String(error)).replaceAll('\n', '; '), { cause: error });
  }
}

/** Every variable with its preset, for `--help`. */
export function describeVariables(): string {
  const lines = Object.entries(Environment.shape).map(([name, schema]) => {
    const preset = schema.safeParse(undefined).data;
    return `  ${name.padEnd(24)} ${schema.description ?? ''}${preset === undefined ? '' : ` (${preset})`}`;
  });
  return lines.join('\n');
}
