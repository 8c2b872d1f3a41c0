import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { integer } from 'service/env';
import { AllowedHostsSchema } from 'service/hosts';
import { LEVELS, LevelSchema, type Level } from 'service/log';
import type { Roster } from 'sealing/roster';
import { SEAL_KEY_FORMS, SealKeySourceSchema } from 'sealing/seal_key';
import { z } from 'zod';
import { DEAD_AFTER_MS } from 'message-board/peer_view';
import { nodeIndex } from './base/utils.js';

const SECONDS = 1000;
const MINUTES = 60 * SECONDS;
/** With less CPU time a node would be too slow for the other makers of a presignature, who would not wait for it. */
const LEAST_POOL_CPU = 0.05;
/** Two clocks that are each right within 60 s differ by at most this. With less, a request would be too old when it is made. */
const LEAST_MAX_AGE_MS = 2 * MINUTES;
/** Rust nodes search for primes during the attempt, which begins when they start. So all nodes wait for them this many times as long. */
const RUST_PATIENCE = 15;

/** The level in a Rust filter (`info`, `warn,node=debug`, `node=trace`): the one that stands alone, else the first, else `info`. */
function levelOfRustFilter(filter: string): Level {
  const directives = filter.toLowerCase().split(',').map((directive) => directive.trim());
  const directive = directives.find((text) => !text.includes('=')) ?? directives[0] ?? '';
  const level = directive.slice(directive.lastIndexOf('=') + 1);
  return level === 'off' ? 'silent' : (LevelSchema.safeParse(level).data ?? 'info');
}

/** A part of a whole, as a decimal fraction. */
const share = (min: number, defaultValue: number) => {
  const range = `must be a number, ${min} to 1`;
  const digits = z.string().regex(/^[01](\.\d{1,6})?$/, range);
  return digits.transform(Number).refine((number) => number >= min && number <= 1, range).default(defaultValue);
};
const milliseconds = (defaultValue: number) => integer(1, 24 * 60 * MINUTES, defaultValue);

/** The environment: names, ranges, defaults, and what each variable is for. */
export const Environment = z.object({
  NODE_ID: z
    .string('is required: node-1, node-2, …')
    .refine((id) => nodeIndex(id, 256) !== null, 'must be node-1, node-2, …')
    .describe('which node this is: node-1, node-2, …; required'),
  MESSAGE_BOARD_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .default('http://127.0.0.1:8080')
    .describe('the message board'),
  DATA_DIR: z.string().default('./data').describe('folder for the secret files of this node; its mode becomes 0700'),
  ROSTER_FILE: z.string().optional().describe('who belongs to the cluster; by default DATA_DIR/roster.json'),
  IDENTITY_FILE: z.string().optional().describe('the identity of this node; by default DATA_DIR/identity_<NODE_ID>.json'),
  SEAL_KEY: z
    .string(`is required: ${SEAL_KEY_FORMS}`)
    .pipe(SealKeySourceSchema)
    .describe(`the key or passphrase that seals the secret files; required: ${SEAL_KEY_FORMS}`),
  N_NODES: integer(2, 256).optional().describe('number of nodes, to check it against the roster'),
  THRESHOLD: integer(2, 256).optional().describe('how many of them sign, to check it against the roster'),
  LOG_LEVEL: LevelSchema.optional().describe(`${LEVELS.join(', ')}; by default that of RUST_LOG, or info`),
  RUST_LOG: z.string().optional().describe('a Rust log filter, such as info or warn,node=debug'),
  HEALTH_PORT: integer(0, 65_535, 0).describe('port of /health and /ready; 0: they are not served'),
  HOST: z.string().default('127.0.0.1').describe('address at which they are served; 0.0.0.0: reachable from other machines'),
  ALLOWED_HOSTS: AllowedHostsSchema,
  WORKERS: integer(1, 256, availableParallelism()).describe('threads for protocol arithmetic'),
  POOL_TARGET: integer(0, 10_000, 20).describe('presignatures that the cluster keeps ready; 0: every signature by the full protocol'),
  POOL_MAX: integer(0, 10_000, 30).describe('the most that it keeps when they are used fast; a node with this many makes no more'),
  POOL_CPU: share(LEAST_POOL_CPU, 0.5).describe(
    'the most CPU time for making presignatures, as a share of all cores of this machine; signing in full is not bounded',
  ),
  FAST_SIGNING_TIMEOUT_MS: milliseconds(2 * SECONDS).describe('the makers of a presignature have this long to sign with it'),
  POOL_LEADER_TIMEOUT_MS: milliseconds(3 * SECONDS)
    .describe('a leader of the pool is replaced when it is silent for this long, or when nothing has come of what it asks for'),
  PEER_DEAD_AFTER_MS: milliseconds(DEAD_AFTER_MS).describe('a node without a heartbeat for this long counts as down'),
  POLICY_FILE: z.string().optional().describe('what this node signs: JSON with patterns, sizes and rates; by default everything'),
  REQUEST_MAX_AGE_MS: integer(LEAST_MAX_AGE_MS, 30 * 24 * 60 * MINUTES, 24 * 60 * MINUTES)
    .describe('a request that is older than this is not signed, and one that is dated ahead by more not yet'),
  SETUP_TIMEOUT_MS: milliseconds(2 * MINUTES).describe(
    `an attempt at the key ends when a node is silent for this long; with a plain roster, for ${RUST_PATIENCE} times this long`,
  ),
});

