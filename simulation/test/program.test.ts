import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const run = (...args: string[]): { code: number | null; stdout: string; stderr: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });
  return { code: status, stdout, stderr };
};

describe('npm run simulate', () => {
  it.each([
    [[]], [['--bogus']], [['--seed', 'livelocks']], [['--seeds', '0']], [['--seeds', '1.5']], [['--from', '3']],
    [['--seed', '1', '--seeds', '2']],
  ])('with %j says how it is called, and ends with code 2', (args) => {
    const { code, stdout, stderr } = run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^npm run simulate -- --seeds N/);
  });

  it('--help says the same on standard output, with code 0', () => {
    expect(run('--help')).toEqual({ code: 0, stdout: expect.stringContaining('--seed S [--trace]'), stderr: '' });
  });
});
