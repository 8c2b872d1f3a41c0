import { describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import { startProgram } from '../../message-board/test/program.js';
import { until } from '../../message-board/test/support.js';

const MAIN = createRequire(import.meta.url).resolve('../dist/main.js');

const start = (env: Record<string, string>) => startProgram(MAIN, env);

describe('the program', () => {
  it('serves without a board, and ends well on SIGTERM', async () => {
    const { child, exit, events } = start({ PORT: '0', MESSAGE_BOARD_URL: 'http://127.0.0.1:1' });
    await until(() => events().some(({ msg }) => msg === 'listening'));
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(events().map(({ msg }) => msg)).toEqual(['listening', 'closing', 'closed']);
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