export type Settings = z.infer<typeof Environment>;

/** Where the node's identity and its roster are. */
export function memberFiles({ NODE_ID, DATA_DIR, ROSTER_FILE, IDENTITY_FILE }: Settings): { roster: string; identity: string } {
  return { roster: ROSTER_FILE ?? join(DATA_DIR, 'roster.json'), identity: IDENTITY_FILE ?? join(DATA_DIR, `identity_${NODE_ID}.json`) };
}

/**
 * The configuration of a node of this cluster.
 * @throws Error whose message is one line that names each variable that does not go with the roster, or with another
 */
export function configFor(env: Settings, { n, t, sealed }: Roster) {
  const index = nodeIndex(env.NODE_ID, n);
  const complaints = [
    env.N_NODES !== undefined && env.N_NODES !== n && `N_NODES: the roster has ${n} nodes`,
    env.THRESHOLD !== undefined && env.THRESHOLD !== t && `THRESHOLD: it is ${t} in the roster`,
    index === null && `NODE_ID: must be node-1 to node-${n}`,
    env.POOL_MAX < env.POOL_TARGET && `POOL_MAX: must be at least POOL_TARGET, ${env.POOL_TARGET}`,
  ].filter((complaint) => complaint !== false);
  if (index === null || complaints.length > 0) throw new Error(complaints.join('; '));
  const config = {
    nodeId: env.NODE_ID,
    /** Party index: `node-1` is 0. */
    index,
    boardUrl: env.MESSAGE_BOARD_URL,
    n,
    t,
    dataDir: env.DATA_DIR,
    logLevel: env.LOG_LEVEL ?? levelOfRustFilter(env.RUST_LOG ?? ''),
    /** 0: none. */
    healthPort: env.HEALTH_PORT,
    host: env.HOST,
    allowedHosts: env.ALLOWED_HOSTS,
    workers: env.WORKERS,
    /** 0: no pool. */
    poolTarget: env.POOL_TARGET,
    poolMax: env.POOL_MAX,
    /** CPU-seconds in each second that making presignatures may take at most. */
    poolCores: env.POOL_CPU * availableParallelism(),
    fastSigningTimeoutMs: env.FAST_SIGNING_TIMEOUT_MS,
    poolLeaderTimeoutMs: env.POOL_LEADER_TIMEOUT_MS,
    peerDeadAfterMs: env.PEER_DEAD_AFTER_MS,
    policyFile: env.POLICY_FILE,
    requestMaxAgeMs: env.REQUEST_MAX_AGE_MS,
    setupTimeoutMs: env.SETUP_TIMEOUT_MS,
    /** May there be Rust nodes in the cluster? Their proof Π^prm has 32 instead of 128 bits of soundness. */
    rustInterop: false,
  };
  if (sealed) return config;
  // Rust nodes know no presignatures.
  return { ...config, poolTarget: 0, poolMax: 0, setupTimeoutMs: RUST_PATIENCE * config.setupTimeoutMs, rustInterop: true };
}

export type Config = ReturnType<typeof configFor>;
