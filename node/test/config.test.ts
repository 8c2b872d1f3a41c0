import { availableParallelism } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { describeVariables, parseEnv } from 'service/env';
import { configFor, Environment, memberFiles } from '../src/config.js';
import { members } from 'testkit/roster';
import { configOf } from './util/config.js';

const NODE_ID = 'node-1';

describe('the configuration', () => {
  it('needs only NODE_ID and SEAL_KEY; the rest of it is in the roster', () => {
    const settings = parseEnv(Environment, { NODE_ID: 'node-3', SEAL_KEY: 'none' });
    expect(configFor(settings, members(4, 3).roster)).toMatchObject({
      nodeId: 'node-3',
      index: 2,
      n: 4,
      t: 3,
      boardUrl: 'http://127.0.0.1:8080',
      dataDir: './data',
      logLevel: 'info',
      healthPort: 0,
      host: '127.0.0.1',
      poolTarget: 20,
      poolMax: 30,
      fastSigningTimeoutMs: 2_000,
      poolLeaderTimeoutMs: 3_000,
      peerDeadAfterMs: 3_000,
      requestMaxAgeMs: 86_400_000,
      setupTimeoutMs: 120_000,
      rustInterop: false,
    });
  });

  it.each([
    ['NODE_ID', {}, /^NODE_ID: is required/],
    ['NODE_ID', { NODE_ID: 'node-5' }, /^NODE_ID: must be node-1 to node-4$/],
    ['NODE_ID', { NODE_ID: 'node-0' }, /^NODE_ID: must be node-1, node-2, …$/],
    ['NODE_ID', { NODE_ID: '1' }, /^NODE_ID: /],
    ['MESSAGE_BOARD_URL', { NODE_ID, MESSAGE_BOARD_URL: 'board:8080' }, /^MESSAGE_BOARD_URL: must be an http or https URL$/],
    ['N_NODES', { NODE_ID, N_NODES: '1' }, /^N_NODES: must be a whole number, 2 to 256/],
    ['N_NODES', { NODE_ID, N_NODES: '5' }, /^N_NODES: the roster has 4 nodes$/],
    ['THRESHOLD', { NODE_ID, THRESHOLD: '2' }, /^THRESHOLD: it is 3 in the roster$/],
    ['THRESHOLD', { NODE_ID, THRESHOLD: '2.5' }, /^THRESHOLD: must be a whole number/],
    ['LOG_LEVEL', { NODE_ID, LOG_LEVEL: 'verbose' }, /^LOG_LEVEL: must be one of trace, debug/],
    ['POOL_MAX', { NODE_ID, POOL_TARGET: '31' }, /^POOL_MAX: must be at least POOL_TARGET, 31$/],
    ['POOL_CPU', { NODE_ID, POOL_CPU: '0' }, /^POOL_CPU: must be a number, 0.05 to 1$/],
    ['POOL_CPU', { NODE_ID, POOL_CPU: '1.1' }, /^POOL_CPU: must be a number, 0.05 to 1$/],
    ['POOL_CPU', { NODE_ID, POOL_CPU: 'half' }, /^POOL_CPU: must be a number, 0.05 to 1$/],
    ['FAST_SIGNING_TIMEOUT_MS', { NODE_ID, FAST_SIGNING_TIMEOUT_MS: '0' }, /^FAST_SIGNING_TIMEOUT_MS: /],
    ['WORKERS', { NODE_ID, WORKERS: '0' }, /^WORKERS: /],
    ['HEALTH_PORT', { NODE_ID, HEALTH_PORT: '65536' }, /^HEALTH_PORT: /],
    ['SEAL_KEY', { NODE_ID, SEAL_KEY: '' }, /^SEAL_KEY: is required: passphrase-file:PATH, key-file:PATH/],
    ['SEAL_KEY', { NODE_ID, SEAL_KEY: 'f'.repeat(64) }, /^SEAL_KEY: must be (?!.*fff)passphrase-file:PATH/],
  ])('refuses a bad %s by name, %o', (_name, env, message) => {
    expect(() => configOf(env)).toThrow(message);
  });

  it('names every wrong variable in one line', () => {
    expect(() => configOf({ NODE_ID, WORKERS: 'many', THRESHOLD: 'x' })).toThrow(/^(?=.*WORKERS: )(?=.*THRESHOLD: )[^\n]*$/);
    expect(() => configOf({ NODE_ID, N_NODES: '5', THRESHOLD: '2' })).toThrow(/^(?=.*N_NODES: )(?=.*THRESHOLD: )[^\n]*$/);
  });

  it.each([
    ['debug', 'debug'],
    ['INFO', 'info'],
    ['warn,node=debug', 'warn'],
    ['node=debug,warn', 'warn'],
    ['threshold_node=trace', 'trace'],
    ['off', 'silent'],
    ['nonsense', 'info'],
    ['', 'info'],
  ])('takes the level of RUST_LOG=%s', (RUST_LOG, level) => {
    expect(configOf({ NODE_ID, RUST_LOG }).logLevel).toBe(level);
    expect(configOf({ NODE_ID, RUST_LOG, LOG_LEVEL: 'error' }).logLevel).toBe('error');
  });

  it('has no pool, and patience, among Rust nodes', () => {
    const { roster } = members(4, 3, 'plain');
    const expected = { rustInterop: true, poolTarget: 0, poolMax: 0, setupTimeoutMs: 1_800_000 };
    expect(configOf({ NODE_ID }, roster)).toMatchObject(expected);
  });

  it('finds roster and identity beside the key share, or where it is told', () => {
    const settings = { NODE_ID: 'node-2', SEAL_KEY: 'none', DATA_DIR: '/data' };
    const filesOf = (more: Record<string, string>) => memberFiles(parseEnv(Environment, { ...settings, ...more }));
    expect(filesOf({})).toEqual({ roster: '/data/roster.json', identity: '/data/identity_node-2.json' });
    expect(filesOf({ ROSTER_FILE: 'r', IDENTITY_FILE: 'i' })).toEqual({ roster: 'r', identity: 'i' });
  });

  it('takes POOL_CPU as a share of the cores of this machine', () => {
    expect(configOf({ NODE_ID }).poolCores).toBe(0.5 * availableParallelism());
    expect(configOf({ NODE_ID, POOL_CPU: '1' }).poolCores).toBe(availableParallelism());
    expect(configOf({ NODE_ID, POOL_CPU: '0.05' }).poolCores).toBe(0.05 * availableParallelism());
  });

  it('accepts N_NODES and THRESHOLD that are the roster\'s', () => {
    expect(configOf({ NODE_ID, N_NODES: '5', THRESHOLD: '2' }, members(5, 2).roster)).toMatchObject({ n: 5, t: 2 });
  });

  it('describes every variable that it knows', () => {
    const described = describeVariables(Environment);
    const names = [
      'NODE_ID', 'MESSAGE_BOARD_URL', 'RUST_LOG', 'DATA_DIR', 'HEALTH_PORT', 'POOL_TARGET', 'POOL_CPU',
      'ROSTER_FILE', 'IDENTITY_FILE', 'SEAL_KEY',
    ];
    for (const name of names) expect(described).toContain(`  ${name} `);
  });
});
