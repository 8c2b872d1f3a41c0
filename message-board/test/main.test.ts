import { describe, expect, it } from '@jest/globals';
import { createRequire } from 'node:module';
import { BoardClient } from '../src/client.js';
import { startProgram } from './program.js';
import { until } from './support.js';

const MAIN = createRequire(import.meta.url).resolve('../dist/main.js');

const start = (env: Record<string, string>) => startProgram(MAIN, env);

describe('the program', () => {
  it('serves until SIGTERM, then releases its readers and ends well', async () => {
    const { child, exit, events } = start({ PORT: '0' });
    await until(() => events().some(({ msg }) => msg === 'listening'));
    const listening = events()[0];
    expect(listening).toMatchObject({ service: 'message-board', host: '127.0.0.1' });
    const client = new BoardClient(`http://127.0.0.1:${String(listening?.['port'])}`);
    const reading = client.listRequests({ wait: 30_000 });
    await until(async () => (await client.health()).waiting === 1);
    child.kill('SIGTERM');
    child.kill('SIGTERM');
    expect(await reading).toEqual([]);
    expect(await exit).toBe(0);
    expect(events().map(({ msg }) => msg)).toEqual(['listening', 'closing', 'closed']);
    await client.close();
  });

  it('ends with code 1 when the port is taken', async () => {
    const first = start({ PORT: '0' });
    await until(() => first.events().some(({ msg }) => msg === 'listening'));
    const second = start({ PORT: String(first.events()[0]?.['port']) });
    expect(await second.exit).toBe(1);
    expect(second.events()).toMatchObject([{ msg: 'cannot_listen', err: { code: 'EADDRINUSE' } }]);
    first.child.kill('SIGTERM');
    await first.exit;
  });

  it.each([
    [{ PORT: '80800' }, 'PORT: must be a whole number, 0 to 65535'],
    [{ PORT: 'http' }, 'PORT: '],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL: '],
    [{ RETENTION_SECONDS: '-1' }, 'RETENTION_SECONDS: '],
    [{ ROSTER_FILE: '/nowhere/roster.json' }, '/nowhere/roster.json: cannot be read (ENOENT)'],
  ])('%j ends it with what is wrong', async (env, complaint) => {
    const { exit, output } = start(env);
    expect(await exit).toBe(1);
    expect(output.stderr).toContain(`configuration: ${complaint}`);
    expect(output.stderr).not.toContain('    at ');
  });
});
