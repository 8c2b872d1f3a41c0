import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const MAIN = join(import.meta.dirname, '../dist/main.js');

interface Output {
  readonly code: number;
  readonly text: string;
}

/** The command as it is run: stand-ins are put in place only in a process of their own. */
async function simulate(...args: string[]): Promise<Output> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args], { maxBuffer: 1 << 28 });
    return { code: 0, text: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { readonly code: number; readonly stdout: string; readonly stderr: string };
    return { code, text: stdout + stderr };
  }
}

test('A seed gives the same run, byte for byte', async () => {
  const [first, second] = await Promise.all([simulate('--seed', '7', '--trace'), simulate('--seed', '7', '--trace')]);
  expect(first.text.split('\n').length).toBeGreaterThan(20);
  expect(second).toEqual(first);
  expect((await simulate('--seed', '8', '--trace')).text).not.toBe(first.text);
});

test('Schedules hold: delays, losses, crashes, corrupt members, bursts, cancellations', async () => {
  const { code, text } = await simulate('--seeds', '40');
  expect(text).toContain('All schedules hold');
  expect(code).toBe(0);
});

test('Four honest nodes who have suspected each other in turn sign all the same', async () => {
  const { code, text } = await simulate('--seed', 'livelock');
  expect(text).toContain('seed livelock: all holds');
  expect(code).toBe(0);
});

test('Without a number of seeds it says how it is used', async () => {
  const { code, text } = await simulate();
  expect(code).toBe(2);
  expect(text).toContain('--seeds N');
});
