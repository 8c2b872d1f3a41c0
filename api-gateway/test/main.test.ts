import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { until } from '../../message-board/test/support.js';

const MAIN = createRequire(import.meta.url).resolve('../dist/main.js');

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  const events = (): unknown[] => output.stdout.split('\n').slice(0, -1).map((line) => (JSON.parse(line) as { msg: string }).msg);
  return { child, output, exit, events };
}

describe('the program', () => {
  it('serves without a board, and ends well on SIGTERM', async () => {
    const { child, exit, events } = start({ PORT: '0', MESSAGE_BOARD_URL: 'http://127.0.0.1:1' });
    await until(() => events().includes('listening'));
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(events()).toEqual(['listening', 'closing', 'closed']);
  });

  it.each([
    [{ MESSAGE_BOARD_URL: 'board' }, 'MESSAGE_BOARD_URL: '],
    [{ MESSAGE_BOARD_URL: 'ftp://board' }, 'MESSAGE_BOARD_URL: '],
    [{ PORT: '-1' }, 'PORT: '],
  ])('%j ends it with what is wrong', async (env, complaint) => {
    const { exit, output } = start(env);
    expect(await exit).toBe(1);
    expect(output.stderr).toContain(`configuration: ${complaint}`);
  });
});
