import { describe, expect, it } from '@jest/globals';
import { describeVariables, parseConfig } from '../src/config.js';

const NODE_ID = 'node-1';

describe('the configuration', () => {
  it('needs only NODE_ID', () => {
    expect(parseConfig({ NODE_ID: 'node-3' })).toMatchObject({
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
      fastSigningTimeoutMs: 3_000,
      fullSigningTimeoutMs: 60_000,
      poolLeaderTimeoutMs: 30_000,
      peerDeadAfterMs: 3_000,
      setupTimeoutMs: 120_000,
      rustInterop: false,
    });
  });

  it.each([
    ['NODE_ID', {}, /^NODE_ID: is required/],
    ['NODE_ID', { NODE_ID: 'node-5' }, /^NODE_ID: must be node-1 to node-4$/],
    ['NODE_ID', { NODE_ID: 'node-0' }, /^NODE_ID: /],
    ['NODE_ID', { NODE_ID: '1' }, /^NODE_ID: /],
    ['MESSAGE_BOARD_URL', { NODE_ID, MESSAGE_BOARD_URL: 'board:8080' }, /^MESSAGE_BOARD_URL: must be an http or https URL$/],
    ['N_NODES', { NODE_ID, N_NODES: '1' }, /^N_NODES: must be a whole number, 2 to 256/],
    ['THRESHOLD', { NODE_ID, THRESHOLD: '5' }, /^THRESHOLD: must be at most N_NODES, 4$/],
    ['THRESHOLD', { NODE_ID, THRESHOLD: '2.5' }, /^THRESHOLD: must be a whole number/],
    ['LOG_LEVEL', { NODE_ID, LOG_LEVEL: 'verbose' }, /^LOG_LEVEL: must be one of trace, debug/],
    ['POOL_MAX', { NODE_ID, POOL_TARGET: '31' }, /^POOL_MAX: must be at least POOL_TARGET, 31$/],
    ['FAST_SIGNING_TIMEOUT_MS', { NODE_ID, FAST_SIGNING_TIMEOUT_MS: '0' }, /^FAST_SIGNING_TIMEOUT_MS: /],
    ['WORKERS', { NODE_ID, WORKERS: '0' }, /^WORKERS: /],
    ['HEALTH_PORT', { NODE_ID, HEALTH_PORT: '65536' }, /^HEALTH_PORT: /],
    ['RUST_INTEROP', { NODE_ID, RUST_INTEROP: 'yes' }, /^RUST_INTEROP: must be a whole number, 0 to 1$/],
  ])('refuses a bad %s by name, %o', (_name, env, message) => {
    expect(() => parseConfig(env)).toThrow(message);
  });

  it('names every wrong variable in one line', () => {
    expect(() => parseConfig({ NODE_ID, WORKERS: 'many', THRESHOLD: 'x' })).toThrow(/^(?=.*WORKERS: )(?=.*THRESHOLD: )[^\n]*$/);
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
    expect(parseConfig({ NODE_ID, RUST_LOG }).logLevel).toBe(level);
    expect(parseConfig({ NODE_ID, RUST_LOG, LOG_LEVEL: 'error' }).logLevel).toBe('error');
  });

  it('has no pool, and patience, among Rust nodes', () => {
    expect(parseConfig({ NODE_ID, RUST_INTEROP: '1' })).toMatchObject({ rustInterop: true, poolTarget: 0, poolMax: 0, setupTimeoutMs: 1_800_000 });
  });

  it('describes every variable that it knows', () => {
    const described = describeVariables();
    for (const name of ['NODE_ID', 'MESSAGE_BOARD_URL', 'RUST_LOG', 'DATA_DIR', 'HEALTH_PORT', 'POOL_TARGET', 'RUST_INTEROP']) expect(described).toContain(`  ${name} `);
  });
});
