import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { integer } from 'service/env';
import { LEVELS, LevelSchema, type Level } from 'service/log';
import type { Roster } from 'sealing/roster';
import { SEAL_KEY_FORMS, SealKeySourceSchema } from 'sealing/seal_key';
import { z } from 'zod';
import { nodeIndex } from './base/utils.js';

const SECONDS = 1000;
const MINUTES = 60 * SECONDS;
/** With less the other makers of a presignature would not wait for this node. */
const LEAST_POOL_CPU = 0.05;
/** Rust nodes begin whenever they are started, and look for primes in the middle of it. */
const INTEROP_PATIENCE = 15;

/**
 * The level in a Rust filter (`info`, `warn,node=debug`, `node=trace`): the one that stands alone, or else the first;
 * `info` when there is none that we know.
 */
function levelOfRustFilter(filter: string): Level {
  const directives = filter.toLowerCase().split(',').map((directive) => directive.trim());
  const directive = directives.find((text) => !text.includes('=')) ?? directives[0] ?? '';
  const level = directive.slice(directive.lastIndexOf('=') + 1);
  return level === 'off' ? 'silent' : (LevelSchema.safeParse(level).data ?? 'info');
}

/** A part of a whole, as a decimal fraction. */
const share = (min: number, preset: number) => {
  const range = `must be a number, ${min} to 1`;
  const digits = z.string().regex(/^[01](\.\d{1,6})?$/, range);
  return digits.transform(Number).refine((number) => number >= min && number <= 1, range).default(preset);
};
const milliseconds = (preset: number) => integer(1, 24 * 60 * MINUTES, preset);

/** The environment: name, range, preset and what it is for. */
export const Environment = z.object({
  NODE_ID: z
    .string('is required: node-1, node-2, …')
    .refine((id) => nodeIndex(id, 256) !== null, 'must be node-1, node-2, …')
    .describe('which node this is: node-1, node-2, …'),
  MESSAGE_BOARD_URL: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).default('http://127.0.0.1:8080').describe('the message board'),
  DATA_DIR: z.string().default('./data').describe('folder for key share and aux info; its mode becomes 0700'),
  ROSTER_FILE: z.string().optional().describe('who belongs to the cluster; else DATA_DIR/roster.json'),
  IDENTITY_FILE: z.string().optional().describe('the identity of this node; else DATA_DIR/identity_<NODE_ID>.json'),
  SEAL_KEY: z
    .string(`is required: ${SEAL_KEY_FORMS}`)
    .pipe(SealKeySourceSchema)
    .describe(`under what the secret files are sealed; required: ${SEAL_KEY_FORMS}`),
  N_NODES: integer(2, 256).optional().describe('nodes in the cluster, if it is to be checked against the roster'),
  THRESHOLD: integer(2, 256).optional().describe('how many of them sign, if it is to be checked against the roster'),
  LOG_LEVEL: LevelSchema.optional().describe(`${LEVELS.join(', ')}; else RUST_LOG, else info`),
  RUST_LOG: z.string().optional().describe('a Rust log filter, such as info or warn,node=debug'),
  HEALTH_PORT: integer(0, 65_535, 0).describe('port of /health and /ready; 0: none'),
  HOST: z.string().default('127.0.0.1').describe('address they are served at; 0.0.0.0 to be reached from elsewhere'),
  WORKERS: integer(1, 256, availableParallelism()).describe('threads for protocol arithmetic'),
  POOL_TARGET: integer(0, 10_000, 20).describe('presignatures that the cluster keeps ready; 0: none, every signature by the full protocol'),
  POOL_MAX: integer(0, 10_000, 30).describe('the most that it keeps when they are used fast; a node that holds so many makes no more'),
  POOL_CPU: share(LEAST_POOL_CPU, 0.5).describe('the most CPU time that making them takes, as a share of all cores of this machine; signing in full is not bounded'),
  FAST_SIGNING_TIMEOUT_MS: milliseconds(3 * SECONDS).describe('a signer silent for so long is replaced on the fast path'),
  FULL_SIGNING_TIMEOUT_MS: milliseconds(60 * SECONDS).describe('… in full signing'),
  POOL_LEADER_TIMEOUT_MS: milliseconds(30 * SECONDS).describe('a leader of the pool silent for so long is replaced'),
  PEER_DEAD_AFTER_MS: milliseconds(3 * SECONDS).describe('a node without a heartbeat for so long counts as down'),
  POLICY_FILE: z.string().optional().describe('what this node signs: JSON with patterns, sizes and rates; else everything'),
  REQUEST_MAX_AGE_MS: integer(1000, 30 * 24 * 60 * MINUTES, 24 * 60 * MINUTES).describe('what a client asked for longer ago is not signed any more'),
  SETUP_TIMEOUT_MS: milliseconds(2 * MINUTES).describe('an attempt at key generation or aux info ends when a node is silent for so long; 15 times as long with a plain roster'),
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
  return {
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
    workers: env.WORKERS,
    /** 0: no pool. */
    poolTarget: sealed ? env.POOL_TARGET : 0,
    poolMax: sealed ? env.POOL_MAX : 0,
    /** CPU-seconds a second that making presignatures takes at most. */
    poolCores: env.POOL_CPU * availableParallelism(),
    fastSigningTimeoutMs: env.FAST_SIGNING_TIMEOUT_MS,
    fullSigningTimeoutMs: env.FULL_SIGNING_TIMEOUT_MS,
    poolLeaderTimeoutMs: env.POOL_LEADER_TIMEOUT_MS,
    peerDeadAfterMs: env.PEER_DEAD_AFTER_MS,
    policyFile: env.POLICY_FILE,
    requestMaxAgeMs: env.REQUEST_MAX_AGE_MS,
    setupTimeoutMs: env.SETUP_TIMEOUT_MS * (sealed ? 1 : INTEROP_PATIENCE),
    /** In the cluster may be Rust nodes, whose proof Pi^prm has 32 instead of 128 bits of soundness. */
    rustInterop: !sealed,
  };
}

export type Config = ReturnType<typeof configFor>;
